//! No secret is in any file of a run, and what was recorded has its secrets again.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::results::results;
use super::{begin, intent, text};
use crate::model::{Outcome, Secrets};
use crate::store::tests::store;
use crate::store::{CommandResult, RESULT_IN_ENTRY, RunInputs};

fn result(stdout: &[u8]) -> CommandResult<'_> {
    CommandResult {
        host: "web1",
        code: Some(0),
        stdout,
        stderr: b"",
    }
}

/// The content of every file below a directory.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((
                path.display().to_string(),
                fs::read(&path).expect("readable"),
            ));
        }
    }
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// A secret with what has to be escaped somewhere.
fn secret(number: usize) -> String {
    match number % 3 {
        0 => format!("plain-{number:04}-value"),
        1 => format!("p\u{e4}ss \"{number:04}\" it's <&>/\\+$"),
        _ => format!(
            "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA{number:04}\nline two {number:04}\n-----END KEY-----\n"
        ),
    }
}

#[test]
fn a_thousand_secrets_in_all_forms_are_in_no_file_and_in_every_result() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    let all: Vec<String> = (0..1000).map(secret).collect();
    for (number, value) in all.iter().enumerate() {
        secrets
            .add(value, &format!("secret {number}"))
            .expect("long enough");
    }
    let run = store.begin("x", false, &secrets).expect("a run");
    let journal = run.journal();
    let command: Vec<OsString> = all
        .iter()
        .map(|value| format!("--var=x={value}").into())
        .collect();
    journal.begin(&RunInputs {
        command: command.clone(),
        ..RunInputs::default()
    });
    let printed = |value: &String| {
        let mut text = Vec::new();
        for form in crate::model::forms_of(value) {
            text.extend_from_slice(b"\xff it is ");
            text.extend_from_slice(&form);
            text.push(b'\n');
        }
        text
    };
    let step = |value: &String| format!("web1/{value}:1:1");
    let steps: Vec<String> = all.iter().map(step).collect();
    let intents = steps.iter().map(|step| intent(step));
    journal.intend_all(intents).expect("written");
    for value in &all {
        let output = printed(value);
        journal.done(&step(value), Outcome::Changed, Some(&result(&output)));
    }
    // One that is kept in a file.
    let long = all
        .concat()
        .repeat(1 + RESULT_IN_ENTRY / all.concat().len());
    journal.done("long", Outcome::Changed, Some(&result(long.as_bytes())));

    let kept = files(run.dir());
    assert!(kept.iter().any(|(path, _)| path.contains("/results/")));
    let forms: Vec<Vec<u8>> = all
        .iter()
        .flat_map(|value| crate::model::forms_of(value))
        .collect();
    let finder = aho_corasick::AhoCorasick::new(&forms).expect("an automaton");
    for (path, bytes) in &kept {
        let found = finder
            .find(bytes)
            .map(|found| String::from_utf8_lossy(&bytes[found.range()]));
        assert_eq!(found, None, "{path}");
    }

    // Another process, which learns them in another order.
    let again = Secrets::new();
    for (number, value) in all.iter().enumerate().rev() {
        again
            .add(value, &format!("secret {number}"))
            .expect("long enough");
    }
    let record = store
        .open("last")
        .expect("the run")
        .journal()
        .expect("readable");
    assert_eq!(record.attempts[0].command(&again).expect("known"), command);
    let read = results(&store);
    for (value, result) in all.iter().zip(&read) {
        assert_eq!(
            result.stdout.bytes(run.dir(), &again).expect("known"),
            printed(value)
        );
    }
    let last = read.last().expect("the long one");
    assert_eq!(
        last.stdout.bytes(run.dir(), &again).expect("known"),
        long.as_bytes()
    );
}

