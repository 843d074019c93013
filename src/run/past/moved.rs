//! Steps and rollouts that moved: a playbook that has changed is resumed.

use std::collections::HashSet;

use super::{Past, PastEnd, lock};
use crate::model::Outcome;
use crate::store::{EffectKind, RecordedResult, RolloutEntry};

impl Past {
    /// The same, for a playbook that has changed: a step that is not found at its place is recognised by what
    /// it sends.
    #[must_use]
    pub const fn by_text(mut self, by_text: bool) -> Self {
        self.by_text = by_text;
        self
    }

    /// If a step is not found at its place, and one that sends the same as the same user was not reached:
    /// takes it for this one. Returns what it came to, if that stands for running it.
    pub(in crate::run) fn adopt(
        &self,
        id: &str,
        kind: EffectKind,
        (host, user): (&str, Option<&str>),
        fingerprint: impl FnOnce() -> String,
    ) -> Option<(Outcome, Option<RecordedResult>)> {
        let mut steps = lock(&self.steps);
        if !self.by_text || steps.contains_key(id) {
            return None;
        }
        let fingerprint = fingerprint();
        let reached = lock(&self.reached);
        let fits = steps.iter().filter(|(id, step)| {
            let same = step.kind == kind && step.host == host && step.user.as_deref() == user;
            same && !step.polls && step.fingerprint == fingerprint && !reached.contains(*id)
        });
        let old = fits.min_by_key(|(_, step)| step.number)?.0.clone();
        let step = steps.remove(&old)?;
        let ended = match &step.end {
            PastEnd::Succeeded(result) => Some((Outcome::Changed, result.clone())),
            PastEnd::Exited { code: 0 } => Some((Outcome::Changed, None)),
            _ => None,
        };
        steps.insert(id.to_owned(), step);
        lock(&self.moved).insert(id.to_owned(), old);
        ended
    }

    /// The identity that a step had in the attempt that made it.
    pub(in crate::run) fn name_before(&self, id: &str) -> String {
        let moved = lock(&self.moved);
        moved.get(id).map_or_else(|| id.to_owned(), Clone::clone)
    }

    /// What earlier attempts did in a rollout: each entry with the number of changes that they had made on
    /// its host by then. Empty if this attempt has come to it before. If it is not found at its place, it may
    /// be another one with some of these hosts: also returns its former identity then.
    #[must_use]
    pub fn take_rollout(
        &self,
        step: &str,
        hosts: &HashSet<&str>,
    ) -> (Vec<(RolloutEntry, usize)>, Option<String>) {
        let mut rollouts = lock(&self.rollouts);
        if let Some(entries) = rollouts.shift_remove(step) {
            return (entries, None);
        }
        let has_one = |(entry, _): &(RolloutEntry, usize)| {
            matches!(entry, RolloutEntry::Begun { hosts: known, .. }
                if known.iter().any(|host| hosts.contains(&**host)))
        };
        let fits = |entries: &[(RolloutEntry, usize)]| self.by_text && entries.iter().any(has_one);
        let old = rollouts.iter().find(|(_, entries)| fits(entries));
        let Some(old) = old.map(|(id, _)| id.clone()) else {
            return (Vec::new(), None);
        };
        (rollouts.shift_remove(&old).unwrap_or_default(), Some(old))
    }
}
