//! Has a host keep how each change of a request is undone, before the change is made.

use super::{Part, is_ok};
use crate::run::kept_undo::{KeptUndo, note_run};
use crate::shell::{Reply, Request};
use crate::task::Planned;

impl Part<'_> {
    /// Adds to the steps of a request what keeps their undos.
    pub(super) fn keep_undos(&self, changes: &[Planned], request: &mut Request) {
        let run = &self.host.run;
        if run.journal.is_none() {
            return;
        }
        let mut first = !self.host.history().keeps_as(self.host.user.as_deref());
        // The change that does the work of those after it.
        let mut maker = "";
        for (planned, step) in changes.iter().zip(&mut request.steps) {
            let (change, name) = (&planned.change, &self.names[planned.index]);
            let undo = if change.apply.is_empty() && !change.command {
                KeptUndo::made_by(maker)
            } else {
                maker = name;
                KeptUndo::from(&**change)
            };
            let mut before = Vec::new();
            if std::mem::take(&mut first) {
                before.extend(note_run(&run.id));
                before.extend_from_slice(b"; ");
            }
            before.extend(undo.note(&run.id, name));
            step.before = Some(before);
        }
    }

    /// The first step of a request has made the directory for what is kept, if it ran.
    pub(super) fn keeps(&self, changes: &[Planned], reply: &Reply) {
        let first = reply.steps.first().zip(changes.first());
        if first.is_some_and(|(step, planned)| is_ok(step, &planned.change)) {
            let history = self.host.history();
            history.set_keeps_as(self.host.user.as_deref());
        }
    }
}
