//! Journals that were cut, damaged, or written by another version.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::{begin, brief, entries, intent, text};
use crate::model::{Outcome, Secrets};
use crate::store::tests::store;
use crate::store::{CommandResult, Entry, RunDirectory, RunInputs, Store, StoreError};

/// A run of two steps that has ended, as a kill leaves it.
fn ended(store: &Store) -> PathBuf {
    let run = begin(store, &Secrets::new());
    let journal = run.journal();
    journal
        .intend_all(["one", "two"].map(intent))
        .expect("written");
    journal.done("one", Outcome::Changed, None);
    run.dir().join("journal.jsonl")
}

fn error(store: &Store) -> StoreError {
    let read = store.open("last").expect("the run").journal();
    read.expect_err("refused")
}

/// Another test may be starting a process just now, which holds a copy of the lock for a moment.
fn reopen(store: &Store, secrets: &Secrets) -> (RunDirectory, crate::store::RunRecord) {
    loop {
        match store.open("last").expect("the run").reopen(secrets) {
            Err(StoreError::Running(_)) => std::thread::yield_now(),
            other => return other.expect("it can be continued"),
        }
    }
}

#[test]
fn a_torn_last_line_is_left_out_and_removed_by_the_next_attempt() {
    let (_dir, store) = store();
    let path = ended(&store);
    let whole = fs::read(&path).expect("readable");
    fs::write(&path, [&whole[..], b"{\"ts\":\"2026-11-2"].concat()).expect("writable");
    let record = store
        .open("last")
        .expect("the run")
        .journal()
        .expect("readable");
    assert!(record.is_torn());
    assert_eq!(entries(&store), ["intend one", "intend two", "changed one"]);

    let (run, before) = reopen(&store, &Secrets::new());
    assert_eq!((before.attempts.len(), before.entries.len()), (1, 3));
    let journal = run.journal();
    assert_eq!(journal.attempt(), 2);
    journal.begin(&RunInputs::default());
    journal.intend(intent("three")).expect("written");
    assert!(text(&run).as_bytes().starts_with(&whole));
    let record = store
        .open("last")
        .expect("the run")
        .journal()
        .expect("readable");
    assert!(!record.is_torn());
    let attempts: Vec<u32> = record
        .attempts
        .iter()
        .map(|header| header.attempt)
        .collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(
        record.entries.iter().map(brief).next_back().as_deref(),
        Some("intend three")
    );
}

#[test]
fn a_run_that_is_alive_is_not_reopened() {
    let (_dir, store) = store();
    let _run = begin(&store, &Secrets::new());
    let refused = store.open("last").expect("the run").reopen(&Secrets::new());
    assert!(matches!(refused, Err(StoreError::Running(_))));
}

