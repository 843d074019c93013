//! A channel of a connection, as the streams of the program at the other end.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use russh::client::Msg;
use russh::{ChannelId, ChannelWriteHalf};
use tokio::io::AsyncWrite;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard, PollSender};

use super::inbox::{Inbox, Incoming, Which};
use super::news::News;

/// Keeps a connection open as long as it is held.
pub(super) type KeepsOpen = Arc<dyn Any + Send + Sync>;

/// The maximum that is accepted from a writer at once, in bytes. The channel splits it into packets.
const MAX_CHUNK: usize = 64 << 10;

/// Writes to a channel. Accepted bytes are sent even if the caller is dropped or then writes other bytes.
pub struct Outgoing {
    sender: PollSender<Vec<u8>>,
    /// Used by a tunnel, in which nothing else holds the guard.
    _guard: Option<ChannelGuard>,
}

/// Both directions of a channel that carries another connection.
pub(super) type Tunnel = tokio::io::Join<Incoming, Outgoing>;

impl Outgoing {
    /// The task started here ends the channel's input when the writer is shut down or dropped, and closes the
    /// channel when the guard is dropped.
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
            // Tells the writer that its bytes are no longer accepted.
            drop(chunks);
            closed.cancelled().await;
            // The connection may already be closed.
            let _ = channel.close().await;
        });
        Self {
            sender: PollSender::new(sender),
            _guard: None,
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
        let count = bytes.len().min(MAX_CHUNK);
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

/// Holds a channel: it keeps the connection open, and dropping it closes the channel.
pub struct ChannelGuard {
    news: Arc<News>,
    inbox: Arc<Inbox>,
    channel: ChannelId,
    _connection: KeepsOpen,
    _place: OwnedSemaphorePermit,
    _open: DropGuard,
}

impl ChannelGuard {
    /// A message about the channel after it has ended, if there is one.
    #[must_use]
    pub fn epitaph(&self) -> Option<String> {
        self.news.epitaph(&self.inbox)
    }
}

impl Drop for ChannelGuard {
    fn drop(&mut self) {
        self.news.inboxes.remove(self.channel);
        self.inbox.abandon();
    }
}

/// An open channel: one input and two outputs.
pub struct OpenChannel {
    pub outgoing: Outgoing,
    pub stdout: Incoming,
    pub stderr: Incoming,
    pub guard: ChannelGuard,
}

impl OpenChannel {
    pub(super) fn new(
        connection: KeepsOpen,
        news: Arc<News>,
        channel: ChannelWriteHalf<Msg>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let id = channel.id();
        let closed = CancellationToken::new();
        let inbox = news.inboxes.open(id);
        Self {
            outgoing: Outgoing::start(channel, inbox.gone.clone(), closed.clone()),
            stdout: Incoming::new(&inbox, Which::Stdout),
            stderr: Incoming::new(&inbox, Which::Stderr),
            guard: ChannelGuard {
                news,
                inbox,
                channel: id,
                _connection: connection,
                _place: place,
                _open: closed.drop_guard(),
            },
        }
    }

    /// Turns the channel into a connection that a jump host opened for us. It keeps the connection to the
    /// jump host open.
    pub(super) fn into_tunnel(self) -> Tunnel {
        self.guard.inbox.set_tunnel();
        let outgoing = Outgoing {
            _guard: Some(self.guard),
            ..self.outgoing
        };
        tokio::io::join(self.stdout, outgoing)
    }
}
