//! What earlier attempts of a resumed run did, according to its journal and to the hosts, and what that means
//! for a step that this attempt comes to.
//!
//! A task needs little of it: its probe finds the state of the host, and only whether an earlier attempt
//! changed it comes from here. A command cannot be probed. One that succeeded gives its recorded result and
//! does not run again; one that failed, or never began, runs; one whose end nobody knows is in doubt.

mod moved;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use crate::model::{Outcome, Position, Recorded as Text, Secrets, UnknownSecret, undone_by};
use crate::store::{EffectKind, Entry, RecordedOutput, RecordedResult, RolloutEntry, RunRecord};
use crate::task::Ran;

use super::past_changes::{PastChange, PastChanges, PastMade, PastUndo};
use super::recorded::Recorded;
use super::step_ids::StepId;

/// What earlier attempts did.
#[derive(Default)]
pub struct Past {
    /// The directory of the run, which has the long outputs.
    dir: PathBuf,
    /// Whether a step that is not found at its place is recognised by what it sends.
    by_text: bool,
    /// The identities that steps had which were recognised by what they send, by their new ones.
    moved: Mutex<HashMap<String, String>>,
    steps: Mutex<HashMap<String, PastStep>>,
    /// The last step of each slot: a place in a frame, counted whatever was sent there.
    slots: HashMap<String, String>,
    /// Values of `keep`, as JSON.
    kept: HashMap<String, Text>,
    /// What is known of each rollout, each entry with the number of changes that had been made on its host.
    rollouts: Mutex<IndexMap<String, Vec<(RolloutEntry, usize)>>>,
    /// Questions that were answered with yes.
    confirmed: HashSet<String>,
    changes: Mutex<PastChanges>,
    /// The hosts and users with commands whose end the journal does not know, until they are asked.
    unasked: Mutex<HashSet<(String, Option<String>)>>,
    /// The steps that this attempt has come to.
    reached: Mutex<HashSet<String>>,
}

/// A step that an earlier attempt may have made.
#[derive(Debug, Clone)]
struct PastStep {
    kind: EffectKind,
    host: String,
    user: Option<String>,
    label: String,
    at: Option<Position>,
    /// It always runs again: it is repeated until something holds.
    polls: bool,
    repeatable: bool,
    fingerprint: String,
    /// Counts the intents of the run.
    number: usize,
    /// Whether it changed the host, and the change has not been undone.
    changed: bool,
    end: PastEnd,
}

#[derive(Debug, Clone)]
enum PastEnd {
    /// Nobody knows.
    Open {
        /// The host does not know either.
        settled: bool,
    },
    /// It did not begin, or its change was undone.
    NotMade,
    /// Its change may have been undone, in full or in part.
    InUndo,
    Failed,
    Succeeded(Option<RecordedResult>),
    /// The host says that it exited with this code: its output is lost.
    Exited {
        code: u8,
    },
}

/// The result of a command that does not run again.
#[derive(Debug, Clone)]
pub struct Recalled {
    pub ran: Ran,
    /// Why its output is not known, if it is not.
    pub lost: Option<String>,
}

/// A command that may have run.
#[derive(Debug)]
pub(super) struct InDoubt {
    pub step: String,
    pub host: String,
    pub label: String,
    pub at: Option<Position>,
}

/// Why a command is in doubt that has no end.
pub(super) const NOT_ENDED: &str = "it may have begun, and nobody knows whether it ended";

/// What becomes of a command that this attempt comes to.
#[derive(Debug)]
pub(crate) enum Recall {
    /// It runs.
    Run,
    /// An earlier attempt ran it.
    Ran(Recalled),
    /// It may have run.
    Doubt(String),
}