#[test]
fn a_secret_that_becomes_known_later_is_removed_at_once() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    secrets.add("hunter22", "db").expect("long enough");
    let run = store.begin("x", false, &secrets).expect("a run");
    let journal = run.journal();
    journal.begin(&RunInputs {
        command: vec!["--var=t=tok-\"12345\"".into()],
        ..RunInputs::default()
    });
    let token = "tok-\"12345\"";
    // It contains a secret that is known, and comes in base64, as bytes, and in a file.
    let outer = format!("<{token}/hunter22>");
    let encoded = format!("VX{}", "dG9rLSIxMjM0NSI");
    let outputs: Vec<Vec<u8>> = vec![
        format!("{token}\n").into_bytes(),
        [b"\xff\xfe", token.as_bytes()].concat(),
        format!("a {outer} b").into_bytes(),
        encoded.into_bytes(),
        format!("{token} {}", "x".repeat(RESULT_IN_ENTRY)).into_bytes(),
    ];
    for output in &outputs {
        journal.intend(intent("s")).expect("written");
        journal.done("s", Outcome::Changed, Some(&result(output)));
    }
    journal
        .intend(intent(&format!("web1/{token}")))
        .expect("written");
    let before = text(&run).lines().count();
    assert!(text(&run).contains("tok-"));

    secrets.add(token, "value").expect("long enough");
    for (path, bytes) in files(run.dir()) {
        assert!(!holds(&bytes, "tok-"), "{path}");
        assert!(!holds(&bytes, "12345"), "{path}");
    }
    secrets.add(&outer, "outer").expect("long enough");
    assert!(text(&run).contains("\"outer\""));

    // The journal goes on, and nothing else has changed.
    journal.intend(intent("next")).expect("written");
    assert_eq!(text(&run).lines().count(), before + 1);
    let stored = store
        .open("last")
        .expect("the run")
        .journal()
        .expect("readable");
    assert_eq!(stored.entries.len(), before);
    for (output, result) in outputs.iter().zip(&results(&store)) {
        assert_eq!(
            result.stdout.bytes(run.dir(), &secrets).expect("known"),
            *output
        );
    }
    let command = stored.attempts[0].command(&secrets).expect("known");
    assert_eq!(command, ["--var=t=tok-\"12345\""]);
    // A later attempt cannot know a token that a host has made up.
    let later = Secrets::new();
    later.add("hunter22", "db").expect("long enough");
    let read = &results(&store)[0].stdout;
    let error = read.bytes(run.dir(), &later).expect_err("not known");
    assert_eq!(
        error.to_string(),
        "it contains the secret `value`, which is not known"
    );
}

#[test]
fn a_later_attempt_also_removes_what_an_earlier_one_has_recorded() {
    let (_dir, store) = store();
    let run = begin(&store, &Secrets::new());
    let long = format!("hunter22 {}", "x".repeat(RESULT_IN_ENTRY));
    for output in ["hunter22", &long] {
        run.journal()
            .done("s", Outcome::Changed, Some(&result(output.as_bytes())));
    }
    let dir = run.dir().to_owned();
    drop(run);
    let secrets = Secrets::new();
    let stored = store.open("last").expect("the run");
    // Another test may be starting a process, which holds a copy of the lock for a moment.
    let (run, _) = loop {
        match stored.reopen(&secrets) {
            Err(crate::store::StoreError::Running(_)) => std::thread::yield_now(),
            other => break other.expect("it can be continued"),
        }
    };
    secrets.add("hunter22", "db").expect("long enough");
    assert!(
        files(&dir)
            .iter()
            .all(|(_, bytes)| !holds(bytes, "hunter22"))
    );
    run.journal().begin(&RunInputs::default());
    let read = results(&store);
    assert_eq!(
        read[0].stdout.bytes(&dir, &secrets).expect("known"),
        b"hunter22"
    );
    assert_eq!(
        read[1].stdout.bytes(&dir, &secrets).expect("known"),
        long.as_bytes()
    );
}

/// Threads that print a token and then make it a secret: whichever writes when, no token stays.
#[test]
fn threads_that_learn_secrets_leave_none_behind() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    let run = begin(&store, &secrets);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (journal, secrets) = (run.journal(), secrets.clone());
            scope.spawn(move || {
                for round in 0..10 {
                    let token = format!("token-{thread}-{round}");
                    let step = format!("{thread}/{round}");
                    journal.intend(intent(&step)).expect("written");
                    journal.done(&step, Outcome::Changed, Some(&result(token.as_bytes())));
                    secrets
                        .add_for("web1", &token, "value")
                        .expect("long enough");
                }
            });
        }
    });
    assert!(!text(&run).contains("token-"), "{}", text(&run));
    let mut read: Vec<_> = results(&store)
        .iter()
        .map(|result| result.stdout.bytes(run.dir(), &secrets).expect("known"))
        .collect();
    read.sort();
    let mut expected: Vec<_> = (0..80)
        .map(|n| format!("token-{}-{}", n / 10, n % 10).into_bytes())
        .collect();
    expected.sort();
    assert_eq!(read, expected);
}
