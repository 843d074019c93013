//! What every subcommand is given, and what it returns.

use crate::model::Failure;

use super::logging::Log;

/// The program that a subcommand is part of.
pub(crate) struct Program {
    pub log: Log,
    /// The definition of the command line.
    pub command: fn() -> clap::Command,
}

/// The result of a subcommand: an exit code, or why it could not do its work.
pub(crate) type Done = Result<u8, Vec<Failure>>;

/// The exit code of a run without failures.
pub(crate) const DONE: u8 = 0;

/// The worst of several: a bug, then hosts that were left broken, then an interrupt, then the rest.
pub(crate) fn exit_code(failures: &[Failure]) -> u8 {
    const ORDER: [u8; 8] = [1, 7, 130, 6, 3, 4, 5, 2];
    let has = |code: &u8| {
        failures
            .iter()
            .any(|failure| failure.kind.exit_code() == *code)
    };
    ORDER.into_iter().find(has).unwrap_or(DONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailureKind;

    #[test]
    fn the_worst_failure_decides() {
        let failures = |kinds: &[FailureKind]| {
            let new = |kind: &FailureKind| Failure::new(*kind, "x");
            kinds.iter().map(new).collect::<Vec<_>>()
        };
        let code = |kinds: &[FailureKind]| exit_code(&failures(kinds));
        assert_eq!(code(&[FailureKind::Unreachable, FailureKind::Failed]), 3);
        assert_eq!(code(&[FailureKind::Failed, FailureKind::Interrupted]), 130);
        assert_eq!(code(&[FailureKind::Failed, FailureKind::RolledBack]), 6);
        let broken = [FailureKind::Interrupted, FailureKind::NotRolledBack];
        assert_eq!(code(&broken), 7);
        assert_eq!(code(&[FailureKind::Input]), 2);
        assert_eq!(code(&[]), 0);
    }
}
