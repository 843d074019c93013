//! `ops health`: what it sees goes into a table, which comes at the end.

use super::{Piece, View};
use crate::model::{Event, FailureKind, Kind};

impl View {
    /// What an event adds where all that counts is the table. `None` if it is shown as in any other run.
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
            // It sums up what stands in the table.
            Kind::HostFinished {
                failure: Some(failure),
            } if failure.kind == FailureKind::Failed && table.has(host) => Some(Vec::new()),
            _ => None,
        }
    }
}
