//! The journal of a run: durable, shared, and refused where it cannot be written.

use std::fs;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::store;
use crate::model::{Outcome, Secrets};
use crate::store::journal::Sink;
use crate::store::{Journal, JournalEntry, Store};

#[test]
fn without_a_writable_store_there_are_no_intents() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "in the way").expect("written");
    let error = Store::at(&file)
        .begin("x", false, &Secrets::new())
        .err()
        .expect("refused");
    let refused = Journal::unavailable(&error)
        .intend("s")
        .expect_err("refused");
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
    let run = store.begin("x", false, &secrets).expect("a run");
    let journal = run.journal();
    journal
        .intend_all(["one", "two hunter22"])
        .expect("written");
    journal.applied("one");
    journal.done("one", Outcome::Changed);
    journal.done("two hunter22", Outcome::Failed);
    journal.sync().expect("written");
    let stored = store.open("last").expect("the run");
    let read: Vec<String> = stored
        .journal()
        .expect("a journal")
        .into_iter()
        .map(|entry| match entry {
            JournalEntry::Intend { step, .. } => format!("intend {step}"),
            JournalEntry::Applied { step, .. } => format!("applied {step}"),
            JournalEntry::Done { step, outcome, .. } => format!("{outcome} {step}"),
        })
        .collect();
    assert_eq!(
        read,
        [
            "intend one",
            "intend two [secret]",
            "applied one",
            "changed one",
            "failed two [secret]"
        ]
    );
}

/// A disk whose first sync waits for the test, and which counts them.
struct SlowDisk {
    entered: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
    syncs: Arc<Mutex<usize>>,
}

impl io::Write for SlowDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for SlowDisk {
    fn sync(&mut self) -> io::Result<()> {
        let mut syncs = self.syncs.lock().expect("no panic");
        *syncs += 1;
        if *syncs == 1 {
            self.entered.send(()).expect("the test waits");
            self.go.recv().expect("the test lets go");
        }
        Ok(())
    }
}

#[test]
fn concurrent_intents_share_a_sync() {
    let (entered, is_entered) = mpsc::channel();
    let (let_go, go) = mpsc::channel();
    let syncs = Arc::new(Mutex::new(0));
    let disk = SlowDisk {
        entered,
        go,
        syncs: Arc::clone(&syncs),
    };
    let journal = Journal::on(Box::new(disk), Secrets::new(), None);
    std::thread::scope(|scope| {
        scope.spawn(|| journal.intend("first").expect("written"));
        is_entered.recv().expect("the first is at the disk");
        for _ in 0..50 {
            scope.spawn(|| journal.intend("more").expect("written"));
        }
        while journal.appended() < 51 {
            std::thread::yield_now();
        }
        let_go.send(()).expect("the first waits");
    });
    assert_eq!(*syncs.lock().expect("no panic"), 2);
}

/// A disk with room for so many bytes.
struct FullDisk(usize);

impl io::Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for FullDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_refuses_this_intent_and_every_later_one() {
    let journal = Journal::on(Box::new(FullDisk(100)), Secrets::new(), None);
    journal.intend("fits").expect("written");
    journal.intend("does not fit").expect_err("refused");
    let error = journal.intend("s").expect_err("refused still");
    assert_eq!(
        error.to_string(),
        "failed to write the journal of this run: no storage space"
    );
}

#[test]
fn a_really_full_disk_refuses_intents() {
    let journal =
        Journal::create(std::path::Path::new("/dev/full"), Secrets::new()).expect("opened");
    let error = journal.intend("s").expect_err("refused");
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    assert!(error.hint().contains("XDG_STATE_HOME"));
}
