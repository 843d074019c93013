//! Replacing secrets in a stream that arrives in chunks.

use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};

use super::Secrets;
use super::scrubber::{REPLACEMENT, Scrubber, join};

/// Scrubs a stream chunk by chunk, with the same result as scrubbing it whole.
///
/// It holds back only bytes that may be the beginning of a secret; [`StreamScrubber::finish`] returns them. A
/// secret that is added later is found in everything that was not returned before.
pub struct StreamScrubber {
    secrets: Secrets,
    scrubber: Scrubber,
    /// One for each tier of the scrubber.
    states: Vec<Option<StateID>>,
    held: Vec<u8>,
    /// Where `held` begins in the stream, in bytes.
    base: usize,
    /// The last secret that was replaced. It may reach past `safe`, then `held` begins after it.
    replaced: Range<usize>,
    /// Secrets that were found in `held`, and may turn out to be parts of longer ones.
    waiting: Vec<Range<usize>>,
}

impl StreamScrubber {
    /// It also finds secrets that are added in the meantime.
    #[must_use]
    pub fn new(secrets: &Secrets) -> Self {
        let scrubber = secrets.scrubber();
        let states = scrubber.tiers().iter().map(|tier| tier.start()).collect();
        Self {
            secrets: secrets.clone(),
            scrubber,
            states,
            held: Vec::new(),
            base: 0,
            replaced: 0..0,
            waiting: Vec::new(),
        }
    }

    /// Takes a chunk and returns what is safe to show.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let scrubber = self.secrets.scrubber();
        let mut from = self.held.len();
        if !scrubber.is(&self.scrubber) {
            // Bytes before `held` are gone, so it is enough to search from its beginning.
            self.states = scrubber.tiers().iter().map(|tier| tier.start()).collect();
            self.scrubber = scrubber;
            from = 0;
        }
        self.held.extend_from_slice(chunk);
        let open = self.search(from);
        self.give((self.base + self.held.len()).saturating_sub(open))
    }

    /// The end of the stream: returns what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        self.give(self.base + self.held.len())
    }

    /// Searches `held` from an index on. Returns how many bytes at the end may begin a secret.
    fn search(&mut self, from: usize) -> usize {
        let mut open = 0;
        for (tier, state) in self.scrubber.tiers().iter().zip(&mut self.states) {
            let Some(state) = state else { continue };
            let automaton = &tier.automaton;
            for (at, byte) in self.held.iter().enumerate().skip(from) {
                *state = automaton.next_state(Anchored::No, *state, *byte);
                if automaton.is_match(*state) {
                    let end = self.base + at + 1;
                    let longest = (0..automaton.match_len(*state))
                        .map(|index| automaton.pattern_len(automaton.match_pattern(*state, index)))
                        .max()
                        .unwrap_or(0);
                    self.waiting.push(end - longest..end);
                }
            }
            open = open.max(tier.depth(*state));
        }
        open
    }

    /// Returns the stream up to the offset `safe`, with secrets replaced. A secret that reaches past it is
    /// replaced completely: another one that overlaps it and is found later needs no second replacement.
    fn give(&mut self, safe: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = self.base;
        for range in join(std::mem::take(&mut self.waiting)) {
            if range.start < self.replaced.end {
                self.replaced.end = self.replaced.end.max(range.end);
            } else if range.start < safe {
                out.extend_from_slice(self.slice(at, range.start));
                out.extend_from_slice(REPLACEMENT.as_bytes());
                self.replaced = range;
            } else {
                self.waiting.push(range);
                continue;
            }
            at = at.max(self.replaced.end);
        }
        if at < safe {
            out.extend_from_slice(self.slice(at, safe));
            at = safe;
        }
        self.held.drain(..at - self.base);
        self.base = at;
        out
    }

    /// Bytes of `held` by their offsets in the stream; none if the range is empty.
    fn slice(&self, from: usize, to: usize) -> &[u8] {
        if from >= to {
            &[]
        } else {
            &self.held[from - self.base..to - self.base]
        }
    }
}

#[cfg(test)]
impl StreamScrubber {
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}