impl Past {
    /// Reads what the journal of a run says. `dir` is the directory of the run.
    #[must_use]
    pub fn new(dir: PathBuf, record: &RunRecord) -> Self {
        let mut past = Self {
            dir,
            ..Self::default()
        };
        for entry in &record.entries {
            past.add(&entry.entry);
        }
        let open = lock(&past.steps)
            .values()
            .filter(|step| step.is_unasked())
            .map(|step| (step.host.clone(), step.user.clone()))
            .collect();
        past.unasked = Mutex::new(open);
        past
    }

    fn add(&mut self, entry: &Entry) {
        lock(&self.changes).add(entry);
        let mut steps = lock(&self.steps);
        match entry {
            Entry::Intend {
                step,
                slot,
                kind,
                host,
                user,
                label,
                at,
                repeatable,
                fingerprint,
                ..
            } => {
                if let Some(slot) = slot {
                    self.slots.insert(slot.clone(), step.clone());
                }
                let changed = steps.get(step).is_some_and(|step| step.changed);
                let past = PastStep {
                    kind: *kind,
                    host: host.clone(),
                    user: user.clone(),
                    label: label.clone(),
                    at: at.clone(),
                    polls: slot.is_none() && *kind == EffectKind::Command,
                    repeatable: *repeatable,
                    fingerprint: fingerprint.clone(),
                    number: steps.len(),
                    changed,
                    end: PastEnd::OPEN,
                };
                steps.insert(step.clone(), past);
            }
            Entry::Done {
                step,
                outcome,
                result,
                ..
            } => {
                if let Some(past) = steps.get_mut(step) {
                    past.ended(*outcome, result.as_ref());
                }
                let undone = undone_by(Some(step)).filter(|_| *outcome == Outcome::Changed);
                if let Some(past) = undone.and_then(|step| steps.get_mut(step)) {
                    past.changed = false;
                    past.end = PastEnd::NotMade;
                }
            }
            Entry::Rollout { step, event } => {
                let changes = event.host().map(|host| lock(&self.changes).on(host).len());
                let entry = (event.clone(), changes.unwrap_or_default());
                let mut rollouts = lock(&self.rollouts);
                if let RolloutEntry::Begun { was: Some(was), .. } = event
                    && let Some(before) = rollouts.shift_remove(was)
                {
                    rollouts.insert(step.clone(), before);
                }
                rollouts.entry(step.clone()).or_default().push(entry);
            }
            Entry::Kept { step, value } => {
                self.kept.insert(step.clone(), value.clone());
            }
            Entry::Confirmed { step } => {
                self.confirmed.insert(step.clone());
            }
            Entry::Applied { .. } | Entry::Untouched { .. } | Entry::Source { .. } => {}
        }
    }

    /// A value of `keep`, as JSON.
    ///
    /// # Errors
    /// It holds a secret that this process does not know.
    #[must_use]
    pub fn kept(&self, step: &str, secrets: &Secrets) -> Option<Result<Vec<u8>, UnknownSecret>> {
        let kept = self.kept.get(step)?;
        Some(secrets.reveal(kept).map(Cow::into_owned))
    }

    /// Whether the operator answered this question with yes.
    #[must_use]
    pub fn is_confirmed(&self, step: &str) -> bool {
        self.confirmed.contains(step)
    }

    /// The commands of a user on a host whose end the journal does not know. The host may, and has not been
    /// asked.
    pub(super) fn unsettled(&self, host: &str, user: Option<&str>) -> Vec<String> {
        let place = (host.to_owned(), user.map(ToOwned::to_owned));
        if !lock(&self.unasked).contains(&place) {
            return Vec::new();
        }
        let steps = lock(&self.steps);
        let open = steps.iter().filter(|(_, step)| {
            step.is_unasked() && step.host == host && step.user.as_deref() == user
        });
        open.map(|(id, _)| id.clone()).collect()
    }

    /// A user on a host was asked about all of them.
    pub(super) fn set_asked(&self, host: &str, user: Option<&str>) {
        lock(&self.unasked).remove(&(host.to_owned(), user.map(ToOwned::to_owned)));
    }

