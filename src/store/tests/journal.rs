//! The journal of a run: durable, shared, and refused where it cannot be written.

mod reading;
mod results;
mod secrets;
mod sources;

use std::fs;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::store;
use crate::model::{Outcome, Secrets};
use crate::store::journal::Sink;
use crate::store::{
    EffectKind, Entry, Intent, Journal, JournalEntry, RunDirectory, RunInputs, Store,
};

fn intent(step: &str) -> Intent<'_> {
    Intent {
        slot: None,
        repeatable: false,
        step,
        kind: EffectKind::Task,
        host: "web1",
        user: None,
        label: "a task",
        fingerprint: "f".to_owned(),
        at: None,
        change: None,
    }
}

fn begin(store: &Store, secrets: &Secrets) -> RunDirectory {
    let run = store.begin("x", false, secrets).expect("a run");
    run.journal().begin(&RunInputs::default());
    run
}

fn text(run: &RunDirectory) -> String {
    fs::read_to_string(run.dir().join("journal.jsonl")).expect("a journal")
}

/// An entry in a word or two.
fn brief(entry: &JournalEntry) -> String {
    match &entry.entry {
        Entry::Intend { step, .. } => format!("intend {step}"),
        Entry::Applied { step } => format!("applied {step}"),
        Entry::Done { step, outcome, .. } => format!("{outcome} {step}"),
        Entry::Untouched { step } => format!("untouched {step}"),
        Entry::Rollout { step, .. } => format!("rollout {step}"),
        Entry::Kept { step, .. } => format!("kept {step}"),
        Entry::Confirmed { step } => format!("confirmed {step}"),
        Entry::Source { source } => format!("source {}", source.path),
    }
}

fn entries(store: &Store) -> Vec<String> {
    let record = store.open("last").expect("the run").journal();
    record
        .expect("a journal")
        .entries
        .iter()
        .map(brief)
        .collect()
}

#[test]
fn without_a_writable_store_there_are_no_intents() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "in the way").expect("written");
    let error = Store::at(&file)
        .begin("x", false, &Secrets::new())
        .err()
        .expect("refused");
    let journal = Journal::unavailable(&error);
    journal.begin(&RunInputs::default());
    let refused = journal.intend(intent("s")).expect_err("refused");
    assert!(
        refused
            .to_string()
            .starts_with("failed to write the journal of this run: failed to create "),
        "{refused}"
    );
}

#[test]
fn the_journal_reads_back_without_secrets() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    secrets.add("hunter22", "db").expect("long enough");
    let journal = begin(&store, &secrets).journal();
    journal
        .intend_all(["one", "two hunter22"].map(intent))
        .expect("written");
    journal.applied("one");
    journal.done("one", Outcome::Changed, None);
    journal.done("two hunter22", Outcome::Failed, None);
    journal.sync().expect("written");
    assert_eq!(
        entries(&store),
        [
            "intend one",
            "intend two [secret]",
            "applied one",
            "changed one",
            "failed two [secret]"
        ]
    );
}

#[test]
fn a_journal_without_a_given_header_has_one_all_the_same() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    run.journal().intend(intent("one")).expect("written");
    let record = store.open("last").expect("the run").journal();
    let record = record.expect("a journal");
    assert_eq!((record.attempts.len(), record.entries.len()), (1, 1));
}

/// A disk whose first sync waits for the test, and which counts.
#[derive(Clone, Default)]
struct SlowDisk(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    entered: Option<mpsc::Sender<()>>,
    go: Option<mpsc::Receiver<()>>,
    written: Vec<u8>,
    writes: usize,
    syncs: usize,
}

impl SlowDisk {
    fn new() -> (Self, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (entered, is_entered) = mpsc::channel();
        let (let_go, go) = mpsc::channel();
        let disk = Self::default();
        disk.with(|disk| {
            disk.entered = Some(entered);
            disk.go = Some(go);
        });
        (disk, is_entered, let_go)
    }

    fn with<T>(&self, then: impl FnOnce(&mut Disk) -> T) -> T {
        then(&mut self.0.lock().expect("no panic"))
    }

    fn lines(&self) -> usize {
        self.with(|disk| disk.written.split(|byte| *byte == b'\n').count() - 1)
    }
}

