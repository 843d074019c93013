//! The batch planner: decides which queries and which changes may share one request. Pure.
//!
//! Its promise: the result is the same as if the tasks were applied one at a time, each with its own probe
//! before and after. A property test verifies this. The planner may only leave out what cannot matter:
//!
//! - all open queries go in one request;
//! - changes share a request as long as no task decides from facts that an earlier change could have
//!   affected, and as long as no change invalidates the proof of an earlier one;
//! - consecutive changes to the text of one file are made by the script of the first
//!   ([`Text`](super::Text));
//! - the proof of a change and the queries of the next tasks are sent with the request that makes it.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::model::Outcome;

use super::before::Before;
use super::decision::Decision;
use super::group::{Group, Proof};
use super::next::{ASKED_AGAIN, Next, Planned};
use super::run_mode::RunMode;
use super::{Answer, Effect, Found, Outlook, Plan, Query, Ran, Resource, Seen, Task, check};

/// The progress of the proof of a change.
enum Proved {
    All,
    /// These queries are needed for it.
    Asks(Vec<Query>),
    Interrupted,
}

/// Takes a batch through its steps on one host.
pub struct Planner {
    tasks: Vec<Arc<dyn Task>>,
    mode: RunMode,
    found: Found,
    /// Decided in the order of the tasks.
    decisions: Vec<Option<Decision>>,
    /// Made but not proved yet, with what the change predicts.
    proving: Vec<(Planned, Option<String>)>,
    /// The answers from which the pending changes were planned.
    before: Vec<Before>,
    /// In check mode: what earlier batches, and then this one, would leave.
    outlook: Outlook,
    /// Found to need nothing while changes before them were pending: this stands unless one of those fails.
    unchanged: Vec<(usize, Option<String>)>,
}

impl Planner {
    #[must_use]
    pub fn new(tasks: Vec<Arc<dyn Task>>, mode: RunMode) -> Self {
        let decisions = tasks.iter().map(|_| None).collect();
        Self {
            tasks,
            mode,
            found: Found::default(),
            decisions,
            proving: Vec::new(),
            before: Vec::new(),
            outlook: Outlook::default(),
            unchanged: Vec::new(),
        }
    }

    /// Plans from what earlier batches of the run would leave on this host. Only check mode uses it.
    #[must_use]
    pub fn after(mut self, outlook: Outlook) -> Self {
        self.outlook = outlook;
        self
    }

    /// In check mode, when everything is decided: what earlier batches and this one would leave.
    #[must_use]
    pub const fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// The verdict on each task so far.
    #[must_use]
    pub fn decisions(&self) -> &[Option<Decision>] {
        &self.decisions
    }

    /// Receives the answers to the queries.
    pub fn answered(&mut self, answers: Vec<(Query, Answer)>) {
        for (query, answer) in answers {
            self.found.insert(query, answer);
        }
    }

    /// Receives the result of a change. `Err` says how it failed.
    pub fn ran(&mut self, planned: &Planned, result: Result<&Ran, String>) {
        let Planned { index, change } = planned;
        let provable = change.provable && !self.tasks[*index].queries().is_empty();
        let decision = match result {
            Err(note) => Decision {
                note: Some(note),
                ..Decision::of(Outcome::Failed, change.clone())
            },
            Ok(ran) if provable => {
                let says = ran.stdout.trim();
                let says = match () {
                    () if change.bare => None,
                    () if change.command => marked(says),
                    () => (!says.is_empty()).then(|| says.to_owned()),
                };
                let notes = [change.note.clone(), says];
                let notes: Vec<String> = notes.into_iter().flatten().collect();
                let note = (!notes.is_empty()).then(|| notes.join("; "));
                self.before.retain(|before| before.index != *index);
                self.proving.push((planned.clone(), note));
                return;
            }
            Ok(ran) => match &change.effect {
                Effect::Changes => Decision::of(Outcome::Changed, change.clone()),
                Effect::Nothing => Decision::of(Outcome::Unchanged, change.clone()),
                Effect::Judged(judge) => match judge(ran) {
                    Ok(true) => Decision::of(Outcome::Changed, change.clone()),
                    Ok(false) => Decision::of(Outcome::Unchanged, change.clone()),
                    Err(note) => Decision {
                        note: Some(note),
                        ..Decision::of(Outcome::Failed, change.clone())
                    },
                },
            },
        };
        self.decisions[*index] = Some(decision);
    }

    /// A change that failed has changed nothing: there is nothing to undo.
    pub fn untouched(&mut self, index: usize) {
        if let Some(decision) = &mut self.decisions[index] {
            decision.change = None;
        }
    }

    /// A change that failed may still be running: a query now cannot show what it changed.
    pub fn may_go_on(&mut self, index: usize) {
        self.before.retain(|before| before.index != index);
    }