    /// The hosts that were changed or may have been, each with the users that did it.
    #[must_use]
    pub fn places(&self) -> BTreeSet<(String, Option<String>)> {
        lock(&self.steps)
            .values()
            .map(|step| (step.host.clone(), step.user.clone()))
            .collect()
    }

    /// The changes on a host that earlier attempts made, or may have made, in the order of their intents.
    /// Each keeps its position, whatever becomes of it.
    #[must_use]
    pub fn changes(&self, host: &str) -> Vec<PastChange> {
        lock(&self.changes).on(host).to_vec()
    }

    /// The number of those changes.
    #[must_use]
    pub fn count_changes(&self, host: &str) -> usize {
        lock(&self.changes).on(host).len()
    }

    /// The steps of all changes that were made and are not undone. A step is listed for each of its changes.
    #[must_use]
    pub fn standing(&self) -> Vec<String> {
        let changes = lock(&self.changes);
        let standing = changes
            .all()
            .filter(|change| change.made == PastMade::Yes && change.undo != PastUndo::Done);
        standing.map(|change| change.step.clone()).collect()
    }

    /// Takes in what a host says about an undo that may have begun.
    pub fn settle_undo(&self, change: &PastChange, undo: PastUndo) {
        let mut changes = lock(&self.changes);
        if let Some(change) = changes.named(&change.name) {
            change.undo = undo;
        }
        let mut steps = lock(&self.steps);
        if let Some(step) = steps.get_mut(&change.step) {
            match undo {
                PastUndo::Done => {
                    step.changed = false;
                    step.end = PastEnd::NotMade;
                }
                PastUndo::InDoubt => step.end = PastEnd::InUndo,
                PastUndo::NotDone => {}
            }
        }
    }

    /// Takes in what a host has recorded of a step.
    pub(super) fn settle(&self, step: &str, recorded: Recorded) {
        if let Some(change) = lock(&self.changes).last_of(step)
            && change.made == PastMade::Unknown
        {
            change.made = match recorded {
                Recorded::NotBegun => PastMade::No,
                Recorded::Ended(_) => PastMade::Yes,
                Recorded::InDoubt => PastMade::Unknown,
            };
        }
        let mut steps = lock(&self.steps);
        let Some(step) = steps.get_mut(step).filter(|step| step.end.is_open()) else {
            return;
        };
        if recorded == Recorded::Ended(0) {
            step.changed = true;
        }
        step.end = match recorded {
            Recorded::NotBegun => PastEnd::NotMade,
            Recorded::Ended(code) => PastEnd::Exited { code },
            Recorded::InDoubt => PastEnd::Open { settled: true },
        };
    }

    /// The commands whose end their hosts do not know either, and that must not run twice, in order.
    #[must_use]
    pub(super) fn doubts(&self) -> Vec<InDoubt> {
        let steps = lock(&self.steps);
        let doubts = steps.iter().filter(|(_, step)| {
            !step.repeatable && matches!(step.end, PastEnd::Open { settled: true })
        });
        let mut doubts: Vec<InDoubt> = doubts
            .map(|(id, step)| InDoubt {
                step: id.clone(),
                host: step.host.clone(),
                label: step.label.clone(),
                at: step.at.clone(),
            })
            .collect();
        doubts.sort_by(|one, other| one.step.cmp(&other.step));
        doubts
    }

