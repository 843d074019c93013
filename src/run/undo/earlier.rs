//! Changes of earlier attempts: what becomes of each, according to the journal and to its host.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::part::{NO_UNDO, Part, Verdict, recorded_as};
use crate::model::{Failure, FailureKind, undo_of};
use crate::run::host::HostHandle;
use crate::run::kept_undo::KeptUndo;
use crate::run::kept_undos::{Found, KeptUndos, question};
use crate::run::past::{NOT_ENDED, Past};
use crate::run::past_changes::{PastChange, PastMade, PastUndo};
use crate::run::recall::{Doubt, runs_again};
use crate::run::recorded::Recorded;
use crate::run::records;

/// What a user's changes on a host are undone with, or why that is not known.
type Answer = Result<Arc<KeptUndos>, String>;

/// Changes of earlier attempts that are to be undone, in order.
pub(super) struct Earlier<'h> {
    host: &'h HostHandle,
    changes: Vec<PastChange>,
}

impl<'h> Earlier<'h> {
    pub(super) fn new(host: &'h HostHandle, changes: impl Iterator<Item = PastChange>) -> Self {
        let changes = changes
            .filter(|change| change.made != PastMade::No)
            .collect();
        Self { host, changes }
    }

    /// The changes that are not undone, according to the journal.
    pub(super) fn parts(&self) -> Vec<Part> {
        let left = self.changes.iter();
        left.filter(|change| change.undo != PastUndo::Done)
            .map(|change| Part::earlier(self.host, change, KeptUndo::default()))
            .collect()
    }

    /// Decides about each of the changes.
    ///
    /// # Errors
    /// A host cannot be asked.
    pub(super) fn decide(
        &self,
        cancel: &CancellationToken,
    ) -> Result<Vec<(Part, Verdict)>, Failure> {
        let mut answers: HashMap<&Option<String>, Answer> = HashMap::new();
        for change in &self.changes {
            if !answers.contains_key(&change.user) {
                let answer = self.ask(change, cancel)?;
                answers.insert(&change.user, answer);
            }
        }
        let mut restored: HashSet<&str> = HashSet::new();
        let mut decided = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let verdict = match &answers[&change.user] {
                Err(reason) => unknown(change, reason),
                Ok(kept) => self.verdict(change, kept, &restored, cancel)?,
            };
            if !matches!(verdict.1, Verdict::Cannot(_)) {
                restored.insert(&change.name);
            }
            let part = Part::earlier(self.host, change, verdict.0.unwrap_or_default());
            decided.push((part, verdict.1));
        }
        Ok(decided)
    }

    /// Asks the host, as the user who made this change. Once in an attempt.
    fn ask(&self, change: &PastChange, cancel: &CancellationToken) -> Result<Answer, Failure> {
        let history = self.host.history();
        if let Some(kept) = history.kept_undos(change.user.as_deref()) {
            return Ok(Ok(kept));
        }
        let user = self.host.as_user(change.user.clone());
        match ask_undos(&user, cancel) {
            Ok(kept) => {
                let kept = Arc::new(kept);
                history.set_kept_undos(change.user.as_deref(), kept.clone());
                Ok(Ok(kept))
            }
            Err(failure) if failure.kind == FailureKind::Failed => Ok(Err(failure.message)),
            Err(failure) => Err(failure),
        }
    }

    fn verdict(
        &self,
        change: &PastChange,
        kept: &KeptUndos,
        restored: &HashSet<&str>,
        cancel: &CancellationToken,
    ) -> Result<(Option<KeptUndo>, Verdict), Failure> {
        let undo = match kept.of(&change.name) {
            Found::Undone => return Ok((None, Verdict::Nothing)),
            Found::UndoneButLast(undo) => return Ok((Some(undo.clone()), Verdict::Last)),
            _ if change.undo == PastUndo::Done => return Ok((None, Verdict::Nothing)),
            Found::Kept(undo) => undo.clone(),
            Found::TooLarge => return Ok(unknown(change, "its undo on the host is too large")),
            // It was being written, and the change had not begun.
            Found::Damaged | Found::Missing
                if change.made == PastMade::Unknown && !self.may_lack(kept, change) =>
            {
                return Ok((None, Verdict::Nothing));
            }
            Found::Damaged => return Ok(unknown(change, "its undo on the host is damaged")),
            Found::Missing => return Ok(unknown(change, "the host has no undo for it")),
        };
        let verdict = match &undo.made_by {
            _ if undo.undo.is_none() => Verdict::Cannot(NO_UNDO.to_owned()),
            _ if change.undo == PastUndo::InDoubt && undo.only_made => {
                self.decision(change, cancel)?
            }
            Some(maker)
                if !restored.contains(&**maker) && !self.host.history().is_undone(maker) =>
            {
                let makers = self.host.run.past.iter();
                let makers = makers.flat_map(|past| past.changes(self.host.name()));
                let label = makers.into_iter().find(|change| change.name == *maker);
                let label = label.map_or_else(|| "another one".to_owned(), |change| change.label);
                Verdict::Cannot(format!(
                    "it was made together with {label}, and can only be undone together with it"
                ))
            }
            _ => Verdict::Undo,
        };
        Ok((Some(undo), verdict))
    }

    /// What the operator decides about an undo that may have ended, and that may not be able to run twice.
    fn decision(
        &self,
        change: &PastChange,
        cancel: &CancellationToken,
    ) -> Result<Verdict, Failure> {
        let (step, label) = (undo_of(&change.step), format!("undo {}", change.label));
        let doubt = Doubt {
            step: &step,
            host: self.host.name(),
            label: &label,
            why: NOT_ENDED,
            at: change.at.as_ref(),
        };
        match runs_again(&self.host.run, &doubt, cancel) {
            Ok(true) => Ok(Verdict::Undo),
            Ok(false) => Ok(Verdict::Nothing),
            Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
            Err(failure) => Ok(Verdict::Cannot(format!(
                "{}: resume with `--in-doubt '{step}=again'` or `--in-doubt '{step}=done'`",
                failure.message
            ))),
        }
    }

    /// Whether changes may have been made on the host whose undos could not be kept.
    fn may_lack(&self, kept: &KeptUndos, change: &PastChange) -> bool {
        !kept.is_whole()
            || self.changes.iter().any(|other| {
                (other.made, &other.user) == (PastMade::Yes, &change.user)
                    && other.undo != PastUndo::Done
                    && matches!(kept.of(&other.name), Found::Missing)
            })
    }
}