impl Sink for SlowDisk {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|disk| {
            disk.written.extend_from_slice(bytes);
            disk.writes += 1;
        });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let (entered, go) = self.with(|disk| {
            disk.syncs += 1;
            (disk.entered.take(), disk.go.take())
        });
        if let (Some(entered), Some(go)) = (entered, go) {
            entered.send(()).expect("the test waits");
            go.recv().expect("the test lets go");
        }
        Ok(())
    }
}

#[test]
fn concurrent_intents_share_a_sync() {
    let (disk, is_entered, let_go) = SlowDisk::new();
    let journal = Journal::on(Box::new(disk.clone()), &Secrets::new());
    std::thread::scope(|scope| {
        scope.spawn(|| journal.intend(intent("first")).expect("written"));
        is_entered.recv().expect("the first is at the disk");
        for _ in 0..50 {
            scope.spawn(|| journal.intend(intent("more")).expect("written"));
        }
        // With the header.
        while journal.written() < 52 {
            std::thread::yield_now();
        }
        let_go.send(()).expect("the first waits");
    });
    assert_eq!(disk.with(|disk| (disk.writes, disk.syncs)), (51, 2));
}

/// A kill at any moment loses no result that a step has returned.
#[test]
fn a_result_is_written_while_another_thread_syncs() {
    let (disk, is_entered, let_go) = SlowDisk::new();
    let journal = Journal::on(Box::new(disk.clone()), &Secrets::new());
    std::thread::scope(|scope| {
        scope.spawn(|| journal.intend(intent("first")).expect("written"));
        is_entered.recv().expect("the first is at the disk");
        // These return although the disk does not, and what they say is with the kernel.
        journal.applied("other");
        journal.done("other", Outcome::Changed, None);
        assert_eq!(disk.lines(), 4, "the header, an intent and these two");
        assert_eq!(disk.with(|disk| disk.syncs), 1);
        let_go.send(()).expect("the first waits");
    });
    journal.sync().expect("written");
    assert_eq!(disk.with(|disk| disk.syncs), 2);
    // Nothing has been written since.
    journal.sync().expect("written");
    assert_eq!(disk.with(|disk| disk.syncs), 2);
}

#[test]
fn a_run_that_changes_nothing_does_not_wait_for_the_disk() {
    let disk = SlowDisk::default();
    let journal = Journal::on(Box::new(disk.clone()), &Secrets::new());
    journal.begin(&RunInputs::default());
    journal.sync().expect("nothing to do");
    assert_eq!(disk.with(|disk| (disk.writes, disk.syncs)), (1, 0));
}

/// Twenty changes in three layers, as the planner sends them: one sync for each layer, and one at the end.
#[test]
fn a_batch_costs_one_sync_and_one_write_for_each_request() {
    let disk = SlowDisk::default();
    let journal = Journal::on(Box::new(disk.clone()), &Secrets::new());
    journal.begin(&RunInputs::default());
    let steps: Vec<String> = (0..20)
        .map(|step| format!("web1/x.rhai:{step}:1"))
        .collect();
    for layer in steps.chunks(7) {
        let intents = layer.iter().map(|step| intent(step));
        journal.intend_all(intents).expect("written");
        for step in layer {
            journal.applied(step);
            journal.done(step, Outcome::Changed, None);
        }
    }
    journal.sync().expect("written");
    // The header, three times intents, and two results of each step.
    assert_eq!(disk.with(|disk| (disk.writes, disk.syncs)), (1 + 3 + 40, 4));
}

/// A disk with room for so many bytes.
struct FullDisk(Mutex<usize>);

impl Sink for FullDisk {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut room = self.0.lock().expect("no panic");
        match room.checked_sub(bytes.len()) {
            Some(left) => {
                *room = left;
                Ok(())
            }
            None => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_refuses_this_intent_and_every_later_one() {
    let journal = Journal::on(Box::new(FullDisk(Mutex::new(500))), &Secrets::new());
    journal.intend(intent("fits")).expect("written");
    let long = "x".repeat(500);
    journal.intend(intent(&long)).expect_err("refused");
    let error = journal.intend(intent("s")).expect_err("refused still");
    assert_eq!(
        error.to_string(),
        "failed to write the journal of this run: no storage space"
    );
}

#[test]
fn a_really_full_disk_refuses_intents() {
    let journal = Journal::create(
        std::path::Path::new("/dev/full"),
        crate::store::journal::DieAt::default(),
        &Secrets::new(),
    );
    let journal = journal.expect("opened");
    let error = journal.intend(intent("s")).expect_err("refused");
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    assert!(error.hint().contains("XDG_STATE_HOME"));
}
