//! Why a host is not in service with the new version: the reasons in the report.

use crate::model::{Failure, Fate, OnAbort, Version};

use super::host::Host;
use super::machine::Rollout;

/// The maximum number of hosts that a reason names.
const MOST_NAMES: usize = 5;

impl Rollout {
    /// The reason for the state of a host; none if everything went as intended.
    pub(super) fn reason_of(&self, host: &Host) -> Option<String> {
        let own = host.unrestored.as_ref().or(host.failure.as_ref());
        let own = own.map(|failure| in_words(failure));
        match host.fate {
            Some(Fate::Updated) if host.unrestored.is_some() => own,
            Some(Fate::Updated) => host.kept.clone(),
            Some(_) => own.or_else(|| Some(self.ended_by())),
            None if host.found_out => Some(format!(
                "out of service since before the rollout, and not started: {}",
                self.ended_by()
            )),
            None if host.was_in_flight => Some(format!(
                "out of service since the run was cut short: {}",
                self.ended_by()
            )),
            None => Some(format!("not started: {}", self.ended_by())),
        }
    }

    /// Changed hosts that the rollback did not reach keep the new version: records why.
    pub(super) fn note_kept(&mut self) {
        let why = if self.in_doubt {
            "not rolled back: a command is in doubt".to_owned()
        } else if self.broken {
            let broken = self.hosts.iter().find(|host| {
                let lost = |kind| kind == crate::model::FailureKind::Unreachable;
                host.unrestored.as_ref().is_some_and(|why| !lost(why.kind))
            });
            let name = broken.map_or("a host", |host| host.name.as_str());
            format!("not rolled back: {name} could not be put back, and the rollback stopped there")
        } else if self.interrupted {
            "not rolled back: the rollback was interrupted".to_owned()
        } else {
            format!("not rolled back: {}", self.no_room())
        };
        for host in &mut self.hosts {
            if host.fate == Some(Fate::Updated)
                && host.version == Version::New
                && host.unrestored.is_none()
            {
                host.kept = Some(why.clone());
            }
        }
    }

    /// Why no further host may be taken out of service.
    pub(super) fn no_room(&self) -> String {
        let most = self.max_unavailable().unwrap_or_default();
        let mut named = self.names(|host| host.out && !host.in_flight());
        if named.is_empty() {
            "hosts that failed earlier in the run".clone_into(&mut named);
        }
        let verb = if self.out() == 1 { "is" } else { "are" };
        format!("`max_unavailable` allows {most} out of service, and {named} {verb} out already")
    }

    fn ended_by(&self) -> String {
        if self.interrupted {
            return "the rollout was interrupted".to_owned();
        }
        let how = match self.spec.on_abort {
            OnAbort::Stop => "stopped",
            _ => "aborted",
        };
        let failed = self.names(|host| host.failure.is_some());
        if failed.is_empty() {
            format!("the rollout was {how}")
        } else {
            format!("the rollout was {how} after {failed} failed")
        }
    }

    /// The first of these hosts by name, and the number of others.
    fn names(&self, are: impl Fn(&Host) -> bool) -> String {
        let hosts = self.hosts.iter().filter(|host| are(host));
        let hosts: Vec<&str> = hosts.map(|host| host.name.as_str()).collect();
        let mut named = hosts[..hosts.len().min(MOST_NAMES)].join(", ");
        if hosts.len() > MOST_NAMES {
            named.push_str(&format!(" and {} more", hosts.len() - MOST_NAMES));
        }
        named
    }
}

/// A failure on one line: what failed, how, and the last line of a command's output, because its exit code
/// says little.
fn in_words(failure: &Failure) -> String {
    let mut text = match &failure.task {
        Some(task) if !failure.message.contains(task.as_str()) => {
            format!("{task}: {}", failure.message)
        }
        _ => failure.message.clone(),
    };
    let stderr = failure.stderr.as_deref().unwrap_or_default();
    if failure.code.is_some()
        && let Some(last) = stderr.lines().rfind(|line| !line.trim().is_empty())
    {
        text.push_str(&format!(": {}", last.trim()));
    }
    text
}
