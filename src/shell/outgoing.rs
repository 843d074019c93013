//! The outgoing messages to the host; the bodies of files are read while they are sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Payload;
use super::program::{Block, MIB, Message};

/// The maximum number of bytes of a file in memory at a time.
const PIECE_SIZE: usize = 256 << 10;

/// How much of a body one message carries. The host starts a process for each message, and a request can be
/// cancelled only between two of them. So messages grow while they are sent quickly.
struct Pace {
    size: u64,
    /// When writing of the current message began.
    begun: Instant,
}

impl Pace {
    /// The smallest and the largest message, in bytes.
    const SIZES: (u64, u64) = (2 * MIB, 8 * MIB);

    /// The time that sending a message should take.
    const TIMES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(400));

    fn begin(&mut self) -> u64 {
        self.begun = Instant::now();
        self.size
    }

    fn left(&mut self) {
        let took = self.begun.elapsed();
        if took < Self::TIMES.0 {
            self.size = Self::SIZES.1.min(self.size * 2);
        } else if took > Self::TIMES.1 {
            self.size = Self::SIZES.0.max(self.size / 2);
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            size: Self::SIZES.0,
            begun: Instant::now(),
        }
    }
}

/// Messages that wait to be written, and how much of the first has been.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Sent before the bootstrap; the rest waits for it.
    early: VecDeque<Message>,
    queue: VecDeque<Message>,
    /// How many bytes of the first message were written.
    written: u64,
    pace: Pace,
    /// Bytes of the file that the first message sends a part of, and their offset in it.
    piece: (u64, Vec<u8>),
}

impl Outgoing {
    pub(crate) fn push_early(&mut self, message: Message) {
        self.early.push_back(message);
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.queue.push_back(message);
    }

    pub(crate) fn extend(&mut self, messages: Vec<Message>) {
        self.queue.extend(messages);
    }

    /// Nothing can be written any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops the messages of which nothing has been sent. Returns whether there were any.
    pub(crate) fn drop_unsent(&mut self) -> bool {
        let before = self.queue.len();
        self.queue
            .truncate(usize::from(self.written > 0 && self.early.is_empty()));
        self.queue.len() < before
    }

    fn first(&self, early_only: bool) -> Option<&Message> {
        match self.early.front() {
            None if !early_only => self.queue.front(),
            early => early,
        }
    }

    /// The next block, and the offset in its payload to continue from.
    fn block(&self) -> Option<(&Block, u64)> {
        let message = self.first(false)?;
        let at = self.written.checked_sub(message.head.len() as u64)?;
        let block = message.body.as_ref()?;
        Some((block, block.range.start + at))
    }

    /// Reads what is to be written next if it is in a file. Call it before [`front`](Self::front).
    pub(crate) async fn prepare(&mut self) {
        if self.early.is_empty()
            && let Some(first) = self.queue.front_mut()
            && first.head.is_empty()
            && let Some(rest) = first.cut(self.pace.begin())
        {
            self.queue.insert(1, rest);
        }
        let Some((block, at)) = self.block() else {
            return;
        };
        let Payload::File(file) = &block.payload else {
            return;
        };
        let (from, bytes) = &self.piece;
        if (*from..*from + bytes.len() as u64).contains(&at) || at >= block.range.end {
            return;
        }
        let left = usize::try_from(block.range.end - at).unwrap_or(PIECE_SIZE);
        let (file, step) = (file.clone(), block.step);
        let mut bytes = std::mem::take(&mut self.piece.1);
        // The file may be on a slow disk.
        let read = tokio::task::spawn_blocking(move || {
            bytes.resize(left.min(PIECE_SIZE), 0);
            file.read(at, &mut bytes).map(|()| bytes)
        });
        let read = read.await.unwrap_or_else(|error| Err(error.to_string()));
        self.piece = match read {
            Ok(bytes) => (at, bytes),
            Err(reason) => {
                self.spoil(step, &reason);
                // The message promised this number of bytes.
                (at, vec![0; left])
            }
        };
    }

    /// Gives up the body of a step: the step fails for this reason.
    fn spoil(&mut self, step: usize, reason: &str) {
        let is_of = |message: &Message| message.body.as_ref().is_some_and(|b| b.step == step);
        let mut first = self.queue.pop_front();
        self.queue.retain(|message| !is_of(message));
        self.queue.push_front(Message::spoiled(step, reason));
        if let Some(first) = first.take() {
            self.queue.push_front(first);
        }
    }

    /// The bytes to write next. With `early_only`, the rest has to wait.
    pub(crate) fn front(&self, early_only: bool) -> Option<&[u8]> {
        let message = self.first(early_only)?;
        let written = usize::try_from(self.written).unwrap_or(usize::MAX);
        if let Some(head) = message.head.get(written..).filter(|h| !h.is_empty()) {
            return Some(head);
        }
        let Some((block, at)) = self.block() else {
            return Some(&[]);
        };
        Some(match &block.payload {
            Payload::Held(bytes) => part(bytes, at, block.range.end),
            Payload::File(_) => {
                let (from, bytes) = &self.piece;
                part(bytes, at.saturating_sub(*from), block.range.end - from)
            }
        })
    }

    /// Records that `count` bytes were written. Returns whether nothing more is waiting.
    pub(crate) fn wrote(&mut self, count: usize) -> bool {
        self.written += count as u64;
        let queue = if self.early.is_empty() {
            &mut self.queue
        } else {
            &mut self.early
        };
        if queue
            .front()
            .is_some_and(|message| self.written < message.size())
        {
            return false;
        }
        if queue.pop_front().is_some_and(|left| left.body.is_some()) {
            self.pace.left();
        }
        self.written = 0;
        if self.queue.front().is_none_or(|next| next.body.is_none()) {
            self.piece = (0, Vec::new());
        }
        self.queue.is_empty()
    }
}

/// The bytes between two offsets, limited to those that `bytes` contains.
fn part(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let index = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    &bytes[index(from)..index(to)]
}
