//! The batch planner: which questions and which changes may share one request. Pure.
//!
//! Its promise: the result is that of the same tasks applied one at a time, each with a probe of its own
//! before and after. A property test holds it to that. What it may do is leave out what cannot matter:
//!
//! - all questions that are open go in one request;
//! - changes go in one request as long as no task decides on facts from before a change that could matter to it,
//!   and as long as no change disturbs the proof of an earlier one;
//! - consecutive changes of the text of one file are made by the script of the first ([`Text`](super::Text));
//! - the proof of a change and the questions of what comes next ride on the request that makes it.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::model::Outcome;

use super::before::Before;
use super::decision::Decision;
use super::group::{Group, Proof};
use super::next::{ASKED_AGAIN, Next, Planned};
use super::run_mode::RunMode;
use super::{Answer, Effect, Found, Outlook, Plan, Query, Ran, Resource, Seen, Task, check};

/// How far the proof of what was made has come.
enum Proved {
    All,
    /// This has to be asked for it.
    Asks(Vec<Query>),
    Interrupted,
}

/// Goes through a batch on one host.
pub struct Planner {
    tasks: Vec<Arc<dyn Task>>,
    mode: RunMode,
    found: Found,
    /// Decided in the order of the tasks.
    decisions: Vec<Option<Decision>>,
    /// Made, and not proved yet, with what the change says of itself.
    proving: Vec<(Planned, Option<String>)>,
    /// The answers on which the changes under way were planned.
    before: Vec<Before>,
    /// In check mode: what earlier batches, and then this one, would leave.
    outlook: Outlook,
    /// Found to want nothing between changes that were on their way: so it stays unless one before fails.
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

    /// Plans on what earlier batches of the run would leave on this host. Only check mode looks at it.
    #[must_use]
    pub fn after(mut self, outlook: Outlook) -> Self {
        self.outlook = outlook;
        self
    }

    /// In check mode, when all is decided: what earlier batches and this one would leave.
    #[must_use]
    pub const fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// What became of each task so far.
    #[must_use]
    pub fn decisions(&self) -> &[Option<Decision>] {
        &self.decisions
    }

    /// The answers to what was asked.
    pub fn answered(&mut self, answers: Vec<(Query, Answer)>) {
        for (query, answer) in answers {
            self.found.insert(query, answer);
        }
    }

    /// What a change came back with. `Err` says how it failed.
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

    /// A change that failed may still be at work: what is found now does not tell what it changed.
    pub fn may_go_on(&mut self, index: usize) {
        self.before.retain(|before| before.index != index);
    }

    /// A change was cut short, or nobody knows whether it was made. With `undo`, what undoes it is of use.
    pub fn doubt(&mut self, planned: &Planned, note: String, undo: bool) {
        let decision = Decision::of(Outcome::Unknown, planned.change.clone()).because(note);
        self.decisions[planned.index] = Some(Decision {
            change: decision.change.filter(|_| undo),
            ..decision
        });
    }

    /// A change was refused before anything was done.
    pub fn refuse(&mut self, index: usize, note: &str) {
        self.decisions[index] = Some(Decision::failed(note));
    }

    /// Ends the batch where it is, for the reason `cause`: changes that were made and not proved stay changes, and what is
    /// undecided is left out.
    pub fn stop(&mut self, cause: &str) {
        for (planned, _) in std::mem::take(&mut self.proving) {
            let note = format!("applied, but not verified: {cause}");
            let decision = Decision::of(Outcome::Changed, planned.change).because(note);
            self.decisions[planned.index] = Some(decision);
        }
        self.skip_rest(cause);
    }

    /// Decides what it can, and says what is to be done next.
    #[expect(clippy::should_implement_trait, reason = "it never ends with `None`")]
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
                // A change behind it may alter what it was found on: it must not be looked at again.
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

    /// Drops the undo of changes that failed and left everything as it was.
    fn settle_untouched(&mut self) {
        for before in std::mem::take(&mut self.before) {
            if self.has_failed_at(before.index) && before.still_holds(&self.found) {
                self.untouched(before.index);
            }
        }
    }

    /// What was found to want nothing between changes that are made by now.
    fn settle_unchanged(&mut self) {
        for (index, remark) in std::mem::take(&mut self.unchanged) {
            if !self.has_failed_before(index) {
                self.decisions[index] = Some(Decision::unchanged(remark));
            }
        }
    }

    /// The questions of the tasks from `from` on that are open, as far as nothing certain makes the answers stale.
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

    /// Proves what was made.
    fn prove(&mut self) -> Proved {
        let mut ask = Vec::new();
        let mut interrupted = false;
        for (planned, note) in std::mem::take(&mut self.proving) {
            let task = &self.tasks[planned.index];
            // A question that is a command is not asked behind a step that failed.
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
                    "the change was made and cannot be proved: {reason}"
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

    /// In check mode: nothing is known of any of them.
    pub fn set_unknown(&mut self, reason: &str) {
        for (task, decision) in self.tasks.iter().zip(&mut self.decisions) {
            self.outlook
                .alter(task.touches().writes, &task.label(), false);
            *decision = Some(Decision::new(Outcome::Unknown).because(reason));
        }
    }

    /// Leaves what is undecided undone.
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

/// Begins a line of what a script of ours prints that is meant for the outcome, among what other programs print.
const MARK: &str = "ops: ";

fn marked(printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.strip_prefix(MARK))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The questions that are open.
fn missing(queries: &[Query], world: &Found) -> Vec<Query> {
    let open = queries.iter().filter(|query| world.get(query).is_none());
    open.cloned().collect()
}

const NOT_CONVERGED: &str =
    "did not converge: the change was made, and the probe still finds a difference";
