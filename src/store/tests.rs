//! Runs are kept as they were and can be read again.

mod journal;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::model::{
    Emission, Event, Failure, FailureKind, Kind, Outcome, OutputStream, Reporter as _, SCHEMA,
    Scrubbed, Scrubber, Secrets, Totals,
};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::at(dir.path().join("ops"));
    (dir, store)
}

fn event(seq: u64, kind: Kind) -> Event {
    let ts = "2026-11-21T14:15:30Z"
        .parse::<jiff::Timestamp>()
        .expect("a time")
        + jiff::SignedDuration::from_millis(i64::try_from(seq).expect("small") * 500);
    Emission::new(kind).host("web1").stamp("r1", seq, ts)
}

/// As the dispatcher hands it on.
fn scrubbed(event: &Event) -> Scrubbed<Event> {
    Scrubbed::new(event.clone(), &Scrubber::default())
}

fn events() -> Vec<Event> {
    let started = Kind::RunStarted {
        schema: SCHEMA,
        version: "0.1.0".into(),
        playbook: "site.rhai".into(),
        check: true,
        hosts: 1,
        params: [("version".to_owned(), "1.4.2".to_owned())].into(),
    };
    let failure = Failure::new(FailureKind::Failed, "exit code 1").on("web1");
    let mut task = event(
        2,
        Kind::TaskFinished {
            diff: vec![],
            note: None,
            failure: Some(Box::new(failure)),
        },
    );
    task.outcome = Some(Outcome::Failed);
    let future = serde_json::json!({"kind": "rollout.batch_started", "batch": {"of": 3}});
    let serde_json::Value::Object(future) = future else {
        unreachable!("it is an object")
    };
    vec![event(1, started), task, event(3, Kind::Other(future))]
}

fn finished(seq: u64) -> Event {
    let totals = Totals {
        failed: 1,
        ..Totals::default()
    };
    event(
        seq,
        Kind::RunFinished {
            totals,
            hosts: [("web1".to_owned(), totals)].into(),
            exit_code: 3,
            failure: None,
        },
    )
}

/// Keeps these events, with an end or as if the process had been killed.
fn keep(store: &Store, events: &[Event]) -> RunId {
    let run = store
        .begin("site.rhai", false, &Secrets::new())
        .expect("a run");
    let mut recorder = Recorder::create(run.clone()).expect("a recorder");
    for event in events {
        recorder.event(&scrubbed(event));
    }
    recorder.finish();
    run.id().clone()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn a_run_comes_back_as_it_was() {
    let (_dir, store) = store();
    let mut all = events();
    all.push(finished(4));
    let id = keep(&store, &all);
    let run = store.open("last").expect("the run");
    assert_eq!(run.id(), &id);
    let read = run.events().expect("events");
    assert!(read.map(|event| (*event).clone()).eq(all));
    let list = store.list().expect("a list");
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].state, RunState::Finished { exit_code: 3 });
    assert_eq!((list[0].hosts, list[0].totals.failed), (1, 1));
    assert_eq!(list[0].playbook.as_deref(), Some("site.rhai"));
}

#[test]
fn an_unknown_kind_keeps_its_fields() {
    let line = serde_json::json!({
        "ts": "2026-11-21T14:15:30Z", "run": "r", "seq": 9,
        "kind": "lock.acquired", "lock": "deploy/shop", "host": "a",
    });
    let event: Event = serde_json::from_value(line.clone()).expect("read");
    assert_eq!(
        (event.kind.name(), event.host.as_deref()),
        ("lock.acquired", Some("a"))
    );
    let written: serde_json::Value = serde_json::to_value(&event).expect("written");
    assert_eq!(written, line);
}

#[test]
fn only_the_owner_has_access() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    let _recorder = Recorder::create(run.clone()).expect("a recorder");
    let mut output = run.output("s", OutputStream::Stdout);
    output.push(&vec![b'x'; OUTPUT_IN_EVENT + 1]);
    let output = output.finish().expect("written").expect("a file");
    assert_eq!(mode(run.dir()), 0o700);
    assert_eq!(mode(run.dir().parent().expect("runs")), 0o700);
    for file in ["meta.json", "events.jsonl", "journal.jsonl", "lock"] {
        assert_eq!(mode(&run.dir().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&output), 0o600);
}

