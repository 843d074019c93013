//! Check mode: planned on what was found, and on what earlier would-be changes say they would leave.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexSet;

use crate::model::Outcome;

use super::planner::{ASKED_AGAIN, Next, Verdict};
use super::{Answer, Effect, Found, Plan, Query, Resource, Task};

/// What the would-be changes of a run leave on a host, so that a later batch is planned on it too.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// What they alter.
    altered: Vec<Resource>,
    /// For each of those, the label of the task that would.
    by: Vec<Arc<str>>,
    /// What they say that they leave.
    leaves: HashMap<Query, Answer>,
}

impl Outlook {
    /// Whether the host would be as it is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.altered.is_empty()
    }

    fn alter(&mut self, resources: Vec<Resource>, by: &str) {
        self.leaves.retain(|query, _| !query.depends_on(&resources));
        let by: Arc<str> = by.into();
        self.by.extend(resources.iter().map(|_| by.clone()));
        self.altered.extend(resources);
    }

    /// Why nobody knows what depends on such a resource: the first task that would alter it is the root of it.
    fn reason(&self, depends: impl Fn(&Resource) -> bool) -> String {
        let altered = self.altered.iter().position(depends);
        altered.and_then(|index| self.by.get(index)).map_or_else(
            || "depends on what an earlier task would change".to_owned(),
            |by| format!("depends on what `{by}` would change"),
        )
    }
}

/// Plans all tasks, or says what has to be asked for that. `outlook` is what earlier batches leave; with the
/// last word, what these leave on top.
pub(super) fn next(
    tasks: &[Arc<dyn Task>],
    found: &Found,
    verdicts: &mut [Option<Verdict>],
    outlook: &mut Outlook,
) -> Next {
    let open: IndexSet<Query> = tasks
        .iter()
        .flat_map(|task| missing(task.queries(), found))
        .collect();
    if !open.is_empty() {
        return Next::Ask(open.into_iter().collect());
    }
    let mut world = World {
        imagined: found.clone(),
        outlook: outlook.clone(),
        ask: IndexSet::new(),
        interrupted: false,
    };
    world.imagined.forget(&outlook.altered);
    for (query, answer) in &outlook.leaves {
        world.imagined.insert(query.clone(), answer.clone());
    }
    let decided: Vec<Verdict> = tasks
        .iter()
        .map(|task| world.verdict(task.as_ref()))
        .collect();
    if world.interrupted {
        Next::Interrupted
    } else if world.ask.is_empty() {
        // Not before: what is asked may lead to other verdicts, and these are told at once.
        for (verdict, decided) in verdicts.iter_mut().zip(decided) {
            *verdict = Some(decided);
        }
        *outlook = world.outlook;
        Next::Done
    } else {
        Next::Ask(world.ask.into_iter().collect())
    }
}

fn missing(queries: Vec<Query>, found: &Found) -> Vec<Query> {
    queries
        .into_iter()
        .filter(|query| found.get(query).is_none())
        .collect()
}

/// Whether an answer depends on the resource.
fn asks(queries: &[Query], resource: &Resource) -> bool {
    queries
        .iter()
        .any(|query| query.depends_on(std::slice::from_ref(resource)))
}

/// The host as it would be.
struct World {
    imagined: Found,
    outlook: Outlook,
    /// What plans need besides.
    ask: IndexSet<Query>,
    interrupted: bool,
}

impl World {
    fn verdict(&mut self, task: &dyn Task) -> Verdict {
        let touches = task.touches();
        let queries = task.queries();
        let provable = !queries.is_empty();
        let label = task.label();
        let read = |altered: &Resource| touches.reads.iter().any(|read| altered.overlaps(read));
        let open = missing(queries, &self.imagined);
        if provable && (self.outlook.altered.iter().any(read) || !open.is_empty()) {
            let reason = self
                .outlook
                .reason(|altered| read(altered) || asks(&open, altered));
            return self.unknown(&reason, touches.writes, &label);
        }
        match task.plan(&self.imagined) {
            Plan::Unchanged => Verdict::unchanged(task.remark(&self.imagined)),
            Plan::Change(change) if matches!(change.effect, Effect::Nothing) => {
                Verdict::new(Outcome::Skipped)
                    .because("changes nothing, and is not run in check mode")
            }
            Plan::Change(change) => {
                self.alter(change.alters.clone().unwrap_or(touches.writes), &label);
                for (query, answer) in &change.leaves {
                    let answer = yet_to_come(answer);
                    self.outlook.leaves.insert(query.clone(), answer.clone());
                    self.imagined.insert(query.clone(), answer);
                }
                if provable && matches!(change.effect, Effect::Changes) {
                    Verdict::of(Outcome::WouldChange, Arc::new(*change))
                } else {
                    Verdict::of(Outcome::Unknown, Arc::new(*change))
                        .because("nothing tells whether it would change anything")
                }
            }
            Plan::Unknown(reason) => self.unknown(&reason, touches.writes, &label),
            Plan::Ask(queries) => {
                let open = missing(queries, &self.imagined);
                if open.is_empty() {
                    return Verdict::failed(ASKED_AGAIN);
                }
                let stale = open
                    .iter()
                    .any(|query| query.depends_on(&self.outlook.altered));
                let reason = self.outlook.reason(|altered| asks(&open, altered));
                if !stale {
                    self.ask.extend(open);
                }
                self.unknown(&reason, touches.writes, &label)
            }
            Plan::Interrupted => {
                self.interrupted = true;
                self.unknown("interrupted", touches.writes, &label)
            }
            Plan::Impossible(reason) => {
                self.alter(touches.writes, &label);
                Verdict::failed(reason)
            }
        }
    }

    fn unknown(&mut self, reason: &str, writes: Vec<Resource>, label: &str) -> Verdict {
        self.alter(writes, label);
        Verdict::new(Outcome::Unknown).because(reason)
    }

    fn alter(&mut self, resources: Vec<Resource>, by: &str) {
        self.imagined.forget(&resources);
        self.outlook.alter(resources, by);
    }
}

/// Nobody knows when a run would write it: later than all that there is.
fn yet_to_come(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Answer::Path(state) = &mut answer {
        for stat in state.own.iter_mut().chain(&mut state.target) {
            stat.modified = i64::MAX;
        }
    }
    answer
}
