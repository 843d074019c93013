//! Every text that an event or a failure holds, for scrubbing.
//!
//! The matches name every field on purpose: a field that is added does not compile until someone has
//! decided here whether it is text.

use std::collections::BTreeMap;

use super::{Diff, Emission, Failure, HostEnd, HostFacts, Kind, LockHolder, Position, Scrubber};

/// Something that holds texts which may hold secrets.
pub trait Texts {
    /// Calls `change` with each of them.
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String));

    /// Hides what may be an old secret, which no scrubber knows. Before the known ones are replaced: they
    /// tell where it stands.
    fn hide_old_secrets(&mut self, _scrubber: &Scrubber) {}

    /// Replaces every secret.
    fn scrub(&mut self, scrubber: &Scrubber) {
        self.hide_old_secrets(scrubber);
        self.each_text(&mut |text| scrubber.scrub_in_place(text));
    }
}

impl Texts for Option<String> {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        if let Some(text) = self {
            change(text);
        }
    }
}

impl Texts for Position {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Self {
            file,
            line: _,
            column: _,
        } = self;
        change(file);
    }
}

impl Texts for Failure {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Self {
            kind: _,
            message,
            hint,
            host,
            task,
            command,
            code: _,
            stderr,
            at,
            source_line,
            trace,
            sums_up: _,
        } = self;
        change(message);
        for text in [hint, host, task, command, stderr, source_line] {
            text.each_text(change);
        }
        if let Some(at) = at {
            at.each_text(change);
        }
        for (name, position) in trace {
            change(name);
            position.each_text(change);
        }
    }
}

impl Texts for HostEnd {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Self {
            fate: _,
            version: _,
            batch: _,
            failure,
            unrestored,
            reason,
        } = self;
        for failure in [failure, unrestored].into_iter().flatten() {
            failure.each_text(change);
        }
        reason.each_text(change);
    }
}

impl Texts for Option<Box<LockHolder>> {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Some(holder) = self else { return };
        let LockHolder {
            lock,
            id: _,
            scope: _,
            user,
            controller,
            pid: _,
            since: _,
            run: _,
            playbook,
            hosts: _,
        } = &mut **holder;
        [lock, user, controller, playbook]
            .into_iter()
            .for_each(change);
    }
}

impl Texts for Diff {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Property {
                name,
                before,
                after,
            } => [name, before, after].into_iter().for_each(change),
            Self::Text {
                path,
                before,
                after,
            } => [path, before, after].into_iter().for_each(change),
            Self::Binary {
                path,
                before: _,
                after: _,
            }
            | Self::Hidden { path } => change(path),
            Self::Note { text } => change(text),
        }
    }

    fn hide_old_secrets(&mut self, scrubber: &Scrubber) {
        Self::hide_old_secrets(self, scrubber);
    }
}

impl Texts for HostFacts {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Self {
            os,
            os_like,
            os_version,
            os_codename,
            virtualization,
            os_name,
            architecture,
            kernel,
            kernel_version,
            init,
            package_manager,
            user,
            uid: _,
            hostname,
            addresses,
            memory: _,
            cores: _,
            state_dir,
        } = self;
        let one = [
            os,
            os_version,
            os_codename,
            virtualization,
            os_name,
            architecture,
            kernel,
            kernel_version,
            init,
            package_manager,
            user,
            hostname,
            state_dir,
        ];
        one.into_iter()
            .chain(os_like)
            .chain(addresses)
            .for_each(change);
    }
}