/// Nothing tells how to undo a change.
fn unknown(change: &PastChange, reason: &str) -> (Option<KeptUndo>, Verdict) {
    let verdict = match (change.undo, change.made) {
        (PastUndo::Done, _) | (_, PastMade::No) => Verdict::Nothing,
        (_, PastMade::Yes) => Verdict::Cannot(format!("this change cannot be undone: {reason}")),
        (_, PastMade::Unknown) => Verdict::Cannot(format!(
            "this change may have been made, and was not undone: {reason}"
        )),
    };
    (None, verdict)
}

/// Asks a host how to undo what earlier attempts changed as the user of the handle.
fn ask_undos(host: &HostHandle, cancel: &CancellationToken) -> Result<KeptUndos, Failure> {
    let reply = host.request(cancel, question(&host.run.id), &())?;
    if reply.cancelled {
        return Err(Failure::interrupted());
    }
    KeptUndos::of_reply(reply).ok_or_else(|| {
        let message = "the host did not send how to undo what earlier attempts changed";
        Failure::new(FailureKind::Failed, message).on(host.name())
    })
}

/// Finds out from a host, as the user of the handle, which undos of earlier attempts ended that the journal
/// does not know of.
///
/// # Errors
/// The host does not answer, or what an earlier attempt started cannot be ended.
pub(crate) fn settle_undos(
    past: &Past,
    host: &HostHandle,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut open = past.changes(host.name());
    open.retain(|change| change.undo == PastUndo::InDoubt && change.user == host.user);
    if open.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = open
        .iter()
        .map(|change| recorded_as(&change.step, &change.name))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let recorded = records::settle(host, &names, cancel)?;
    let kept = ask_undos(host, cancel)?;
    for (change, recorded) in open.iter().zip(recorded) {
        let undo = match (kept.of(&change.name), recorded) {
            (Found::Undone | Found::UndoneButLast(_), _) | (_, Recorded::Ended(0)) => {
                PastUndo::Done
            }
            // Own scripts are not recorded.
            (Found::Kept(undo), Recorded::NotBegun | Recorded::Ended(_)) if undo.form.command => {
                PastUndo::NotDone
            }
            _ => PastUndo::InDoubt,
        };
        past.settle_undo(change, undo);
    }
    Ok(())
}
