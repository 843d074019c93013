//! The output of a step, bounded.

use std::borrow::Cow;
use std::collections::VecDeque;

/// The output of a step. At most [`Captured::LIMIT`] bytes are kept: the first half and the last half of
/// that; the bytes between are counted. The listener receives all of it as it arrives
/// ([`Listener::chunk`](super::Listener::chunk)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Kept up to [`Captured::WHOLE`] without omitting the middle.
    whole: bool,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    elided: u64,
}

impl Captured {
    /// 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// The maximum size of the answer of a probe: a host that answers endlessly is given up.
    const WHOLE: usize = 64 << 20;

    const HALF: usize = Self::LIMIT / 2;

    /// Creates one that keeps all of an output that limits itself, as a probe of ops does.
    pub(super) fn whole() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if self.whole {
            let room = Self::WHOLE.saturating_sub(self.head.len());
            let (fits, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(fits);
            self.elided += rest.len() as u64;
            return;
        }
        let room = Self::HALF - self.head.len();
        if room > 0 {
            let (fits, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(fits);
            bytes = rest;
        }
        if let Some(beyond) = bytes.len().checked_sub(Self::HALF)
            && beyond > 0
        {
            self.elided += (self.tail.len() + beyond) as u64;
            self.tail.clear();
            bytes = &bytes[beyond..];
        }
        let beyond = (self.tail.len() + bytes.len()).saturating_sub(Self::HALF);
        self.tail.drain(..beyond);
        self.elided += beyond as u64;
        self.tail.extend(bytes);
    }

    /// The bytes that were kept. If bytes were elided, a line with their number replaces them.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        if self.tail.is_empty() {
            return Cow::Borrowed(&self.head);
        }
        let mut bytes = self.head.clone();
        if self.elided > 0 {
            bytes.extend_from_slice(
                format!("\n[... {} bytes elided ...]\n", self.elided).as_bytes(),
            );
        }
        let (first, second) = self.tail.as_slices();
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(second);
        Cow::Owned(bytes)
    }

    /// [`Captured::bytes`] as text; invalid UTF-8 is replaced by U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// The number of bytes missing from the middle.
    #[must_use]
    pub const fn elided(&self) -> u64 {
        self.elided
    }
}

impl From<&[u8]> for Captured {
    fn from(bytes: &[u8]) -> Self {
        let mut captured = Self::default();
        captured.push(bytes);
        captured
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elides_the_middle() {
        let mut captured = Captured::default();
        for _ in 0..299 {
            captured.push(&[7; 10_000]);
        }
        captured.push(&[8; 10_000]);
        assert_eq!(captured.elided(), 3_000_000 - Captured::LIMIT as u64);
        let bytes = captured.bytes();
        assert_eq!(bytes[0], 7);
        assert_eq!(*bytes.last().unwrap(), 8);
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        #[test]
        fn chunks_do_not_matter(sizes in proptest::collection::vec(0_usize..700_000, 0..6)) {
            let total: usize = sizes.iter().sum();
            let all: Vec<u8> = (0..=250).cycle().take(total).collect();
            let mut captured = Captured::default();
            let mut rest = &all[..];
            for size in sizes {
                let (chunk, after) = rest.split_at(size);
                captured.push(chunk);
                rest = after;
            }
            prop_assert_eq!(&captured, &Captured::from(&all[..]));
            let elided = total.saturating_sub(Captured::LIMIT);
            prop_assert_eq!(captured.elided(), elided as u64);
            if total <= Captured::LIMIT {
                prop_assert_eq!(&captured.bytes()[..], &all[..]);
            }
        }
    }
}
