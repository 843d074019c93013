//! Why a host is not in service with the new version: what the report says of each.

use crate::model::{Fate, OnAbort, Version};

use super::host::Host;
use super::machine::Rollout;

/// How many hosts a reason names.
const MOST_NAMES: usize = 5;

impl Rollout {
    /// The reason for where a host is; none where all went as it was meant to.
    pub(super) fn reason_of(&self, host: &Host) -> Option<String> {
        let own = host.unrestored.as_ref().or(host.failure.as_ref());
        let own = own.map(|failure| failure.message.clone());
        match host.fate {
            Some(Fate::Updated) if host.unrestored.is_some() => own,
            Some(Fate::Updated) => host.kept.clone(),
            Some(_) => own.or_else(|| Some(self.ended_by())),
            None if host.found_out => Some(format!(
                "it was out of service before the rollout, and its turn did not come: {}",
                self.ended_by()
            )),
            None => Some(format!("its turn did not come: {}", self.ended_by())),
        }
    }

    /// Changed hosts to which the rollback did not come keep the new version: notes why.
    pub(super) fn note_kept(&mut self) {
        let why = if self.broken {
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
        let out: Vec<&str> = self
            .hosts
            .iter()
            .filter(|host| host.out && !host.in_flight())
            .map(|host| host.name.as_str())
            .collect();
        let mut named = out[..out.len().min(MOST_NAMES)].join(", ");
        if out.len() > MOST_NAMES {
            named.push_str(&format!(" and {} more", out.len() - MOST_NAMES));
        }
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
        format!("the rollout was {how}")
    }
}
