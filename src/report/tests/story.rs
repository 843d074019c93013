//! Events of invented runs, and writers that a test can read.

use std::io;
use std::sync::{Arc, Mutex};

use crate::model::{
    Diff, Emission, Event, Failure, FailureKind, Kind, LogLevel, Outcome, Position, Reporter,
    SCHEMA, Scrubbed, Scrubber, Totals,
};

/// A writer that shares its text with the test.
#[derive(Clone, Default)]
pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn tell(reporter: &mut dyn Reporter, events: &[Event]) {
    for event in events {
        reporter.event(&scrubbed(event));
    }
    reporter.finish();
}

/// As the dispatcher hands it on.
pub(super) fn scrubbed(event: &Event) -> Scrubbed<Event> {
    Scrubbed::new(event.clone(), &Scrubber::default())
}

/// The events of a run, half a second apart.
#[derive(Default)]
pub(super) struct Story {
    pub events: Vec<Event>,
}

impl Story {
    pub(crate) fn of(hosts: usize, check: bool) -> Self {
        let params = [("version".to_owned(), "1.4.2".to_owned())].into();
        let (version, playbook) = ("0.1.0".into(), "site.rhai".into());
        Self::default().then(Emission::new(Kind::RunStarted {
            schema: SCHEMA,
            version,
            playbook,
            check,
            hosts,
            params,
        }))
    }

    pub(crate) fn then(mut self, emission: Emission) -> Self {
        let seq = self.events.len() as u64 + 1;
        let start: jiff::Timestamp = "2026-11-21T14:15:30Z".parse().expect("a time");
        let since = jiff::SignedDuration::from_millis(i64::try_from(seq).expect("small") * 500);
        self.events
            .push(emission.stamp("20261121-141530-k3f9", seq, start + since));
        self
    }

    pub(crate) fn each(self, hosts: usize) -> Self {
        self.then(Emission::new(Kind::EachStarted { hosts, forks: 50 }).at(at(3, 1)))
    }

    pub(crate) fn starts(self, host: &str) -> Self {
        self.then(Emission::new(Kind::HostStarted).host(host))
    }

    pub(crate) fn task(self, host: &str, label: &str, outcome: Outcome) -> Self {
        self.task_with(host, label, outcome, vec![], None)
    }

    pub(crate) fn task_with(
        self,
        host: &str,
        label: &str,
        outcome: Outcome,
        diff: Vec<Diff>,
        note: Option<&str>,
    ) -> Self {
        let kind = Kind::TaskFinished {
            diff,
            note: note.map(str::to_owned),
            failure: None,
        };
        self.then(
            Emission::new(kind)
                .host(host)
                .task(label)
                .outcome(outcome)
                .at(at(4, 7)),
        )
    }

    /// A task fails, and the closure of its host with it.
    pub(crate) fn fails(self, host: &str, failure: &Failure) -> Self {
        let failure = failure.clone().on(host);
        let kind = Kind::TaskFinished {
            diff: vec![],
            note: None,
            failure: Some(Box::new(failure.clone())),
        };
        let label = failure.task.clone().unwrap_or_default();
        let thrown = Failure {
            trace: vec![("deploy".into(), at(9, 5))],
            ..failure
        };
        self.then(
            Emission::new(kind)
                .host(host)
                .task(label)
                .outcome(Outcome::Failed),
        )
        .then(
            Emission::new(Kind::HostFinished {
                failure: Some(Box::new(thrown)),
            })
            .host(host),
        )
    }

    pub(crate) fn lost(self, host: &str, failure: &Failure) -> Self {
        let failure = Box::new(failure.clone().on(host));
        self.then(
            Emission::new(Kind::HostUnreachable {
                failure: failure.clone(),
            })
            .host(host),
        )
        .then(
            Emission::new(Kind::HostFinished {
                failure: Some(failure),
            })
            .host(host),
        )
    }

    pub(crate) fn ends_well(self, host: &str) -> Self {
        self.then(Emission::new(Kind::HostFinished { failure: None }).host(host))
    }

    pub(crate) fn log(self, host: Option<&str>, level: LogLevel, message: &str) -> Self {
        let mut emission = Emission::new(Kind::Log {
            level,
            message: message.into(),
        });
        emission.host = host.map(str::to_owned);
        self.then(emission)
    }

    /// The end, with the totals of the events so far.
    pub(crate) fn finished(self, exit_code: u8, failure: Option<Failure>) -> Self {
        let mut totals = Totals::default();
        let mut hosts = std::collections::BTreeMap::<String, Totals>::new();
        for event in &self.events {
            let Some(host) = &event.host else { continue };
            let here = hosts.entry(host.clone()).or_default();
            if let Kind::HostUnreachable { .. } = event.kind {
                here.unreachable = 1;
                totals.unreachable += 1;
            }
            if let Some(outcome) = event.outcome {
                here.count(outcome);
                totals.count(outcome);
            }
        }
        let failure = failure.map(Box::new);
        self.then(Emission::new(Kind::RunFinished {
            totals,
            hosts,
            exit_code,
            failure,
        }))
    }
}

pub(super) fn at(line: usize, column: usize) -> Position {
    Position {
        file: "site.rhai".into(),
        line,
        column,
    }
}

/// apt fails for a name that was mistyped.
pub(super) fn apt_failure() -> Failure {
    let mut failure = Failure::new(FailureKind::Failed, "exit code 100")
        .hint("Check the name, or set `update: true` if the lists are old.")
        .at(Some(at(4, 13)));
    failure.task = Some("packages::installed ngnix".into());
    failure.command = Some("apt-get install -y ngnix".into());
    failure.code = Some(100);
    let stderr = [
        "Get:1 http://deb.debian.org/debian bookworm InRelease",
        "Reading package lists...",
        "Building dependency tree...",
        "Reading state information...",
        "E: Unable to locate package ngnix\n",
    ];
    failure.stderr = Some(stderr.join("\n"));
    failure.source_line = Some("    h.apply(packages::installed(\"ngnix\"));".into());
    failure
}

pub(super) fn refused() -> Failure {
    Failure::new(FailureKind::Unreachable, "connection refused")
        .hint("Is sshd running, and is the port right?")
}