#[test]
fn a_broken_line_is_an_error_with_its_number() {
    let (_dir, store) = store();
    let path = ended(&store);
    let text = fs::read_to_string(&path).expect("readable");
    let broken = text.replace("\"step\":\"two\"", "\"step\":");
    fs::write(&path, broken).expect("writable");
    let error = error(&store);
    assert!(
        error.to_string().starts_with("line 3 of /")
            && error.to_string().contains("cannot be read"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[test]
fn a_journal_of_the_first_format_is_recognised() {
    let (_dir, store) = store();
    let path = ended(&store);
    let line = r#"{"entry":"intend","ts":"2026-11-21T14:15:30Z","step":"a/x.rhai:1:1"}"#;
    fs::write(&path, format!("{line}\n")).expect("writable");
    let old = error(&store);
    assert!(
        old.to_string().ends_with(
            "was written by an older version of ops: the run can be shown, but not resumed"
        ),
        "{old}"
    );
    assert!(
        store.list().expect("a list").len() == 1,
        "it is still shown"
    );
}

#[test]
fn an_unknown_format_is_refused_by_its_number() {
    let (_dir, store) = store();
    let path = ended(&store);
    fs::write(&path, "{\"journal\":7,\"what\":1}\n").expect("writable");
    assert!(error(&store).to_string().contains("has format 7"));
    for (text, expected) in [
        ("", "has no header"),
        ("{\"journal\":2,\"att", "has no header"),
        ("nonsense\n", "line 1 of"),
        ("[]\n", "line 1 of"),
    ] {
        fs::write(&path, text).expect("writable");
        let error = error(&store).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_entry_of_gigabytes_is_not_read_into_memory() {
    let (_dir, store) = store();
    let path = ended(&store);
    // A sparse file: one line of NUL bytes.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("writable");
    let lines = file.metadata().expect("there").len();
    file.set_len(8 << 30).expect("a sparse file");
    let error = error(&store).to_string();
    assert!(error.contains("longer than 16 MiB"), "{lines}: {error}");
}

#[derive(Debug, Clone)]
enum Written {
    Intend,
    Applied,
    Done(Vec<u8>, Vec<u8>),
}

fn written() -> impl Strategy<Value = Written> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        Just(Written::Intend),
        Just(Written::Applied),
        (bytes(), bytes()).prop_map(|(stdout, stderr)| Written::Done(stdout, stderr)),
    ]
}

proptest! {
    #![proptest_config(crate::generation::config(24, file!()))]

    /// Whatever is written, by several threads, and cut at any byte: a prefix of the lines is read back, and
    /// nothing but the torn line is missing.
    #[test]
    fn a_journal_cut_anywhere_reads_back_as_a_prefix(
        threads in proptest::collection::vec(proptest::collection::vec(written(), 0..6), 1..4),
        step in "\\PC{0,12}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let (_dir, store) = store();
        let run = begin(&store, &Secrets::new());
        std::thread::scope(|scope| {
            for (thread, all) in threads.iter().enumerate() {
                let (journal, step) = (run.journal(), format!("{thread} {step}"));
                scope.spawn(move || for one in all {
                    match one {
                        Written::Intend => journal.intend(intent(&step)).expect("written"),
                        Written::Applied => journal.applied(&step),
                        Written::Done(stdout, stderr) => journal.done(&step, Outcome::Changed, Some(
                            &CommandResult { host: "web1", code: Some(0), stdout, stderr }
                        )),
                    }
                });
            }
        });
        let stored = store.open("last").expect("the run");
        let all = stored.journal().expect("readable");
        prop_assert_eq!(all.entries.len(), threads.iter().map(Vec::len).sum::<usize>());
        for (thread, expected) in threads.iter().enumerate() {
            let own = all.entries.iter().filter(|entry| {
                if let Entry::Intend { step, .. }
                | Entry::Applied { step }
                | Entry::Done { step, .. } = &entry.entry
                {
                    step.starts_with(&format!("{thread} "))
                } else {
                    false
                }
            });
            for (entry, expected) in own.zip(expected) {
                if let (Entry::Done { result: Some(result), .. }, Written::Done(stdout, stderr)) =
                    (&entry.entry, expected)
                {
                    let secrets = Secrets::new();
                    prop_assert_eq!(&result.stdout.bytes(run.dir(), &secrets).expect("kept"), stdout);
                    prop_assert_eq!(&result.stderr.bytes(run.dir(), &secrets).expect("kept"), stderr);
                } else {
                    prop_assert!(!matches!(expected, Written::Done(..)));
                }
            }
        }
        let path = run.dir().join("journal.jsonl");
        let bytes = fs::read(&path).expect("readable");
        for cut in cuts {
            let cut = cut.index(bytes.len() + 1);
            fs::write(&path, &bytes[..cut]).expect("writable");
            let lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            match stored.journal() {
                Ok(read) => {
                    prop_assert_eq!(1 + read.entries.len(), lines);
                    prop_assert_eq!(&read.entries[..], &all.entries[..lines - 1]);
                    prop_assert_eq!(read.is_torn(), cut > 0 && bytes[cut - 1] != b'\n');
                }
                Err(error) => {
                    prop_assert!(matches!(error, StoreError::EmptyJournal(_)), "{}", error);
                    prop_assert_eq!(lines, 0);
                }
            }
        }
    }
}
