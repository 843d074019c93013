//! The result of a rollout, for the playbook and the exit code.

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};

use crate::deploy::rollout::Report;
use crate::model::rollout::outcomes;
use crate::model::{
    Failure, FailureKind, Fate, HostEnd, HostEnds, Kind, LogLevel, OnAbort, RolloutEnd, Version,
};
use crate::run::Run;
use crate::script::builtins::HostValue;
use crate::script::builtins::each::together;
use crate::script::error::{Halt, halt, throw};

use super::options::Wanted;

/// How a rollout ended, and the result of each host.
pub(super) struct Summary {
    end: RolloutEnd,
    reason: Option<String>,
    hosts: HostEnds,
}

impl Summary {
    pub(super) fn new(
        report: Report,
        hosts: &[HostValue],
        absent: &[HostValue],
        run: &Run,
    ) -> Self {
        let taken = hosts.iter().zip(report.hosts);
        let taken = taken.map(|(host, end)| (host.0.name().to_owned(), end));
        let absent = absent.iter().map(|host| {
            let name = host.0.name().to_owned();
            let failure = run.failure_of(&name).map(Box::new);
            let end = HostEnd {
                fate: Fate::Untouched,
                version: Version::Old,
                batch: None,
                failure,
                unrestored: None,
                reason: Some("it failed earlier in the run, so it took no part".to_owned()),
            };
            (name, end)
        });
        Self {
            end: report.end,
            reason: report.reason,
            hosts: taken.chain(absent).collect(),
        }
    }

    /// Adds hosts that took no part.
    pub(super) fn and_others(mut self, others: impl Iterator<Item = (String, HostEnd)>) -> Self {
        self.hosts.extend(others);
        self
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::RolloutFinished {
            end: self.end,
            reason: self.reason.clone(),
            hosts: self.hosts.clone(),
        }
    }

    /// The map of the hosts, or the failure that the rollout throws.
    pub(super) fn give(
        self,
        context: &NativeCallContext<'_>,
        run: &Run,
        wanted: &Wanted,
    ) -> Result<Map, Box<EvalAltResult>> {
        self.note_failures(run);
        let place = context.call_position();
        if let Some(failure) = self.taken_over() {
            return Err(throw(failure, context));
        }
        let told = outcomes(&self.hosts);
        let reason = self.reason.as_deref().unwrap_or("it was interrupted");
        let (kind, what) = match self.end {
            RolloutEnd::Done => return Ok(shown(&self.hosts)),
            RolloutEnd::WithFailures => {
                let failures = self.failures();
                let many = failures.len() > wanted.spec.max_failures;
                return if wanted.spec.on_abort == OnAbort::Continue && many {
                    Err(throw(together(failures, self.hosts.len()), context))
                } else {
                    Ok(shown(&self.hosts))
                };
            }
            RolloutEnd::Interrupted => {
                run.log(
                    LogLevel::Warn,
                    None,
                    format!("the rollout was interrupted; {told}"),
                );
                return Err(halt(Halt::Cancelled, place));
            }
            RolloutEnd::Stopped => (FailureKind::Failed, "the rollout was stopped"),
            RolloutEnd::RolledBack => (
                FailureKind::RolledBack,
                "the rollout was aborted and rolled back",
            ),
            RolloutEnd::NotRolledBack => (
                FailureKind::NotRolledBack,
                "the rollout was aborted, and could not be rolled back completely",
            ),
        };
        let failure = Failure::new(kind, format!("{what}: {reason}"));
        Err(throw(failure.hint(format!("{}.", capital(&told))), context))
    }

    /// The failure if the lock passed to another run during the rollout and hosts were left to that run.
    fn taken_over(&self) -> Option<Failure> {
        // Also a host that is in service with the new version, and could not be rolled back any more.
        let why = self.hosts.values().find_map(|end| {
            let why = end.unrestored.as_deref().or(end.failure.as_deref());
            why.filter(|why| why.kind == FailureKind::Held)
        })?;
        let hint = format!(
            "{}. For their current state, see the run that took over the lock.",
            capital(&outcomes(&self.hosts))
        );
        let message = format!("the rollout ended before it was complete: {}", why.message);
        Some(Failure::new(FailureKind::Held, message).hint(hint))
    }

    fn failures(&self) -> Vec<Failure> {
        let failed = self.hosts.iter().filter(|(_, end)| end.batch.is_some());
        let failure = |(name, end): (&String, &HostEnd)| {
            let failure = end.failure.as_deref()?.clone();
            Some(failure.on(name))
        };
        failed.filter_map(failure).collect()
    }

    /// Records the hosts that failed. They take no further part in the run, and they determine the exit code
    /// even if the playbook catches the error of the rollout.
    fn note_failures(&self, run: &Run) {
        // Hosts that another run has taken over are in its hands, whatever this one could not do.
        let broken = self.end == RolloutEnd::NotRolledBack && self.taken_over().is_none();
        for (name, end) in &self.hosts {
            let failure = match (&end.unrestored, &end.failure) {
                (Some(why), _) if broken => Failure {
                    kind: FailureKind::NotRolledBack,
                    ..(**why).clone()
                },
                (_, Some(failure)) | (Some(failure), None) => (**failure).clone(),
                (None, None) => continue,
            };
            run.host_failed(name, &failure.on(name));
        }
    }
}

/// The results of the hosts as a map for the playbook.
pub(super) fn shown(hosts: &HostEnds) -> Map {
    let shown = hosts.iter().map(|(name, end)| {
        let word = |value: serde_json::Result<serde_json::Value>| {
            let word = value.ok().and_then(|word| word.as_str().map(str::to_owned));
            Dynamic::from(word.unwrap_or_default())
        };
        let batch = end.batch.and_then(|batch| i64::try_from(batch).ok());
        let failure = end.failure.as_deref().or(end.unrestored.as_deref());
        let host = Map::from([
            ("fate".into(), word(serde_json::to_value(end.fate))),
            ("version".into(), word(serde_json::to_value(end.version))),
            ("batch".into(), batch.map_or(Dynamic::UNIT, Dynamic::from)),
            (
                "failure".into(),
                failure.map_or(Dynamic::UNIT, |failure| Dynamic::from(failure.clone())),
            ),
            (
                "reason".into(),
                end.reason.clone().map_or(Dynamic::UNIT, Dynamic::from),
            ),
        ]);
        (name.as_str().into(), Dynamic::from(host))
    });
    shown.collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