impl Texts for Kind {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::RunStarted {
                schema: _,
                version: _,
                playbook,
                check: _,
                hosts: _,
                params,
            } => {
                change(playbook);
                params.values_mut().for_each(change);
            }
            Self::HostFinished { failure } => {
                if let Some(failure) = failure {
                    failure.each_text(change);
                }
            }
            Self::HostConnecting {
                user,
                attempt: _,
                reason,
            } => {
                user.each_text(change);
                reason.each_text(change);
            }
            Self::HostConnected { facts } => facts.each_text(change),
            Self::HostUnreachable { failure } => failure.each_text(change),
            Self::TaskOutput { stream: _, text } => change(text),
            Self::TaskFinished {
                diff,
                note,
                failure,
            } => {
                for diff in diff {
                    diff.each_text(change);
                }
                note.each_text(change);
                if let Some(failure) = failure {
                    failure.each_text(change);
                }
            }
            Self::HealthChecked {
                state: _,
                message,
                vantage,
                waiting: _,
            } => {
                change(message);
                change(vantage);
            }
            Self::RolloutBatchStarted { .. }
            | Self::RolloutHost { .. }
            | Self::RolloutWaiting { .. }
            | Self::RolloutAborted { .. }
            | Self::RolloutFinished { .. } => each_of_rollout(self, change),
            Self::LockWaiting { .. }
            | Self::LockAcquired { .. }
            | Self::LockReleased { .. }
            | Self::LockTakenOver { .. }
            | Self::LockBroken { .. }
            | Self::LockLost { .. } => of_lock(self, change),
            Self::Waiting {
                what,
                reason,
                left_ms: _,
                hosts,
                asks: _,
            } => {
                change(what);
                reason.each_text(change);
                hosts.iter_mut().for_each(change);
            }
            Self::Log { level: _, message } => change(message),
            Self::RunFinished {
                totals: _,
                hosts,
                exit_code: _,
                failure,
            } => {
                each_key(hosts, change);
                if let Some(failure) = failure {
                    failure.each_text(change);
                }
            }
            Self::Other(fields) => fields
                .values_mut()
                .for_each(|value| each_in_json(value, change)),
            Self::EachStarted { .. }
            | Self::EachFinished { .. }
            | Self::HostStarted
            | Self::TaskStarted
            | Self::TaskApplied
            | Self::RolloutStarted { .. }
            | Self::RolloutBatchFinished { .. }
            | Self::RolloutPaused { .. } => {}
        }
    }

    fn hide_old_secrets(&mut self, scrubber: &Scrubber) {
        if let Self::TaskFinished { diff, .. } = self {
            for diff in diff {
                diff.hide_old_secrets(scrubber);
            }
        }
    }
}

/// Of an event about a lock.
fn of_lock(kind: &mut Kind, change: &mut dyn FnMut(&mut String)) {
    match kind {
        Kind::LockWaiting {
            lock,
            holder,
            hosts,
        }
        | Kind::LockTakenOver {
            lock,
            id: _,
            former: holder,
            hosts,
        }
        | Kind::LockBroken {
            lock,
            id: _,
            holder,
            hosts,
        } => {
            change(lock);
            holder.each_text(change);
            hosts.iter_mut().for_each(change);
        }
        Kind::LockAcquired {
            lock,
            id: _,
            scope: _,
            tokens,
        } => {
            change(lock);
            each_key(tokens, change);
        }
        Kind::LockReleased { lock, id: _ } => change(lock),
        Kind::LockLost {
            lock,
            id: _,
            reason,
            holder,
        } => {
            change(lock);
            change(reason);
            holder.each_text(change);
        }
        _ => {}
    }
}

/// The texts of events of rollouts.
fn each_of_rollout(kind: &mut Kind, change: &mut dyn FnMut(&mut String)) {
    match kind {
        Kind::RolloutBatchStarted {
            batch: _,
            batches: _,
            hosts,
            rollback: _,
        } => hosts.iter_mut().for_each(change),
        Kind::RolloutHost {
            phase: _,
            batch: _,
            failure: Some(failure),
        } => failure.each_text(change),
        Kind::RolloutWaiting {
            phase: _,
            batch: _,
            reason,
        } => reason.each_text(change),
        Kind::RolloutAborted {
            reason,
            on_abort: _,
        } => change(reason),
        Kind::RolloutFinished {
            end: _,
            reason,
            hosts,
        } => {
            reason.each_text(change);
            each_key(hosts, change);
            for host in hosts.values_mut() {
                host.each_text(change);
            }
        }
        _ => {}
    }
}

impl Texts for Emission {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let Self {
            kind,
            step,
            host,
            task,
            outcome: _,
            duration_ms: _,
            at,
        } = self;
        kind.each_text(change);
        for text in [step, host, task] {
            text.each_text(change);
        }
        if let Some(at) = at {
            at.each_text(change);
        }
    }

    fn hide_old_secrets(&mut self, scrubber: &Scrubber) {
        self.kind.hide_old_secrets(scrubber);
    }
}

fn each_key<T>(hosts: &mut BTreeMap<String, T>, change: &mut dyn FnMut(&mut String)) {
    *hosts = std::mem::take(hosts)
        .into_iter()
        .map(|(mut name, value)| {
            change(&mut name);
            (name, value)
        })
        .collect();
}

fn each_in_json(value: &mut serde_json::Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        serde_json::Value::String(text) => change(text),
        serde_json::Value::Array(values) => values
            .iter_mut()
            .for_each(|value| each_in_json(value, change)),
        serde_json::Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| each_in_json(value, change)),
        _ => {}
    }
}
