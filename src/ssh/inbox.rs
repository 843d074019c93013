//! Data that has arrived on a channel and has not been read yet.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use russh::ChannelId;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many bytes of a stream may wait for its reader before the connection stops reading. This is the size
/// of a channel's window, so that an unread stream does not block the other one sooner than it would in
/// `ssh`.
pub(super) const ROOM: usize = 2 << 20;

/// The same for a connection with several channels: the others would stall too, while in `ssh` a channel
/// stalls only itself.
pub(super) const SHARED_ROOM: usize = 64 << 20;

/// More than all windows of the connection inside a tunnel together.
const TUNNEL_ROOM: usize = 32 << 20;

/// The streams of a channel that the server sends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Stdout = 0,
    Stderr = 1,
}

/// The inbox of one channel. The connection's task writes to it, [`Incoming`] reads from it.
#[derive(Debug, Default)]
pub struct Inbox {
    state: Mutex<State>,
    /// Something was read, or the reader was dropped.
    read: Notify,
    /// The channel no longer accepts data.
    pub gone: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    streams: [Waiting; 2],
    /// The signal that ended the program at the other end, if it was a signal.
    signal: Option<String>,
    abandoned: bool,
    /// Whether the channel carries another connection, which has its own windows.
    tunnel: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Vec<u8>>,
    /// How many bytes of the first chunk have been read.
    read: usize,
    bytes: usize,
    ended: bool,
    reader: Option<Waker>,
}

impl Inbox {
    /// Adds data that arrived. Waits if the reader is behind, so that the server has to wait too. Both
    /// streams of a channel share one window, which russh extends as it reads, so waiting here is the only
    /// thing that slows a server down.
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
            // The sender exceeded the windows inside the tunnel: its tunnel is ended, and no other host waits
            // for it.
            stream.ended = true;
            stream.wake();
        } else if tunnel || stream.bytes < room {
            stream.push(data);
        } else {
            return false;
        }
        true
    }

    /// Marks that the channel carries another connection. Waiting here would block every host behind the same
    /// jump host. The amount of data in flight is limited by the windows of the inner channels.
    pub fn set_tunnel(&self) {
        self.state().tunnel = true;
    }

    /// Records that the channel, or its connection, is closed.
    pub fn close(&self) {
        self.end();
        self.gone.cancel();
    }

    /// Records that no more data will arrive on either stream.
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

    /// Records that the reader was dropped.
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

    /// Moves the available data into a reader's buffer.
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
            // An idle host should not keep a buffer.
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
    /// The inbox of a channel, created by the first caller: the connection's task, which is notified that the
    /// channel is open, or the caller that opens it.
    pub(crate) fn open(&self, channel: ChannelId) -> Arc<Inbox> {
        Arc::clone(self.all().entry(channel).or_default())
    }

    /// Whether the connection has more than one channel.
    pub(crate) fn are_shared(&self) -> bool {
        self.all().len() > 1
    }

    pub(crate) fn get(&self, channel: ChannelId) -> Option<Arc<Inbox>> {
        self.all().get(&channel).cloned()
    }

    pub(crate) fn remove(&self, channel: ChannelId) -> Option<Arc<Inbox>> {
        self.all().remove(&channel)
    }

    /// Closes all inboxes, because the connection has ended.
    pub(crate) fn end(&self) {
        for inbox in self.all().values() {
            inbox.close();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ChannelId, Arc<Inbox>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
