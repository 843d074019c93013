//! What commands came back with.

use std::fs;

use super::{begin, intent};
use crate::model::{Outcome, Secrets};
use crate::store::tests::store;
use crate::store::{
    CommandResult, Entry, RESULT_IN_ENTRY, RESULTS_KEPT, RecordedOutput, RecordedResult, Store,
};

fn result<'r>(stdout: &'r [u8], stderr: &'r [u8]) -> CommandResult<'r> {
    CommandResult {
        host: "web1",
        code: Some(3),
        stdout,
        stderr,
    }
}

pub(super) fn results(store: &Store) -> Vec<RecordedResult> {
    let record = store.open("last").expect("the run").journal();
    let entries = record.expect("readable").entries.into_iter();
    let result = |entry: crate::store::JournalEntry| match entry.entry {
        Entry::Done { result, .. } => result,
        _ => None,
    };
    entries.filter_map(result).collect()
}

#[test]
fn a_result_reads_back_byte_for_byte() {
    let (_dir, store) = store();
    let run = begin(&store, &Secrets::new());
    let journal = run.journal();
    journal.intend(intent("s")).expect("written");
    let bytes: Vec<u8> = (0..=255).collect();
    let outputs: [&[u8]; 6] = [
        b"",
        b"a line\n",
        "\u{e9}\u{1f600}\r\n\t\"\\".as_bytes(),
        b"\xff",
        b"\0\0\x01",
        &bytes,
    ];
    for output in outputs {
        journal.done("s", Outcome::Changed, Some(&result(output, b"e")));
    }
    let read = results(&store);
    for (output, read) in outputs.into_iter().zip(&read) {
        let secrets = Secrets::new();
        assert_eq!(read.code, Some(3));
        assert_eq!(
            read.stdout.bytes(run.dir(), &secrets).expect("kept"),
            output
        );
        assert_eq!(read.stderr.bytes(run.dir(), &secrets).expect("kept"), b"e");
    }
    // Bytes that would take six characters each are not escaped one by one.
    let long = vec![1; RESULT_IN_ENTRY];
    let before = fs::metadata(run.dir().join("journal.jsonl"))
        .expect("there")
        .len();
    journal.done("s", Outcome::Changed, Some(&result(&long, b"")));
    let after = fs::metadata(run.dir().join("journal.jsonl"))
        .expect("there")
        .len();
    assert!(after - before < 2 * RESULT_IN_ENTRY as u64);
}

#[test]
fn a_long_output_is_in_a_file() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    secrets.add("hunter22", "db").expect("long enough");
    let run = begin(&store, &secrets);
    let long = format!("{}hunter22\n", "a line\n".repeat(RESULT_IN_ENTRY)).into_bytes();
    // The same step may end again in another attempt.
    for output in [&long, &b"x".repeat(RESULT_IN_ENTRY + 1)] {
        run.journal()
            .done("s", Outcome::Changed, Some(&result(output, b"e")));
    }
    let read = results(&store);
    let RecordedOutput::File { file, bytes } = &read[0].stdout else {
        panic!("{read:?}");
    };
    assert_eq!(*bytes, long.len());
    let path = run.dir().join(file);
    assert_eq!(super::super::mode(&path), 0o600);
    assert!(
        !fs::read_to_string(&path)
            .expect("JSON")
            .contains("hunter22")
    );
    assert_eq!(
        read[0].stdout.bytes(run.dir(), &secrets).expect("kept"),
        long
    );
    let error = read[0].stdout.bytes(run.dir(), &Secrets::new());
    assert_eq!(
        error.expect_err("not known").to_string(),
        "it contains the secret `db`, which is not known"
    );
    let second = read[1].stdout.bytes(run.dir(), &secrets).expect("kept");
    assert_eq!(second.len(), RESULT_IN_ENTRY + 1);
    // As after a crash of the machine.
    fs::write(&path, "[\"a").expect("writable");
    assert!(read[0].stdout.bytes(run.dir(), &secrets).is_err());
}

#[test]
fn beyond_the_limit_an_entry_says_how_long_an_output_was() {
    let (_dir, store) = store();
    let run = begin(&store, &Secrets::new());
    let mib = vec![b'x'; 1 << 20];
    for _ in 0..=RESULTS_KEPT >> 20 {
        run.journal()
            .done("s", Outcome::Changed, Some(&result(&mib, b"")));
    }
    let read = results(&store);
    let (last, kept) = read.split_last().expect("some");
    let secrets = Secrets::new();
    assert!(
        kept.iter()
            .all(|result| result.stdout.bytes(run.dir(), &secrets).is_ok())
    );
    let error = last
        .stdout
        .bytes(run.dir(), &secrets)
        .expect_err("left out");
    assert_eq!(
        error.to_string(),
        "it was too long to be kept: 1048576 bytes"
    );
    assert_eq!(last.code, Some(3));
}
