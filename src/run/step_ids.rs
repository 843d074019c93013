//! The identity of a step, which is the same in every execution of the same playbook.
//!
//! Steps are numbered by frame: the playbook, each `each`, `rollout`, `with_lock` and clean-up, the host
//! whose closure it is, the closure of a rollout. What runs in one frame runs in order, so the occurrences
//! of equal steps in it can be counted; frames that run at the same time are counted separately. Each call
//! opens a new frame, even from the same place.
//!
//! Rhai tells a built-in the position of the innermost call only. Calls of one function from two places are
//! told apart by what they send and by their order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::model::Position;

/// The length of the hash at the end of an identity.
const DIGITS: usize = 12;

/// Identities and frames by hash: a path of frames may be long.
type Hash = [u8; 16];

/// The steps of a frame. A clone is the same frame.
#[derive(Debug, Clone)]
pub struct StepIds(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The path of frames that leads here.
    path: Hash,
    /// Whether its steps are repeated until something holds, however often that is.
    polls: bool,
    seen: Mutex<HashMap<Hash, u32>>,
    /// How many steps of the run have no identity that lasts.
    others: Arc<AtomicU64>,
}

/// What identifies a step within its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepKey<'a> {
    pub host: &'a str,
    /// The user it runs as; `None` is the login user.
    pub user: Option<&'a str>,
    pub at: Option<&'a Position>,
    /// What is sent, without secrets.
    pub text: &'a str,
    /// Whether it may change the host.
    pub has_effect: bool,
}

/// The identity of a step, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepId {
    pub id: String,
    /// Its place in the frame, counted whatever is sent: the same for two steps of which each is what the
    /// other was in another execution. `None` for a step without an identity that lasts.
    pub slot: Option<String>,
}

impl Default for StepIds {
    fn default() -> Self {
        Self::of_attempt(1)
    }
}

impl StepIds {
    /// The outermost frame of an attempt of the run.
    #[must_use]
    pub fn of_attempt(attempt: u32) -> Self {
        Self(Arc::new(Inner {
            path: Hash::default(),
            polls: false,
            seen: Mutex::default(),
            others: Arc::new(AtomicU64::new(u64::from(attempt) << 32)),
        }))
    }

    fn at(&self, path: Hash, polls: bool) -> Self {
        Self(Arc::new(Inner {
            path,
            polls,
            seen: Mutex::default(),
            others: self.0.others.clone(),
        }))
    }

    /// A frame within this one, opened by a call at this position.
    #[must_use]
    pub fn call(&self, what: &str, at: Option<&Position>) -> Self {
        let place = place(at);
        let count = self.count(&[b"call", what.as_bytes(), place.as_bytes()]);
        self.within(&[what.as_bytes(), place.as_bytes(), &count.to_le_bytes()])
    }

    /// The frame of one of the hosts of this frame. A host that is in the list twice has two.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Self {
        let count = self.count(&[b"host", host.as_bytes()]);
        self.within(&[b"host", host.as_bytes(), &count.to_le_bytes()])
    }

    /// A frame whose steps are repeated until something holds. They have no identity that another execution
    /// could recognise.
    #[must_use]
    pub fn polling(&self) -> Self {
        self.at(self.call("poll", None).0.path, true)
    }

    /// The same frame from its beginning: what failed is tried again. A step has the identity that it had
    /// before, so how often something was tried makes no difference to another execution.
    #[must_use]
    pub fn again(&self) -> Self {
        self.at(self.0.path, self.0.polls)
    }

    fn within(&self, parts: &[&[u8]]) -> Self {
        self.at(hash(&self.0.path, parts), self.0.polls)
    }

    /// `web1/deploy.rhai:12:9#5c0f3a9be217`: the host, the place in the playbook, and a hash of all that
    /// tells the step from others. A step that has no effect, or is repeated until something holds, is not
    /// numbered with the others: its hash, behind a `~`, is unique in the run and means nothing outside it.
    pub(crate) fn next(&self, step: &StepKey<'_>) -> StepId {
        let place = place(step.at);
        let user = step.user.unwrap_or_default().as_bytes();
        let host = step.host.as_bytes();
        let here: [&[u8]; 4] = [b"step", host, user, place.as_bytes()];
        let counts = step.has_effect && !self.0.polls;
        let (sign, id) = if counts {
            let text = hash(&self.0.path, &here);
            let key = hash(&text, &[step.text.as_bytes()]);
            ('#', hash(&key, &[&self.counted(key).to_le_bytes()]))
        } else {
            let number = self.0.others.fetch_add(1, Ordering::Relaxed);
            ('~', hash(&self.0.path, &[b"other", &number.to_le_bytes()]))
        };
        let id = short(&id);
        let slot = counts.then(|| {
            let key = hash(&self.0.path, &here);
            short(&hash(&key, &[&self.counted(key).to_le_bytes()]))
        });
        StepId {
            id: format!("{}/{place}{sign}{id}", step.host),
            slot,
        }
    }

    /// The identity of something else in this frame that counts once: a kept value, an answer, a rollout.
    /// `None` where things are repeated until something holds. The name may be long, and may hold a secret,
    /// so it is only hashed.
    #[must_use]
    pub fn named(&self, what: &str, name: &str, at: Option<&Position>) -> Option<String> {
        let (name, place) = (
            name.as_bytes(),
            at.map(ToString::to_string).unwrap_or_default(),
        );
        let count = self.count(&[b"named", what.as_bytes(), name, place.as_bytes()]);
        let parts: [&[u8]; 4] = [
            what.as_bytes(),
            name,
            place.as_bytes(),
            &count.to_le_bytes(),
        ];
        let id = hash(&self.0.path, &parts);
        (!self.0.polls).then(|| format!("{what}#{}", short(&id)))
    }

    fn count(&self, parts: &[&[u8]]) -> u32 {
        self.counted(hash(&self.0.path, parts))
    }

    /// How often this was seen in this frame before.
    fn counted(&self, key: Hash) -> u32 {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(key).or_insert(0);
        *count += 1;
        *count - 1
    }
}

