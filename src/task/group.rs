//! What is being put together for one request.

use indexmap::IndexSet;

use super::planner::Planned;
use super::resource::alters_path;
use super::{Body, Found, Query, Resource};

/// The changes and the questions of one request.
#[derive(Default)]
pub(super) struct Group {
    pub changes: Vec<Planned>,
    /// The questions that prove each change.
    pub proofs: Vec<Vec<Query>>,
    /// What the proofs depend on besides: a plan may ask for more than its task's queries.
    pub proof_reads: Vec<Resource>,
    pub asks: IndexSet<Query>,
    /// What the changes alter.
    pub altered: Vec<Resource>,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.asks.is_empty()
    }

    /// A task waits for answers: nothing behind it may be changed before it.
    pub fn is_blocked(&self) -> bool {
        !self.asks.is_empty()
    }

    pub fn makes_stale(&self, queries: &[Query], reads: &[Resource]) -> bool {
        queries.iter().any(|query| query.depends_on(&self.altered))
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

    /// Notes the questions that are open. Whether there are any.
    pub fn ask_missing(&mut self, queries: &[Query], found: &Found) -> bool {
        let open: Vec<&Query> = queries
            .iter()
            .filter(|query| found.get(query).is_none())
            .collect();
        let any = !open.is_empty();
        self.asks.extend(open.into_iter().cloned());
        any
    }

    /// Directories above a path that come to be with it disturb no proof: one that an earlier change made is
    /// there, and one that an earlier change removed makes the questions of this one stale.
    pub fn would_disturb_proof(&self, alters: &[Resource]) -> bool {
        let alters: Vec<Resource> = alters
            .iter()
            .filter(|resource| !matches!(resource, Resource::Above(_)))
            .cloned()
            .collect();
        let alters = &alters;
        self.proofs
            .iter()
            .flatten()
            .any(|query| query.depends_on(alters))
            || (self.proof_reads.iter()).any(|read| alters.iter().any(|a| a.overlaps(read)))
    }

    pub fn push(
        &mut self,
        planned: Planned,
        (proof, reads): (Vec<Query>, Vec<Resource>),
        alters: Vec<Resource>,
    ) {
        self.altered.extend(alters);
        self.proof_reads.extend(reads);
        self.changes.push(planned);
        self.proofs.push(proof);
    }
}
