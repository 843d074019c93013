//! The failures of a link: hosts that do not answer, and hosts that refuse.

use std::time::Instant;

use crate::model::{Failure, FailureKind, Kind};
use crate::shell::{SessionError, Waiting};

use super::{LOST_REPORT_INTERVAL, Link, lock};

impl Link {
    /// The failure of a request that got no answer.
    pub(in crate::run) fn lost(&self, error: &SessionError) -> Failure {
        let failure = self.failure_of(error);
        if failure.kind == FailureKind::Unreachable {
            self.report_unreachable(&failure);
        }
        failure
    }

    pub(in crate::run) fn failure_of(&self, error: &SessionError) -> Failure {
        let kind = match error {
            SessionError::Cancelled => FailureKind::Interrupted,
            // The host was reached, and refused.
            SessionError::Elevation { .. }
            | SessionError::TimedOut {
                waiting: Waiting::Sudo { .. },
                ..
            } => FailureKind::Failed,
            _ => FailureKind::Unreachable,
        };
        let mut failure = Failure::new(kind, error.to_string()).on(&self.host.name);
        failure.hint = error.hint().map(ToOwned::to_owned);
        if let (SessionError::Handshake { .. }, Some(shell)) =
            (error, self.connection.via.last_shell())
        {
            failure.hint = Some(format!(
                "The command of `via` (`ops_exec`) ends with `{shell}`, \
                 but ops adds `sh` itself: omit `{shell}`."
            ));
        }
        failure
    }

    /// Whether a refused password caused this failure: it is not tried again.
    pub(in crate::run) fn is_refused_password(&self, failure: &Failure) -> bool {
        self.sudo
            .refusal()
            .is_some_and(|error| failure.message.ends_with(&error.to_string()))
    }

    pub(super) fn unreachable(&self, message: String, hint: Option<String>) -> Failure {
        let mut failure = Failure::new(FailureKind::Unreachable, message).on(&self.host.name);
        failure.hint = hint;
        failure
    }

    /// Reports it once, and then at most every [`LOST_REPORT_INTERVAL`]: health checks try again every
    /// second.
    pub(super) fn report_unreachable(&self, failure: &Failure) {
        {
            let mut told = lock(&self.told_lost);
            if told.is_some_and(|told| told.elapsed() < LOST_REPORT_INTERVAL) {
                return;
            }
            *told = Some(Instant::now());
        }
        let kind = Kind::HostUnreachable {
            failure: Box::new(failure.clone()),
        };
        self.emit(kind);
    }
}
