//! `ops health`: results go into a table, which is shown at the end.

use super::{Piece, View};
use crate::model::{Event, FailureKind, Kind};

impl View {
    /// The text of an event that goes into the table. `None` if the event is shown as in any other run.
    pub(super) fn in_health_table(&mut self, event: &Event) -> Option<Vec<Piece>> {
        let table = self.health_table.as_mut()?;
        let host = event.host.as_deref().unwrap_or_default();
        match &event.kind {
            Kind::HealthChecked { state, message, .. } => {
                table.checked(event, *state, message);
                Some(Vec::new())
            }
            Kind::HostUnreachable { failure } => {
                table.lost(host, &failure.message);
                self.connecting.remove(host);
                // The end of the run has the hint.
                self.shown.insert(host.to_owned(), (**failure).clone());
                Some(Vec::new())
            }
            // The table has the same in detail.
            Kind::HostFinished {
                failure: Some(failure),
            } if failure.kind == FailureKind::Failed && table.has(host) => Some(Vec::new()),
            _ => None,
        }
    }
}