#[test]
fn a_killed_run_is_distinguished_from_an_active_one() {
    let (_dir, store) = store();
    let run = store
        .begin("site.rhai", false, &Secrets::new())
        .expect("a run");
    let mut recorder = Recorder::create(run.clone()).expect("a recorder");
    for event in &events() {
        recorder.event(&scrubbed(event));
    }
    assert_eq!(store.list().expect("a list")[0].state, RunState::Running);
    // What a kill leaves: no end, a free lock.
    drop((run, recorder));
    assert_eq!(
        state_of(&store.open("last").expect("the run")),
        RunState::Killed
    );
    let list = store.list().expect("a list");
    assert_eq!((list[0].hosts, list[0].totals.failed), (1, 1));
}

#[test]
fn a_change_is_kept_at_once() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    let mut recorder = Recorder::create(run.clone()).expect("a recorder");
    let kept = || {
        let lines = fs::read_to_string(run.dir().join("events.jsonl")).expect("the file");
        lines.lines().count()
    };
    let mut event = events().remove(1);
    event.outcome = Some(Outcome::Changed);
    recorder.event(&scrubbed(&event));
    assert_eq!(kept(), 1, "it is kept even if the process is killed now");
}

/// The state of a run whose lock was let go. Another test may be starting a process just now, which holds a
/// copy of the lock until it executes its program.
fn state_of(run: &StoredRun) -> RunState {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let state = run.summary().state;
        if state != RunState::Running || std::time::Instant::now() > until {
            return state;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_truncated_line_is_left_out_and_counted() {
    let (_dir, store) = store();
    keep(&store, &events());
    let run = store.open("last").expect("the run");
    let path = run.dir().join("events.jsonl");
    let bytes = fs::read(&path).expect("readable");
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).expect("writable");
        let whole = bytes[..len].split(|byte| *byte == b'\n').count() - 1;
        let mut read = run.events().expect("events");
        let count = read.by_ref().count();
        // A last line that lacks nothing but its newline counts.
        assert!(
            count == whole || count == whole + 1 && read.broken() == 0,
            "{len}"
        );
        assert_eq!(state_of(&run), RunState::Killed);
    }
}

#[test]
fn an_empty_run_directory_is_still_listed() {
    let (dir, store) = store();
    fs::create_dir_all(dir.path().join("ops/runs/20261121-141530-k3f9")).expect("created");
    fs::create_dir_all(dir.path().join("ops/runs/not a run")).expect("created");
    let list = store.list().expect("a list");
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].state, list[0].started), (RunState::Killed, None));
    assert!(store.open("k3f9").expect("the run").events().is_err());
}

#[test]
fn a_run_is_found_by_either_end_of_its_id() {
    let (dir, store) = store();
    assert!(matches!(store.open("last"), Err(StoreError::NoRuns(_))));
    for id in [
        "20261121-141530-k3f9",
        "20261121-141531-k3fa",
        "20261122-000000-abcd",
    ] {
        fs::create_dir_all(dir.path().join("ops/runs").join(id)).expect("created");
    }
    let open = |which: &str| {
        store
            .open(which)
            .map(|run| run.id().to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(open("last"), Ok("20261122-000000-abcd".into()));
    assert_eq!(open("20261122"), Ok("20261122-000000-abcd".into()));
    assert_eq!(open("k3fa"), Ok("20261121-141531-k3fa".into()));
    assert_eq!(
        open("20261121-1415"),
        Err("`20261121-1415` matches 2 runs: 20261121-141531-k3fa, 20261121-141530-k3f9".into())
    );
    assert_eq!(open("../x"), Err("there is no kept run `../x`".into()));
    assert!(open("").is_err());
}

#[test]
fn ids_sort_by_time_and_can_be_parsed() {
    let at = |time: &str, random| RunId::at(time.parse().expect("a time"), random);
    let (early, late) = (
        at("2026-11-21T14:15:30Z", u32::MAX),
        at("2026-11-21T14:15:31Z", 0),
    );
    assert!(early < late);
    assert_eq!(late.as_str(), "20261121-141531-2222");
    assert_eq!(RunId::parse(early.as_str()), Some(early));
    assert_eq!(RunId::parse("20261121-141530-K3F9"), None);
    assert_eq!(
        RunId::parse(RunId::new().as_str()).map(|id| id.as_str().len()),
        Some(20)
    );
}

#[test]
fn the_oldest_runs_go_first_but_never_an_active_one() {
    let (dir, store) = store();
    let runs = dir.path().join("ops/runs");
    let running = runs.join("20200101-000000-aaaa");
    fs::create_dir_all(&running).expect("created");
    let lock = fs::File::create(running.join("lock")).expect("created");
    lock.lock().expect("locked");
    for day in 10..15 {
        fs::create_dir_all(runs.join(format!("202001{day}-000000-aaaa"))).expect("created");
    }
    let new = store
        .keep(3)
        .begin("x", false, &Secrets::new())
        .expect("a run");
    let mut left: Vec<String> = fs::read_dir(&runs)
        .expect("readable")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "20200101-000000-aaaa",
            "20200113-000000-aaaa",
            "20200114-000000-aaaa",
            new.id().as_str()
        ]
    );
}

