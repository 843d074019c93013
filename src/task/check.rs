//! Check mode: plans from the current state, and from the state that earlier planned changes would leave.
//!
//! The effects of a package are unknown in general. What it can plausibly touch ([`brings`](super::brings))
//! is unknown after it would be installed; everything else is planned from the current state, with a note.
//! A change that cannot work ([`Need`](super::Need)) is a failure, unless an earlier task may still provide
//! what is missing.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::model::Outcome;

use super::brings::{brings, touches};
use super::decision::Decision;
use super::next::{ASKED_AGAIN, Next};
use super::outlook::{Outlook, asks, certain, packages};
use super::{Answer, Change, Effect, Found, Lack, Need, PathState, Plan, Query, Resource, Task};

/// Plans all tasks, or returns the queries that are needed first. `outlook` is what earlier batches would
/// leave; when everything is decided, what this batch would leave is added to it.
pub(super) fn next(
    tasks: &[Arc<dyn Task>],
    found: &Found,
    decisions: &mut [Option<Decision>],
    outlook: &mut Outlook,
) -> Next {
    let open: IndexSet<Query> = tasks
        .iter()
        .flat_map(|task| missing(asked(task.as_ref()), found))
        .collect();
    if !open.is_empty() {
        return Next::Ask(open.into_iter().collect());
    }
    let mut world = World {
        found,
        imagined: found.clone(),
        outlook: outlook.clone(),
        ask: IndexSet::new(),
        interrupted: false,
    };
    world.forget(&outlook.altered);
    for (query, answer) in &outlook.leaves {
        world.imagined.insert(query.clone(), answer.clone());
    }
    let decided: Vec<Decision> = tasks
        .iter()
        .map(|task| world.decision(task.as_ref()))
        .collect();
    if world.interrupted {
        Next::Interrupted
    } else if world.ask.is_empty() {
        // Not before: what is asked may lead to other decisions, and these are told at once.
        for (decision, decided) in decisions.iter_mut().zip(decided) {
            *decision = Some(decided);
        }
        *outlook = world.outlook;
        Next::Done
    } else {
        Next::Ask(world.ask.into_iter().collect())
    }
}

/// The queries of a task, with the needs of its change: they are sent in the same request, unless they take
/// long to answer.
fn asked(task: &dyn Task) -> Vec<Query> {
    let needs = task.needs().into_iter();
    let needs = needs.filter(|need| !matches!(need, Need::Looked { .. }));
    let needs = needs.map(|need| need.query());
    task.queries().into_iter().chain(needs).collect()
}

fn missing(queries: Vec<Query>, found: &Found) -> Vec<Query> {
    queries
        .into_iter()
        .filter(|query| found.get(query).is_none())
        .collect()
}

/// The host as it would be.
struct World<'a> {
    /// The host as it is.
    found: &'a Found,
    imagined: Found,
    outlook: Outlook,
    /// Further queries that plans need.
    ask: IndexSet<Query>,
    interrupted: bool,
}

