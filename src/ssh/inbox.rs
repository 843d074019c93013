//! What has arrived on a channel and is not read yet.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use russh::ChannelId;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How much of a stream waits for its reader before the connection stops reading. As large as a channel's
/// window: so an unread stream does not hold up the other one sooner than it would in `ssh`.
pub(super) const ROOM: usize = 2 << 20;

/// The same where a connection has other channels: they would stall too, while in `ssh` each waits only for
/// itself.
pub(super) const SHARED_ROOM: usize = 64 << 20;

/// More than all windows of the connection in a tunnel together.
const TUNNEL_ROOM: usize = 32 << 20;

/// The streams of a channel that the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Stdout = 0,
    Stderr = 1,
}

/// One channel's. The connection's task writes it, [`Incoming`] reads it.
#[derive(Debug, Default)]
pub struct Inbox {
    state: Mutex<State>,
    /// Something was read, or the reader is gone.
    read: Notify,
    /// The channel accepts nothing any more.
    pub gone: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    streams: [Waiting; 2],
    /// What ended the program at the other end, if it was a signal.
    signal: Option<String>,
    abandoned: bool,
    /// It carries another connection, which has windows of its own.
    tunnel: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Vec<u8>>,
    /// How much of the first chunk is read.
    read: usize,
    bytes: usize,
    ended: bool,
    reader: Option<Waker>,
}

impl Inbox {
    /// Adds what arrived. Waits while its reader is behind: the server then has to wait too. There is one
    /// window for both streams of a channel, and russh opens it as it reads: so waiting here is all that
    /// slows a server down.
    pub async fn push(&self, which: Which, data: &[u8], room: usize) {
        loop {
            let read = self.read.notified();
            if self.try_push(which, data, room) {
                return;
            }
            read.await;
        }
    }

    /// Whether [`push`](Self::push) would not wait.
    pub fn has_room(&self, which: Which, room: usize) -> bool {
        let state = self.state();
        state.abandoned || state.tunnel || state.streams[which as usize].bytes < room
    }

    fn try_push(&self, which: Which, data: &[u8], room: usize) -> bool {
        let mut state = self.state();
        if state.abandoned {
            return true;
        }
        let tunnel = state.tunnel;
        let stream = &mut state.streams[which as usize];
        if tunnel && stream.bytes > TUNNEL_ROOM {
            // The sender did not keep to the windows inside: it is cut off, and nobody else waits for it.
            stream.ended = true;
            stream.wake();
        } else if tunnel || stream.bytes < room {
            stream.push(data);
        } else {
            return false;
        }
        true
    }

    /// The channel carries another connection. Waiting here would hold up every host behind the same jump
    /// host; what is in flight is bounded by the windows of the channels inside.
    pub fn set_tunnel(&self) {
        self.state().tunnel = true;
    }

    /// The channel is closed, or its connection is.
    pub fn close(&self) {
        self.end();
        self.gone.cancel();
    }

    /// No more will come on either stream.
    pub fn end(&self) {
        let mut state = self.state();
        for stream in &mut state.streams {
            stream.ended = true;
            stream.wake();
        }
    }

    pub fn ended_by(&self, signal: String) {
        self.state().signal = Some(signal);
    }

    pub fn signal(&self) -> Option<String> {
        self.state().signal.clone()
    }

    /// The reader is gone.
    pub fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.streams = <[Waiting; 2]>::default();
        drop(state);
        self.read.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.bytes += data.len();
        self.chunks.push_back(data.to_vec());
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Moves what there is into a reader's buffer.
    fn take(&mut self, into: &mut ReadBuf<'_>) {
        while into.remaining() > 0
            && let Some(chunk) = self.chunks.front()
        {
            let rest = &chunk[self.read..];
            let count = rest.len().min(into.remaining());
            into.put_slice(&rest[..count]);
            self.read += count;
            self.bytes -= count;
            if self.read == chunk.len() {
                self.chunks.pop_front();
                self.read = 0;
            }
        }
        if self.chunks.is_empty() {
            // An idle host keeps no buffer.
            self.chunks.shrink_to(0);
        }
    }
}

/// Reads one stream of a channel.
pub struct Incoming {
    inbox: Arc<Inbox>,
    which: Which,
}

impl Incoming {
    pub fn new(inbox: &Arc<Inbox>, which: Which) -> Self {
        Self {
            inbox: Arc::clone(inbox),
            which,
        }
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut state = self.inbox.state();
        let stream = &mut state.streams[self.which as usize];
        if stream.bytes == 0 && !stream.ended {
            stream.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let was_full = stream.bytes >= ROOM;
        stream.take(into);
        if was_full {
            drop(state);
            self.inbox.read.notify_one();
        }
        Poll::Ready(Ok(()))
    }
}

/// The inboxes of a connection's channels.
#[derive(Debug, Default)]
pub(super) struct Inboxes {
    open: Mutex<HashMap<ChannelId, Arc<Inbox>>>,
}

impl Inboxes {
    /// The inbox of a channel, made by the first who asks: the connection's task, which hears that the
    /// channel is open, or the caller who opens it.
    pub fn open(&self, channel: ChannelId) -> Arc<Inbox> {
        Arc::clone(self.all().entry(channel).or_default())
    }

    /// Whether there is more than one channel.
    pub fn are_shared(&self) -> bool {
        self.all().len() > 1
    }

    pub fn get(&self, channel: ChannelId) -> Option<Arc<Inbox>> {
        self.all().get(&channel).cloned()
    }

    pub fn remove(&self, channel: ChannelId) -> Option<Arc<Inbox>> {
        self.all().remove(&channel)
    }

    /// The connection has ended.
    pub fn end(&self) {
        for inbox in self.all().values() {
            inbox.close();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ChannelId, Arc<Inbox>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
