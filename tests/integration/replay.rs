//! A stored run that is shown again reads as it did during the run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ops::model::{
    Diff, Emission, Failure, FailureKind, Kind, Outcome, OutputStream, Reporter, SCHEMA, Secrets,
};
use ops::report::{Json, Plain, Settings};
use ops::run::dispatcher::Bus;
use ops::store::{Recorder, RunState, Store};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain(page: &Page) -> Plain {
    let settings = Settings {
        verbose: 1,
        diff: true,
        ..Settings::default()
    };
    Plain::new(settings, Box::new(page.clone()), Box::new(page.clone()))
}

fn emit_a_run(bus: &Bus) {
    let (version, playbook) = ("0.1.0".into(), "site.rhai".into());
    let params = [("password".to_owned(), "hunter22".to_owned())].into();
    bus.emit(Emission::new(Kind::RunStarted {
        schema: SCHEMA,
        version,
        playbook,
        check: false,
        hosts: 40,
        params,
    }));
    std::thread::scope(|scope| {
        for number in 0..40 {
            scope.spawn(move || emit_a_host(bus, &format!("web{number}"), number % 7 == 3));
        }
    });
}

fn emit_a_host(bus: &Bus, host: &str, fails: bool) {
    bus.emit(Emission::new(Kind::HostStarted).host(host));
    let text = "connected with hunter22\n".into();
    bus.emit(
        Emission::new(Kind::TaskOutput {
            stream: OutputStream::Stdout,
            text,
        })
        .host(host),
    );
    let diff = vec![Diff::Text {
        path: "/etc/env".into(),
        before: String::new(),
        after: "PASSWORD=hunter22\n".into(),
    }];
    let failure = fails.then(|| {
        let mut failure = Failure::new(FailureKind::Failed, "exit code 1").on(host);
        failure.stderr = Some("denied: hunter22".into());
        Box::new(failure)
    });
    let outcome = if fails {
        Outcome::Failed
    } else {
        Outcome::Changed
    };
    let kind = Kind::TaskFinished {
        diff,
        note: None,
        failure: failure.clone(),
    };
    let emission = Emission::new(kind)
        .host(host)
        .task("files::file /etc/env")
        .step(format!("{host}:1"));
    bus.emit(
        emission
            .outcome(outcome)
            .duration(Duration::from_millis(1500)),
    );
    bus.emit(Emission::new(Kind::HostFinished { failure }).host(host));
}

#[test]
fn a_stored_run_reads_as_it_did() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let secrets = Secrets::new();
    secrets.add("hunter22", "password").expect("long enough");
    let store = Store::at(dir.path());
    let (seen, lines) = (Page::default(), Page::default());
    {
        let kept = store.begin("site.rhai", false, &secrets).expect("kept");
        let recorder = Recorder::create(kept.clone()).expect("a recorder");
        let json = Json::new(Box::new(lines.clone()));
        let reporters: Vec<Box<dyn Reporter>> =
            vec![Box::new(plain(&seen)), Box::new(json), Box::new(recorder)];
        let bus = Bus::start(kept.id().as_str(), secrets, reporters);
        emit_a_run(&bus);
        bus.finish(
            |_| 3,
            Some(Failure::new(FailureKind::Failed, "6 of 40 hosts failed")),
        );
    }

    let run = store.open("last").expect("the run");
    let again = Page::default();
    let mut reporter = plain(&again);
    let mut events = run.events().expect("events");
    events.by_ref().for_each(|event| reporter.event(&event));
    reporter.finish();
    assert_eq!(events.broken(), 0);
    assert_eq!(again.text(), seen.text());

    let kept = std::fs::read_to_string(run.dir().join("events.jsonl")).expect("readable");
    assert_eq!(
        kept,
        lines.text(),
        "the JSON output is the same as the stored run"
    );
    assert!(!kept.contains("hunter22") && !seen.text().contains("hunter22"));
    assert!(
        seen.text()
            .contains("on 6 hosts: web3, web10, web17, web24, web31, web38"),
        "{}",
        seen.text()
    );
    let summary = &store.list().expect("a list")[0];
    assert_eq!(summary.state, RunState::Finished { exit_code: 3 });
    assert_eq!(
        (summary.hosts, summary.totals.changed, summary.totals.failed),
        (40, 34, 6)
    );
}
