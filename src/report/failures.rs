//! The failures of a run, with equal ones grouped.

use std::collections::HashMap;

use indexmap::IndexSet;

use crate::model::{Failure, FailureKind};

/// Failures in the order in which they happened.
#[derive(Default)]
pub(super) struct Failures {
    groups: Vec<Group>,
    /// Where in `groups` a failure without its host is.
    places: HashMap<Failure, usize>,
}

/// A failure, and all hosts on which it happened.
pub(super) struct Group {
    /// As it was on the first host.
    pub failure: Failure,
    pub hosts: IndexSet<String>,
}

impl Failures {
    pub(super) fn add(&mut self, failure: &Failure) {
        let place = *self.places.entry(without_host(failure)).or_insert_with(|| {
            self.groups.push(Group {
                failure: failure.clone(),
                hosts: IndexSet::new(),
            });
            self.groups.len() - 1
        });
        self.groups[place].hosts.extend(failure.host.clone());
    }

    /// Adds what ended the run, unless it is a known failure that was passed on.
    pub(super) fn add_last(&mut self, failure: &Failure) {
        if self
            .groups
            .iter()
            .any(|group| alike(&group.failure, failure))
        {
            return;
        }
        match self.without_reason(failure) {
            Some(shorter) => self.add(&shorter),
            None => self.add(failure),
        }
    }

    /// The failure that ended a rollout, without its reason, if the reason is a known failure of a host.
    fn without_reason(&self, failure: &Failure) -> Option<Failure> {
        let ends_rollout = [FailureKind::RolledBack, FailureKind::NotRolledBack];
        if !ends_rollout.contains(&failure.kind) || failure.host.is_some() {
            return None;
        }
        let mut reasons = self.groups.iter().flat_map(|group| {
            let on = |host: &String| format!(": {}", group.failure.clone().on(host));
            group.hosts.iter().map(on)
        });
        let what = reasons.find_map(|reason| failure.message.strip_suffix(reason.as_str()))?;
        Some(Failure {
            message: what.to_owned(),
            ..failure.clone()
        })
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

/// Whether two are the same failure at different places of the playbook.
fn alike(one: &Failure, other: &Failure) -> bool {
    let seen = |failure: &Failure| Failure {
        at: None,
        source_line: None,
        trace: Vec::new(),
        hint: None,
        ..without_host(failure)
    };
    seen(one) == seen(other)
}

/// Whether the failure that ended a closure was already shown. A task that fails says so itself; what a
/// `timeout` around it adds is part of the explanation.
pub(super) fn is_shown(shown: &Failure, failure: &Failure) -> bool {
    alike(shown, failure) || (failure.task.is_some() && shown.task == failure.task)
}

/// The failure without the host, also in its texts: `cannot resolve web1` and `cannot resolve web2` are
/// equal.
fn without_host(failure: &Failure) -> Failure {
    let mut failure = failure.clone();
    let Some(host) = failure.host.take() else {
        return failure;
    };
    if host.is_empty() || failure.kind == FailureKind::Internal {
        return failure;
    }
    for text in [&mut failure.hint, &mut failure.command, &mut failure.stderr]
        .into_iter()
        .flatten()
    {
        *text = without_word(text, &host);
    }
    failure.message = without_word(&failure.message, &host);
    failure
}

/// The text without a word, where it is a whole word.
fn without_word(text: &str, word: &str) -> String {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in text.match_indices(word) {
        let alone = !text[..at].ends_with(part_of_word)
            && !text[at + found.len()..].starts_with(part_of_word);
        if alone {
            out.push_str(&text[from..at]);
            out.push('\0');
            from = at + found.len();
        }
    }
    out.push_str(&text[from..]);
    out
}