    /// A change was interrupted, or it is unknown whether it was made. With `undo`, its undo is kept.
    pub fn doubt(&mut self, planned: &Planned, note: String, undo: bool) {
        let decision = Decision::of(Outcome::Unknown, planned.change.clone()).because(note);
        self.decisions[planned.index] = Some(Decision {
            change: decision.change.filter(|_| undo),
            ..decision
        });
    }

    /// An earlier attempt of the run has made the change, and it is not made again.
    pub fn recalled(&mut self, index: usize, note: &str) {
        self.decisions[index] = Some(Decision::unchanged(Some(note.to_owned())));
    }

    /// A change was refused before anything was done.
    pub fn refuse(&mut self, index: usize, note: &str) {
        self.decisions[index] = Some(Decision::failed(note));
    }

    /// Ends the batch early, for the reason `cause`: changes that were made and not proved stay changes,
    /// and undecided tasks are skipped.
    pub fn stop(&mut self, cause: &str) {
        for (planned, _) in std::mem::take(&mut self.proving) {
            let note = format!("applied, but not verified: {cause}");
            let decision = Decision::of(Outcome::Changed, planned.change).because(note);
            self.decisions[planned.index] = Some(decision);
        }
        self.skip_rest(cause);
    }

    /// Decides what it can, and returns what to do next.
    #[expect(clippy::should_implement_trait, reason = "it never returns `None`")]
    pub fn next(&mut self) -> Next {
        match self.mode {
            RunMode::Apply => self.next_apply(),
            RunMode::Check => check::next(
                &self.tasks,
                &self.found,
                &mut self.decisions,
                &mut self.outlook,
            ),
        }
    }

    fn next_apply(&mut self) -> Next {
        match self.prove() {
            Proved::All => {}
            Proved::Asks(ask) => return Next::Ask(ask),
            Proved::Interrupted => return Next::Interrupted,
        }
        self.settle_untouched();
        self.settle_unchanged();
        if self.has_failed() {
            self.skip_rest("an earlier task failed");
            return Next::Done;
        }
        let mut group = Group::default();
        for index in 0..self.tasks.len() {
            if self.decisions[index].is_some() {
                continue;
            }
            let task = &self.tasks[index];
            let queries = task.queries();
            let reads = task.touches().reads;
            if !queries.is_empty() && group.makes_stale(task.as_ref(), &queries, &reads) {
                break;
            }
            let world = group.world(&self.found);
            let open = missing(&queries, world);
            if !open.is_empty() {
                group.asks.extend(open);
                continue;
            }
            match task.plan(world) {
                Plan::Unchanged if group.is_empty() => {
                    self.decisions[index] = Some(Decision::unchanged(task.remark(world)));
                }
                // A change after it may alter the answers that it was decided from: it must not be planned
                // again.
                Plan::Unchanged if !group.is_blocked() => {
                    self.unchanged.push((index, task.remark(world)));
                }
                Plan::Unchanged => {}
                Plan::Change(change) => {
                    let alters = change
                        .alters
                        .clone()
                        .unwrap_or_else(|| task.touches().writes);
                    let body = change.body.as_ref();
                    if group.would_disturb_proof(&change, &alters, &self.tasks)
                        || body.is_some_and(|body| group.moves_ground_of(body))
                    {
                        break;
                    }
                    if !group.is_blocked() {
                        let whole = change.seen == Seen::Whole;
                        let before = whole.then(|| Before::of(index, &queries, world));
                        self.before.extend(before.flatten());
                        let provable = change.provable && !queries.is_empty();
                        let proof = Proof {
                            index,
                            queries: if provable { queries } else { Vec::new() },
                            reads: if provable { reads } else { Vec::new() },
                        };
                        group.push(index, *change, proof, alters, &self.found);
                    }
                }
                Plan::Ask(more) => {
                    let open = missing(&more, group.world(&self.found));
                    if open.is_empty() {
                        if group.is_empty() {
                            return self.fail(index, ASKED_AGAIN);
                        }
                        break;
                    }
                    group.asks.extend(open);
                }
                Plan::Interrupted => return Next::Interrupted,
                Plan::Unknown(_) | Plan::Impossible(_) if !group.is_empty() => break,
                Plan::Unknown(reason) => {
                    return self.fail(index, &format!("{reason}, so ops cannot plan it"));
                }
                Plan::Impossible(reason) => return self.fail(index, &reason),
            }
        }
        if group.changes.is_empty() {
            return if group.asks.is_empty() {
                Next::Done
            } else {
                Next::Ask(group.asks.into_iter().collect())
            };
        }
        let last = group.changes.last().map_or(0, |planned| planned.index);
        self.found.forget(&group.altered);
        let mut ask: IndexSet<Query> = group
            .proofs
            .into_iter()
            .flat_map(|proof| proof.queries)
            .chain(group.asks)
            .collect();
        self.ask_ahead(last + 1, &mut ask);
        Next::Apply {
            changes: group.changes,
            ask: ask.into_iter().collect(),
        }
    }