    /// What becomes of a command that this attempt comes to. `ok`: the codes that mean that it succeeded.
    pub(super) fn recall(
        &self,
        step: &StepId,
        label: &str,
        ok: &[u8],
        secrets: &Secrets,
    ) -> Recall {
        if !self.reach(&step.id) {
            // It is tried again in this attempt.
            return Recall::Run;
        }
        let past = lock(&self.steps).get(&step.id).cloned();
        let Some(past) = past else {
            return self.other_text(step, label);
        };
        let blind = |code, lost: String| {
            let ran = Ran {
                code,
                ..Ran::default()
            };
            Recall::Ran(Recalled {
                ran,
                lost: Some(lost),
            })
        };
        match &past.end {
            PastEnd::NotMade | PastEnd::Failed => Recall::Run,
            PastEnd::Exited { code } if !ok.contains(code) => Recall::Run,
            PastEnd::Open { .. } => Recall::Doubt(NOT_ENDED.to_owned()),
            PastEnd::InUndo => {
                Recall::Doubt("its undo began, and nobody knows whether it ended".to_owned())
            }
            PastEnd::Exited { code } => {
                let lost = "ops ended before it received the output";
                blind(i32::from(*code), lost.to_owned())
            }
            PastEnd::Succeeded(None) => blind(0, "the command was taken as done".to_owned()),
            PastEnd::Succeeded(Some(result)) => {
                let code = result.code.unwrap_or_default();
                let text = |output: &RecordedOutput| {
                    let bytes = output.bytes(&self.dir, secrets);
                    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                };
                match (text(&result.stdout), text(&result.stderr)) {
                    (Ok(stdout), Ok(stderr)) => Recall::Ran(Recalled {
                        ran: Ran {
                            code,
                            stdout,
                            stderr,
                        },
                        lost: None,
                    }),
                    (Err(error), _) | (_, Err(error)) => blind(code, error.to_string()),
                }
            }
        }
    }

    /// A step with another text was made at this place before, and this attempt has not come to it.
    fn other_text(&self, step: &StepId, label: &str) -> Recall {
        let before = step.slot.as_ref().and_then(|slot| self.slots.get(slot));
        let Some(before) = before.filter(|before| !lock(&self.reached).contains(*before)) else {
            return Recall::Run;
        };
        match lock(&self.steps).get(before) {
            Some(past) if !matches!(past.end, PastEnd::NotMade | PastEnd::Failed) => {
                Recall::Doubt(format!("{} then, would {label} now", past.label))
            }
            _ => Recall::Run,
        }
    }

    /// Whether an earlier attempt made the change of a task that this attempt finds as it should be.
    pub(super) fn has_changed(&self, step: &str, outcome: Outcome) -> bool {
        self.reach(step);
        lock(&self.steps)
            .get(step)
            .is_some_and(|past| past.changed || past.end.is_open() && outcome == Outcome::Unchanged)
    }

    /// The commands that succeeded, and that this attempt did not come to: a line for each.
    #[must_use]
    pub fn unreached(&self) -> Vec<String> {
        let reached = lock(&self.reached);
        let mut left: Vec<String> = lock(&self.steps)
            .iter()
            .filter(|(id, step)| {
                step.kind == EffectKind::Command && step.changed && !reached.contains(*id)
            })
            .map(|(_, step)| format!("{}: {}", step.host, step.label))
            .collect();
        left.sort();
        left
    }

    /// Returns whether this attempt comes to the step for the first time.
    fn reach(&self, step: &str) -> bool {
        lock(&self.reached).insert(step.to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PastEnd {
    const OPEN: Self = Self::Open { settled: false };

    const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

impl PastStep {
    /// Whether it is a command whose end the journal does not know, and its host was not asked.
    fn is_unasked(&self) -> bool {
        let is_open = matches!(self.end, PastEnd::Open { settled: false });
        is_open && self.kind == EffectKind::Command && !self.polls
    }

    fn ended(&mut self, outcome: Outcome, result: Option<&RecordedResult>) {
        self.changed |= outcome == Outcome::Changed;
        self.end = match outcome {
            Outcome::Changed | Outcome::Unchanged => PastEnd::Succeeded(result.cloned()),
            Outcome::Failed => PastEnd::Failed,
            Outcome::Skipped => PastEnd::NotMade,
            Outcome::Unknown | Outcome::WouldChange => PastEnd::OPEN,
        };
    }
}