#[test]
fn frequent_runs_do_not_displace_rare_ones() {
    let (_dir, store) = store();
    let store = store.keep(4);
    let begin = |playbook: &str| {
        let run = store.begin(playbook, false, &Secrets::new());
        run.expect("a run").id().clone()
    };
    let deployment = begin("deploy.rhai");
    for _ in 0..10 {
        begin("health");
    }
    let kept = store.list().expect("a list");
    // A lock seems held while another thread is between fork and exec: then the next run removes what this
    // one could not.
    assert!((4..11).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().any(|run| run.id == deployment));
}

#[test]
fn the_directory_follows_the_xdg_specification() {
    let locate = |state: Option<&str>, home: Option<&str>| {
        let (state, home) = (state.map(OsString::from), home.map(OsString::from));
        Store::locate(|name| {
            if name == "HOME" {
                home.clone()
            } else {
                state.clone()
            }
        })
        .map(|store| format!("{store:?}"))
    };
    assert!(
        locate(Some("/s"), Some("/h"))
            .expect("a place")
            .contains("\"/s/ops/runs\"")
    );
    assert!(
        locate(Some("relative"), Some("/h"))
            .expect("a place")
            .contains("\"/h/.local/state/ops/runs\"")
    );
    assert!(matches!(locate(None, None), Err(StoreError::NoPlace)));
}

#[test]
fn an_output_is_kept_once_it_is_long() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    let mut short = run.output("short", OutputStream::Stdout);
    short.push(&vec![b'x'; OUTPUT_IN_EVENT]);
    assert!(short.finish().expect("nothing to write").is_none());
    let mut long = run.output("long", OutputStream::Stderr);
    for _ in 0..OUTPUT_IN_EVENT {
        long.push(b"a");
        long.push(b" line\n");
    }
    long.finish().expect("written");
    let path = store
        .open("last")
        .expect("the run")
        .output("long", OutputStream::Stderr)
        .expect("a file");
    assert_eq!(
        fs::read_to_string(path).expect("readable"),
        "a line\n".repeat(OUTPUT_IN_EVENT)
    );
}

#[test]
fn an_endless_output_and_many_long_ones_are_cut() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    let kept = |step: &str| {
        let mut output = run.output(step, OutputStream::Stdout);
        for _ in 0..10 {
            output.push(&vec![b'x'; 1 << 20]);
        }
        output.push(b"the end");
        let path = output.finish().expect("written").expect("a file");
        fs::read_to_string(path).expect("readable")
    };
    let first = kept("first");
    let left_out = (10 << 20) + 7 - OUTPUT_KEPT - (64 << 10);
    let (head, last) = first
        .split_once(&format!("\n[... {left_out} bytes left out ...]\n"))
        .expect("a cut");
    assert_eq!(head.len() as u64, OUTPUT_KEPT);
    assert_eq!(last.len(), 64 << 10);
    assert!(last.ends_with("xthe end"));
    for step in ["second", "third"] {
        assert_eq!(kept(step).len(), first.len());
    }
    // All that a run keeps is taken.
    let fourth = kept("fourth");
    assert!(fourth.starts_with("\n[... ") && fourth.ends_with("xthe end"));
    assert!(OUTPUTS_KEPT == 3 * OUTPUT_KEPT && fourth.len() < 70_000);
}

#[test]
fn events_that_cannot_be_written_do_not_stop_the_run() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    std::os::unix::fs::symlink("/dev/full", run.dir().join("events.jsonl")).expect("linked");
    let mut recorder = Recorder::create(run.clone()).expect("a recorder");
    for event in events() {
        recorder.event(&scrubbed(&event));
        recorder.tick();
    }
    recorder.event(&scrubbed(&finished(4)));
    recorder.finish();
    drop((run, recorder));
    assert_eq!(
        store.list().expect("a list")[0].state,
        RunState::Finished { exit_code: 3 }
    );
}
