//! The group of changes and queries that is assembled for one request.

use std::sync::Arc;

use indexmap::IndexSet;

use super::next::Planned;
use super::resource::alters_path;
use super::{Body, Change, Found, Plan, Query, Resource, Task};

/// The changes and the queries of one request.
#[derive(Default)]
pub(super) struct Group {
    pub changes: Vec<Planned>,
    /// The last change that has something to do: those after it were merged.
    last: usize,
    /// The proof of each change.
    pub proofs: Vec<Proof>,
    pub asks: IndexSet<Query>,
    /// What the changes alter.
    pub altered: Vec<Resource>,
    /// The answers, and what the changes would leave. `None` while there are no changes.
    world: Option<Found>,
}

/// The proof of a change.
pub(super) struct Proof {
    /// The index of the task in the batch.
    pub index: usize,
    pub queries: Vec<Query>,
    /// Further queries that it depends on: a plan may need more than its task's queries.
    pub reads: Vec<Resource>,
}

impl Proof {
    fn is_disturbed_by(&self, alters: &[Resource]) -> bool {
        self.queries.iter().any(|query| query.depends_on(alters))
            || self
                .reads
                .iter()
                .any(|read| alters.iter().any(|a| a.overlaps(read)))
    }
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.asks.is_empty()
    }

    /// A task waits for answers: nothing after it may be changed first.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.asks.is_empty()
    }

    /// The host as it would be after the changes, if it was queried.
    pub(crate) fn world<'a>(&'a self, found: &'a Found) -> &'a Found {
        self.world.as_ref().unwrap_or(found)
    }

    /// Whether a task must wait until the host has shown the effects of the changes. A task that plans
    /// ahead uses the predictions of the changes, where they exist.
    pub(crate) fn makes_stale(
        &self,
        task: &dyn Task,
        queries: &[Query],
        reads: &[Resource],
    ) -> bool {
        let told = |query: &Query| {
            task.plans_ahead() && self.world.as_ref().is_some_and(|w| w.get(query).is_some())
        };
        queries
            .iter()
            .any(|query| query.depends_on(&self.altered) && !told(query))
            || reads
                .iter()
                .any(|read| self.altered.iter().any(|a| a.overlaps(read)))
    }

    /// Whether a change of the group may create or remove a directory that a body is stored in. Bodies are
    /// stored before the first change of a request.
    pub(crate) fn moves_ground_of(&self, body: &Body) -> bool {
        let mut path = body.path.as_str();
        std::iter::from_fn(|| {
            path = path.rsplit_once('/')?.0;
            Some(path)
        })
        .any(|above| alters_path(&self.altered, above))
    }

    /// Whether a change would invalidate the proof of an earlier one. Not if the earlier one also accepts
    /// the predicted result: then the final state proves both.
    ///
    /// Missing parent directories that are created with a path do not invalidate a proof: those that an
    /// earlier change created exist, and those that an earlier change removed make the answers for this one
    /// stale.
    pub(crate) fn would_disturb_proof(
        &self,
        change: &Change,
        alters: &[Resource],
        tasks: &[Arc<dyn Task>],
    ) -> bool {
        let counted: Vec<Resource> = alters
            .iter()
            .filter(|resource| !matches!(resource, Resource::Above(_)))
            .cloned()
            .collect();
        let disturbed: Vec<&Proof> = self
            .proofs
            .iter()
            .filter(|proof| proof.is_disturbed_by(&counted))
            .collect();
        let Some(world) = self.world.as_ref().filter(|_| !disturbed.is_empty()) else {
            return false;
        };
        let after = imagine(world.clone(), change, alters);
        !disturbed.iter().all(|proof| {
            let task = &tasks[proof.index];
            task.plans_ahead()
                && proof.queries.iter().all(|query| after.get(query).is_some())
                && matches!(task.plan(&after), Plan::Unchanged)
        })
    }

    pub(crate) fn push(
        &mut self,
        index: usize,
        mut change: Change,
        proof: Proof,
        alters: Vec<Resource>,
        found: &Found,
    ) {
        let world = self.world.take().unwrap_or_else(|| found.clone());
        self.world = Some(imagine(world, &change, &alters));
        self.altered.extend(alters);
        let last = self.changes.get_mut(self.last);
        // There are no other references yet.
        let last = last.and_then(|planned| Arc::get_mut(&mut planned.change));
        if !last.is_some_and(|last| last.take_over(&mut change)) {
            self.last = self.changes.len();
        }
        let change = Arc::new(change);
        self.changes.push(Planned { index, change });
        self.proofs.push(proof);
    }
}

/// What a change leaves of the known answers.
fn imagine(mut world: Found, change: &Change, alters: &[Resource]) -> Found {
    world.forget(alters);
    for (query, answer) in &change.leaves {
        world.insert(query.clone(), answer.clone());
    }
    world
}
