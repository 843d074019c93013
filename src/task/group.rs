//! What is being put together for one request.

use std::sync::Arc;

use indexmap::IndexSet;

use super::next::Planned;
use super::resource::alters_path;
use super::{Body, Change, Found, Plan, Query, Resource, Task};

/// The changes and the questions of one request.
#[derive(Default)]
pub(super) struct Group {
    pub changes: Vec<Planned>,
    /// The last of them that has something to do: those behind it were taken over.
    last: usize,
    /// What proves each change.
    pub proofs: Vec<Proof>,
    pub asks: IndexSet<Query>,
    /// What the changes alter.
    pub altered: Vec<Resource>,
    /// What was found, and what the changes say that they leave. `None` while there are none.
    world: Option<Found>,
}

/// What proves a change.
pub(super) struct Proof {
    /// Of the task in the batch.
    pub index: usize,
    pub queries: Vec<Query>,
    /// What it depends on besides: a plan may ask for more than its task's queries.
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
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.asks.is_empty()
    }

    /// A task waits for answers: nothing behind it may be changed before it.
    pub fn is_blocked(&self) -> bool {
        !self.asks.is_empty()
    }

    /// The host as it would be after the changes, where it was found to be so.
    pub fn world<'a>(&'a self, found: &'a Found) -> &'a Found {
        self.world.as_ref().unwrap_or(found)
    }

    /// Whether a task must wait until the host has shown what the changes leave. One that plans ahead
    /// decides on what they say, where they say it.
    pub fn makes_stale(&self, task: &dyn Task, queries: &[Query], reads: &[Resource]) -> bool {
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

    /// Whether a change of the group may make, or take away, a directory that a body is to land in. Bodies land
    /// before the first change of a request.
    pub fn moves_ground_of(&self, body: &Body) -> bool {
        let mut path = body.path.as_str();
        std::iter::from_fn(|| {
            path = path.rsplit_once('/')?.0;
            Some(path)
        })
        .any(|above| alters_path(&self.altered, above))
    }

    /// Whether a change would take the proof of an earlier one away. Not, if that one too would be content with
    /// what the change says that it leaves: then both are proved by what is there in the end.
    ///
    /// Directories above a path that come to be with it disturb no proof: one that an earlier change made is
    /// there, and one that an earlier change removed makes the questions of this one stale.
    pub fn would_disturb_proof(
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

    pub fn push(
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
        // Nobody else has it yet.
        let last = last.and_then(|planned| Arc::get_mut(&mut planned.change));
        if !last.is_some_and(|last| last.take_over(&mut change)) {
            self.last = self.changes.len();
        }
        let change = Arc::new(change);
        self.changes.push(Planned { index, change });
        self.proofs.push(proof);
    }
}

/// What a change leaves of what was known.
fn imagine(mut world: Found, change: &Change, alters: &[Resource]) -> Found {
    world.forget(alters);
    for (query, answer) in &change.leaves {
        world.insert(query.clone(), answer.clone());
    }
    world
}