fn place(at: Option<&Position>) -> String {
    at.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn short(hash: &Hash) -> String {
    hash[..DIGITS / 2]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Hashes parts, each with its length: no part runs into the next.
fn hash(path: &Hash, parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(path);
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut short = Hash::default();
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize) -> Position {
        Position {
            file: "a.rhai".into(),
            line,
            column: 7,
        }
    }

    fn run(ids: &StepIds, host: &str, line: usize, text: &str) -> String {
        ids.next(&StepKey {
            host,
            user: None,
            at: Some(&at(line)),
            text,
            has_effect: true,
        })
        .id
    }

    #[test]
    fn names_the_host_and_the_place() {
        let id = run(&StepIds::default(), "web1", 3, "true");
        let (readable, hash) = id.split_once('#').expect("a hash");
        assert_eq!(readable, "web1/a.rhai:3:7");
        assert_eq!(hash.len(), DIGITS);
    }

    #[test]
    fn everything_that_tells_steps_apart_is_in_the_identity() {
        let ids = StepIds::default();
        let mut all = vec![
            run(&ids, "web1", 3, "true"),
            run(&ids, "web1", 3, "true"),
            run(&ids, "web2", 3, "true"),
            run(&ids, "web1", 4, "true"),
            run(&ids, "web1", 3, "false"),
            ids.next(&StepKey {
                host: "web1",
                user: Some("root"),
                at: Some(&at(3)),
                text: "true",
                has_effect: true,
            })
            .id,
        ];
        for _ in 0..2 {
            let each = ids.call("each", Some(&at(9)));
            all.push(run(&each.of_host("web1"), "lb", 3, "true"));
            all.push(run(&each.of_host("web2"), "lb", 3, "true"));
            // The same host again: `hosts("web") + hosts("web1")`.
            all.push(run(&each.of_host("web1"), "lb", 3, "true"));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_slot_does_not_depend_on_what_is_sent() {
        let slots = |texts: [&str; 2]| {
            let ids = StepIds::default();
            texts.map(|text| {
                let step = ids.next(&StepKey {
                    host: "web1",
                    user: None,
                    at: Some(&at(3)),
                    text,
                    has_effect: true,
                });
                step.slot.expect("a slot")
            })
        };
        let [first, second] = slots(["invoice 17", "invoice 18"]);
        assert_eq!(
            slots(["invoice 17", "invoice 93"]),
            [first.clone(), second.clone()]
        );
        assert_ne!(first, second);
    }

    #[test]
    fn reads_and_polls_do_not_count() {
        let (undisturbed, polled) = (StepIds::default(), StepIds::default());
        for _ in 0..3 {
            let read = polled.next(&StepKey {
                host: "web1",
                user: None,
                at: Some(&at(3)),
                text: "true",
                has_effect: false,
            });
            assert_eq!(read.slot, None);
            let read = read.id;
            assert!(read.starts_with("web1/a.rhai:3:7~"), "{read}");
        }
        let polling = polled.polling();
        for _ in 0..3 {
            assert!(run(&polling.of_host("web1"), "web1", 3, "true").contains('~'));
        }
        let next = |ids: &StepIds| run(ids, "web1", 3, "true");
        assert_eq!(next(&undisturbed), next(&polled));
    }
}
