//! The answers that a change was planned from. If the change fails and the answers are still the same,
//! nothing was changed and there is nothing to undo.

use super::{Answer, Found, Query};

/// The answers that a change was planned from.
pub(super) struct Before {
    /// The index of the task in the batch.
    pub index: usize,
    answers: Vec<(Query, Answer)>,
}

impl Before {
    /// The answers to these queries in a world. `None` if any of them is unknown.
    pub(crate) fn of(index: usize, queries: &[Query], world: &Found) -> Option<Self> {
        let known = |query: &Query| Some((query.clone(), world.get(query)?.clone()));
        let answers: Option<Vec<_>> = queries.iter().map(known).collect();
        let answers = answers.filter(|answers| !answers.is_empty())?;
        Some(Self { index, answers })
    }

    /// Whether all answers are the same as before.
    pub(crate) fn still_holds(&self, found: &Found) -> bool {
        self.answers.iter().all(|(query, answer)| {
            !matches!(answer, Answer::Unknowable(_)) && found.get(query) == Some(answer)
        })
    }
}
