//! A channel of a connection, as the streams of a waiting `sh`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio::io::AsyncWrite;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard, PollSender};

use crate::shell::{Guard, Stream};

use super::inbox::{Inbox, Incoming, Which};
use super::link::Link;

/// The most that is taken from a writer at once. The channel cuts it into packets.
const CHUNK: usize = 64 << 10;

/// Writes to a channel. What it takes is on its way: a caller that goes away, or comes back with other bytes, changes
/// nothing of that.
pub(super) struct Outgoing {
    sender: PollSender<Vec<u8>>,
}

impl Outgoing {
    /// The task behind it ends the channel's input when the writer is shut down or dropped, and closes the channel when the
    /// guard is dropped.
    fn start(
        channel: ChannelWriteHalf<Msg>,
        gone: CancellationToken,
        closed: CancellationToken,
    ) -> Self {
        let (sender, mut chunks) = mpsc::channel::<Vec<u8>>(1);
        tokio::spawn(async move {
            let write = async {
                while let Some(chunk) = chunks.recv().await {
                    channel.data_bytes(chunk).await?;
                }
                channel.eof().await
            };
            let _ = closed
                .run_until_cancelled(gone.run_until_cancelled(write))
                .await;
            // Who still writes is told.
            drop(chunks);
            closed.cancelled().await;
            // The connection may be gone.
            let _ = channel.close().await;
        });
        Self {
            sender: PollSender::new(sender),
        }
    }
}

impl AsyncWrite for Outgoing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.sender.poll_reserve(context)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        let count = bytes.len().min(CHUNK);
        self.sender
            .send_item(bytes[..count].to_vec())
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

/// What a channel's stream holds: the connection, and the channel's place on it.
pub(super) struct Held {
    pub link: Arc<Link>,
    pub inbox: Arc<Inbox>,
    pub channel: russh::ChannelId,
    pub _place: OwnedSemaphorePermit,
    /// Dropping it closes the channel.
    pub _open: DropGuard,
}

impl Guard for Held {
    fn epitaph(&self) -> Option<String> {
        self.link.epitaph(self.inbox.exit().as_ref())
    }

    fn ends_with_transport(&self) -> bool {
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.link.inboxes().remove(self.channel);
        self.inbox.abandon();
    }
}

/// What writes to an open channel, and what holds it.
pub(super) fn halves(
    link: Arc<Link>,
    channel: ChannelWriteHalf<Msg>,
    place: OwnedSemaphorePermit,
) -> (Outgoing, Held) {
    let id = channel.id();
    let closed = CancellationToken::new();
    let held = Held {
        inbox: link.inboxes().open(id),
        link,
        channel: id,
        _place: place,
        _open: closed.clone().drop_guard(),
    };
    (
        Outgoing::start(channel, held.inbox.gone.clone(), closed),
        held,
    )
}

/// The streams of a program that runs on a channel.
pub(super) fn stream(
    link: Arc<Link>,
    channel: ChannelWriteHalf<Msg>,
    place: OwnedSemaphorePermit,
) -> Stream {
    let (outgoing, held) = halves(link, channel, place);
    Stream {
        stdin: Box::new(outgoing),
        stdout: Box::new(Incoming::new(&held.inbox, Which::Stdout)),
        stderr: Box::new(Incoming::new(&held.inbox, Which::Stderr)),
        guard: Box::new(held),
    }
}