    fn fail(&mut self, index: usize, note: &str) -> Next {
        self.decisions[index] = Some(Decision::failed(note));
        self.next_apply()
    }

    /// Drops the undo of changes that failed and left everything unchanged.
    fn settle_untouched(&mut self) {
        for before in std::mem::take(&mut self.before) {
            if self.has_failed_at(before.index) && before.still_holds(&self.found) {
                self.untouched(before.index);
            }
        }
    }

    /// Tasks that were found to need nothing while changes were pending that have been made by now.
    fn settle_unchanged(&mut self) {
        for (index, remark) in std::mem::take(&mut self.unchanged) {
            if !self.has_failed_before(index) {
                self.decisions[index] = Some(Decision::unchanged(remark));
            }
        }
    }

    /// The open queries of the tasks from `from` on, except those whose answers are certain to become
    /// stale.
    fn ask_ahead(&self, from: usize, ask: &mut IndexSet<Query>) {
        let mut certain: Vec<Resource> = Vec::new();
        for task in &self.tasks[from..] {
            let queries = task.queries();
            if queries.is_empty() {
                certain.extend(task.touches().writes);
                continue;
            }
            if queries.iter().any(|query| query.depends_on(&certain)) {
                break;
            }
            ask.extend(
                queries
                    .into_iter()
                    .filter(|query| self.found.get(query).is_none()),
            );
        }
    }

    /// Proves the changes that were made.
    fn prove(&mut self) -> Proved {
        let mut ask = Vec::new();
        let mut interrupted = false;
        for (planned, note) in std::mem::take(&mut self.proving) {
            let task = &self.tasks[planned.index];
            // A query that is a command is not run after a step that failed.
            let open = missing(&task.queries(), &self.found);
            if !open.is_empty() {
                ask.extend(open);
                self.proving.push((planned, note));
                continue;
            }
            let made = Decision {
                note: note.clone(),
                ..Decision::of(Outcome::Changed, planned.change.clone())
            };
            let decision = match task.plan(&self.found) {
                Plan::Unchanged => made,
                Plan::Change(change) => Decision {
                    diff: change.diff.clone(),
                    note: Some(NOT_CONVERGED.to_owned()),
                    outcome: Outcome::Failed,
                    ..made
                },
                Plan::Ask(more) if more.iter().any(|query| self.found.get(query).is_none()) => {
                    ask.extend(more);
                    self.proving.push((planned, note));
                    continue;
                }
                Plan::Interrupted => {
                    interrupted = true;
                    self.proving.push((planned, note));
                    continue;
                }
                Plan::Ask(_) => Decision {
                    outcome: Outcome::Failed,
                    ..made
                }
                .because(NOT_CONVERGED),
                Plan::Unknown(reason) | Plan::Impossible(reason) => Decision {
                    outcome: Outcome::Failed,
                    ..made
                }
                .because(format!(
                    "the change was made but cannot be verified: {reason}"
                )),
            };
            self.decisions[planned.index] = Some(decision);
        }
        if interrupted {
            Proved::Interrupted
        } else if ask.is_empty() {
            Proved::All
        } else {
            Proved::Asks(ask)
        }
    }

    fn has_failed(&self) -> bool {
        self.has_failed_before(self.tasks.len())
    }

    fn has_failed_at(&self, index: usize) -> bool {
        let decision = self.decisions[index].as_ref();
        decision.is_some_and(|decision| decision.outcome == Outcome::Failed)
    }

    fn has_failed_before(&self, index: usize) -> bool {
        self.decisions[..index]
            .iter()
            .flatten()
            .any(|decision| decision.outcome == Outcome::Failed)
    }

    /// In check mode: all of them are unknown.
    pub fn set_unknown(&mut self, reason: &str) {
        for (task, decision) in self.tasks.iter().zip(&mut self.decisions) {
            self.outlook
                .alter(task.touches().writes, &task.label(), false);
            *decision = Some(Decision::new(Outcome::Unknown).because(reason));
        }
    }

    /// Skips undecided tasks.
    pub fn skip_rest(&mut self, note: &str) {
        for decision in self
            .decisions
            .iter_mut()
            .filter(|decision| decision.is_none())
        {
            *decision = Some(Decision::new(Outcome::Skipped).because(note));
        }
    }
}

/// Starts a line in the output of one of our scripts that is meant for the outcome, to distinguish it from
/// the output of other programs.
const MARK: &str = "ops: ";

fn marked(printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.strip_prefix(MARK))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The open queries.
fn missing(queries: &[Query], world: &Found) -> Vec<Query> {
    let open = queries.iter().filter(|query| world.get(query).is_none());
    open.cloned().collect()
}

const NOT_CONVERGED: &str =
    "did not converge: the change was made, but the probe still finds a difference";