impl World<'_> {
    fn decision(&mut self, task: &dyn Task) -> Decision {
        let reads = task.touches().reads;
        let queries = task.queries();
        let provable = !queries.is_empty();
        for query in missing(queries.clone(), &self.imagined) {
            if let Some(answer) = self.below_nothing(&query) {
                self.imagined.insert(query, answer);
            }
        }
        let read = |altered: &Resource| match altered {
            Resource::Package(name) => reads.iter().any(|read| touches(name, read)),
            altered => reads.iter().any(|read| altered.overlaps(read)),
        };
        let open = missing(queries.clone(), &self.imagined);
        if let Some(found) = self.foreseen(task, &open) {
            return self.decided(task, task.plan(&found), &queries);
        }
        if provable && (self.outlook.altered.iter().any(read) || !open.is_empty()) {
            let reason = self
                .outlook
                .reason(|altered| read(altered) || self.may_answer(&open, altered));
            return self.unknown(task, &reason);
        }
        self.decided(task, task.plan(&self.imagined), &queries)
    }

    /// The answers below a directory that an earlier task would remove.
    fn below_nothing(&self, query: &Query) -> Option<Answer> {
        let (path, answer) = match query {
            Query::Path(path) => (path, Answer::Path(PathState::ABSENT)),
            Query::Sha256(path) => (path, Answer::Sha256(None)),
            Query::Content(path) => (path, Answer::Content(None)),
            _ => return None,
        };
        let (Resource::Path(removed), _) = self.outlook.last(query)? else {
            return None;
        };
        let left = self.outlook.leaves.get(&Query::Path(removed.clone()));
        let is_gone = matches!(left, Some(Answer::Path(state)) if !state.is_there());
        (is_gone && path != removed).then_some(answer)
    }

    /// The current answers and what would be altered of them, for a task that decides from both.
    fn foreseen(&self, task: &dyn Task, open: &[Query]) -> Option<Found> {
        if open.is_empty() || !task.foresees() {
            return None;
        }
        let mut found = self.imagined.clone();
        for query in open {
            found.insert(query.clone(), self.found.get(query)?.clone());
        }
        found.set_altered(self.outlook.planned(open)?);
        Some(found)
    }

    fn decided(&mut self, task: &dyn Task, plan: Plan, queries: &[Query]) -> Decision {
        match plan {
            Plan::Unchanged => {
                Decision::unchanged(task.remark(&self.imagined)).and_note(self.stands(queries))
            }
            Plan::Change(change) if matches!(change.effect, Effect::Nothing) => {
                Decision::new(Outcome::Skipped)
                    .because("changes nothing, and does not run in check mode")
            }
            Plan::Change(change) => match self.lack(task) {
                Some(Lack::Certain(reason)) => self.failed(task, reason),
                Some(Lack::Possible(reason)) => self.unknown(task, &reason),
                None => self.change(task, *change, queries),
            },
            Plan::Unknown(reason) => self.unknown(task, &reason),
            Plan::Ask(more) => {
                let open = missing(more, &self.imagined);
                if open.is_empty() {
                    return Decision::failed(ASKED_AGAIN);
                }
                let reason = self
                    .outlook
                    .reason(|altered| self.may_answer(&open, altered));
                if !open.iter().any(|query| self.is_stale(query)) {
                    self.ask.extend(open);
                }
                self.unknown(task, &reason)
            }
            Plan::Interrupted => {
                self.interrupted = true;
                self.unknown(task, "interrupted")
            }
            Plan::Impossible(reason) => match self.outlook.packages_behind(queries) {
                Some(by) => {
                    let reason = format!("{reason}, unless `{by}` changes that");
                    self.unknown(task, &reason)
                }
                None => self.failed(task, reason),
            },
        }
    }

    fn change(&mut self, task: &dyn Task, change: Change, queries: &[Query]) -> Decision {
        let note = self.stands(queries);
        let alters = change.alters.clone();
        let mut alters = alters.unwrap_or(task.touches().writes);
        alters.retain(|resource| !change.keeps.contains(resource));
        let units = self.units_with(&alters, &change);
        self.alter(alters, &task.label(), true);
        for (query, answer) in units {
            self.outlook.leaves.insert(query.clone(), answer.clone());
            self.imagined.insert(query, answer);
        }
        for (query, answer) in &change.leaves {
            let answer = yet_to_come(answer);
            self.outlook.leaves.insert(query.clone(), answer.clone());
            self.imagined.insert(query.clone(), answer);
        }
        if !queries.is_empty() && matches!(change.effect, Effect::Changes) {
            let foreseen = change.foreseen.clone();
            Decision::of(Outcome::WouldChange, Arc::new(change))
                .and_note(foreseen)
                .and_note(note)
        } else {
            Decision::of(Outcome::Unknown, Arc::new(change))
                .because("cannot determine whether this would change anything")
        }
    }

    /// Units whose file the change would write: systemd keeps using the old file until it is told to
    /// reload, and says so.
    fn units_with(&self, alters: &[Resource], change: &Change) -> Vec<(Query, Answer)> {
        let files = change
            .leaves
            .iter()
            .filter_map(|(query, answer)| match (query, answer) {
                (Query::Path(path), Answer::Path(_)) => Some(Resource::Entry(path.clone())),
                _ => None,
            });
        let files: Vec<Resource> = files.filter(|file| alters.contains(file)).collect();
        // Any other effect on the unit is unknown.
        let others: Vec<Resource> = alters
            .iter()
            .filter(|a| !files.contains(a))
            .cloned()
            .collect();
        let as_found = self
            .found
            .iter()
            .filter(|(query, _)| self.is_as_found(query));
        let units = self.imagined.iter().chain(as_found).filter(|(query, _)| {
            matches!(query, Query::Unit(_))
                && query.depends_on(&files)
                && !query.depends_on(&others)
        });
        units
            .filter_map(|(query, answer)| Some((query.clone(), unread(answer)?)))
            .collect()
    }

    /// Whether the answer about a unit would stay the same after packages. A missing unit might come with
    /// any package, but not if this task writes its file, unless the unit has the name of the package.
    fn is_as_found(&self, query: &Query) -> bool {
        let Query::Unit(name) = query else {
            return false;
        };
        let unit = Resource::Service(name.clone());
        self.imagined.get(query).is_none()
            && !query.depends_on(&self.outlook.certain())
            && !packages(&self.outlook.altered).any(|package| touches(package, &unit))
    }

    /// The note of a plan that packages of an earlier task might affect.
    fn stands(&self, queries: &[Query]) -> Option<String> {
        let told = |query: &&Query| !self.outlook.leaves.contains_key(*query);
        let queries: Vec<Query> = queries.iter().filter(told).cloned().collect();
        let by = self.outlook.packages_behind(&queries)?;
        Some(format!("as things stand: `{by}` might change that"))
    }

    /// What the task's change would lack, if no earlier task may provide it.
    fn lack(&mut self, task: &dyn Task) -> Option<Lack> {
        let mut lacks = Vec::new();
        for need in task.needs() {
            let query = need.query();
            let Some(answer) = self.imagined.get(&query) else {
                if !self.is_stale(&query) {
                    self.ask.insert(query);
                }
                continue;
            };
            let lack = need.lack(answer);
            let by = self.outlook.packages_behind(std::slice::from_ref(&query));
            lacks.extend(lack.map(|lack| match (lack, by) {
                (Lack::Certain(reason), Some(by)) => {
                    Lack::Possible(format!("{reason}, unless `{by}` provides it"))
                }
                (lack, _) => lack,
            }));
        }
        let certain = |lack: &&Lack| matches!(lack, Lack::Certain(_));
        lacks
            .iter()
            .find(certain)
            .or_else(|| lacks.first())
            .cloned()
    }

    /// Whether an earlier task would alter what the query is about. If the query was answered and the
    /// answer was discarded, it would.
    fn is_stale(&self, query: &Query) -> bool {
        query.depends_on(&self.outlook.certain()) || self.found.get(query).is_some()
    }

    /// Whether a resource affects the answer to one of these.
    fn may_answer(&self, queries: &[Query], altered: &Resource) -> bool {
        match altered {
            Resource::Package(name) => queries
                .iter()
                .any(|query| brings(name, query, self.found.get(query))),
            altered => asks(queries, altered),
        }
    }

    fn failed(&mut self, task: &dyn Task, reason: String) -> Decision {
        self.alter(task.touches().writes, &task.label(), false);
        Decision::failed(reason)
    }

    fn unknown(&mut self, task: &dyn Task, reason: &str) -> Decision {
        self.alter(task.touches().writes, &task.label(), false);
        Decision::new(Outcome::Unknown).because(reason)
    }

    fn alter(&mut self, resources: Vec<Resource>, by: &str, planned: bool) {
        self.forget(&resources);
        self.outlook.alter(resources, by, planned);
    }

    fn forget(&mut self, altered: &[Resource]) {
        let sure: Vec<Resource> = certain(altered).cloned().collect();
        self.imagined.forget(&sure);
        for name in packages(altered) {
            self.imagined
                .retain(|query, answer| !brings(name, query, Some(answer)));
        }
    }
}

/// The properties of a unit whose file has changed since systemd read it.
fn unread(unit: &Answer) -> Option<Answer> {
    let Answer::Table(rows) = unit else {
        return None;
    };
    let is_loaded = rows
        .iter()
        .any(|(key, value)| key == "LoadState" && value == "loaded");
    let rows = rows.iter().map(|(key, value)| match key.as_str() {
        "NeedDaemonReload" if is_loaded => (key.clone(), "yes".to_owned()),
        _ => (key.clone(), value.clone()),
    });
    Some(Answer::Table(rows.collect()))
}

/// The time of a future write is unknown: later than all existing times.
fn yet_to_come(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Answer::Path(state) = &mut answer {
        for stat in state.own.iter_mut().chain(&mut state.target) {
            stat.modified = i64::MAX;
        }
    }
    answer
}
