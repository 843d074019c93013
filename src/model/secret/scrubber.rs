//! Replacing secrets in whole texts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aho_corasick::automaton::{Automaton, OverlappingState, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, Input};

use super::known::Known;

/// What replaces a secret.
pub const REPLACEMENT: &str = "[secret]";

/// Finds the forms of all secrets in one pass. Cheap to clone.
///
/// Overlapping matches are replaced as one: if two secrets share bytes, nothing of either remains. That is
/// why it looks for all overlapping matches and not for the leftmost-longest ones.
#[derive(Clone, Default)]
pub struct Scrubber {
    /// Largest first. Adding a secret to ten thousand builds a small automaton and keeps the large one; two
    /// of similar size are merged, so that there are never many.
    tiers: Arc<Vec<Arc<Tier>>>,
}

/// A text to look for, and the secret that it is a form of.
#[derive(Clone)]
pub(super) struct Needle {
    pub text: Vec<u8>,
    pub of: Arc<Known>,
}

/// A form of a secret in a text.
pub(super) struct Match {
    pub range: Range<usize>,
    pub of: Arc<Known>,
}

pub(super) struct Tier {
    needles: Vec<Needle>,
    pub(super) automaton: NFA,
    depths: OnceLock<HashMap<StateID, usize>>,
}

impl Tier {
    /// `None` only if the automaton would have more than two thousand million states.
    fn new(needles: Vec<Needle>) -> Option<Self> {
        let automaton = NFA::new(needles.iter().map(|needle| &needle.text)).ok()?;
        Some(Self {
            needles,
            automaton,
            depths: OnceLock::new(),
        })
    }

    /// The start state of a search. Never fails: this kind of automaton supports unanchored searches.
    pub(super) fn start(&self) -> Option<StateID> {
        self.automaton.start_state(Anchored::No).ok()
    }

    /// How many of the last bytes read may be the beginning of a needle.
    ///
    /// Following a needle from the start passes through exactly the states for its beginnings, so the number
    /// of steps is the answer for each of them.
    pub(super) fn depth(&self, state: StateID) -> usize {
        let depths = self.depths.get_or_init(|| {
            let mut depths = HashMap::new();
            let Some(start) = self.start() else {
                return depths;
            };
            for needle in &self.needles {
                let mut state = start;
                for (read, byte) in needle.text.iter().enumerate() {
                    state = self.automaton.next_state(Anchored::No, state, *byte);
                    depths.insert(state, read + 1);
                }
            }
            depths
        });
        depths.get(&state).copied().unwrap_or(0)
    }
}

impl Scrubber {
    /// One that only finds these texts.
    pub(super) fn of(texts: Vec<Vec<u8>>) -> Self {
        let of = Arc::new(Known::new(""));
        let needle = |text| Needle {
            text,
            of: Arc::clone(&of),
        };
        Self::default().with(texts.into_iter().map(needle).collect())
    }

    /// This scrubber with more needles.
    pub(super) fn with(&self, mut fresh: Vec<Needle>) -> Self {
        let mut tiers: Vec<Arc<Tier>> = self.tiers.as_ref().clone();
        while let Some(last) = tiers.pop_if(|last| last.needles.len() <= fresh.len() * 2) {
            fresh.extend(last.needles.iter().cloned());
        }
        // Stable: of two secrets with the same form, the first one stays.
        fresh.sort_by(|one, other| one.text.cmp(&other.text));
        fresh.dedup_by(|one, other| one.text == other.text);
        tiers.extend(Tier::new(fresh).map(Arc::new));
        Self {
            tiers: Arc::new(tiers),
        }
    }

    pub(super) fn tiers(&self) -> &[Arc<Tier>] {
        &self.tiers
    }

    /// Whether two scrubbers know the same secrets.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tiers, &other.tiers)
    }

    /// Whether there is no secret to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiers.is_empty()
    }

    /// Whether a text holds a secret.
    #[must_use]
    pub fn finds_in(&self, text: &str) -> bool {
        !self.found(text.as_bytes()).is_empty()
    }

    /// The same for bytes.
    #[must_use]
    pub fn finds_in_bytes(&self, bytes: &[u8]) -> bool {
        let finds = |tier: &Arc<Tier>| {
            let input = Input::new(bytes).earliest(true);
            matches!(tier.automaton.try_find(&input), Ok(Some(_)))
        };
        self.tiers.iter().any(finds)
    }

    /// The text with every secret replaced.
    #[must_use]
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.scrub_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Needles are UTF-8 themselves, so what is cut out of UTF-8 ends at characters.
            Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// The same for bytes that need not be text.
    #[must_use]
    pub fn scrub_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let found = self.found(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for range in found {
            out.extend_from_slice(&bytes[from..range.start]);
            out.extend_from_slice(REPLACEMENT.as_bytes());
            from = range.end;
        }
        out.extend_from_slice(&bytes[from..]);
        Cow::Owned(out)
    }

    /// Scrubs in place. A text without secrets needs no allocation.
    pub fn scrub_in_place(&self, text: &mut String) {
        if let Cow::Owned(scrubbed) = self.scrub(text) {
            *text = scrubbed;
        }
    }

    /// Where secrets are, in bytes and in order, with overlapping ones merged.
    #[must_use]
    pub fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.each(bytes, |range, _| found.push(range));
        join(found)
    }

    /// Every form of a secret in the bytes, also those that overlap.
    pub(super) fn matches(&self, bytes: &[u8]) -> Vec<Match> {
        let mut found = Vec::new();
        self.each(bytes, |range, needle| {
            let of = Arc::clone(&needle.of);
            found.push(Match { range, of });
        });
        found
    }

    fn each(&self, bytes: &[u8], mut then: impl FnMut(Range<usize>, &Needle)) {
        for tier in self.tiers.iter() {
            let first = tier.automaton.try_find(&Input::new(bytes).earliest(true));
            let Ok(Some(_)) = first else { continue };
            let mut state = OverlappingState::start();
            let input = Input::new(bytes);
            while tier
                .automaton
                .try_find_overlapping(&input, &mut state)
                .is_ok()
            {
                let Some(found) = state.get_match() else {
                    break;
                };
                then(found.range(), &tier.needles[found.pattern()]);
            }
        }
    }
}

/// Sorts ranges and joins those that share a byte.
pub(super) fn join(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in found {
        match joined.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
