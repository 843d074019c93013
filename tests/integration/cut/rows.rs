//! What a user sees of a request that is cut short.

use rustix::process::Signal;
use serde_json::Value;

use crate::fleet::{Fleet, Sshd};
use crate::ops::Ops;
use crate::ran::{Ran, journal};

/// Three changes in one request, of which the second takes its time.
fn batch(host: &Sshd, around: impl Fn(&str) -> String) -> String {
    let root = host.root().display().to_string();
    let apply = format!(
        r#"h.apply([
            files::file("{root}/a", "1\n"),
            task(#{{
                name: "slow", probe: "test -e {root}/slow", reads: ["{root}/slow"], writes: ["{root}/slow"],
                plan: |found| if found.code != 0 {{ #{{ apply: "touch {root}/slow; sleep 4711", undo: "rm -f {root}/slow" }} }},
            }}),
            files::file("{root}/b", "1\n"),
        ])"#
    );
    format!(
        "each(hosts(\"all\"), |h| {{ on_failure(|| print(`undone ${{h.undo()}}`)); {} }});",
        around(&apply)
    )
}

fn fleet() -> (Fleet, Ops) {
    let fleet = Fleet::sshd(1);
    let ops = fleet.ops();
    (fleet, ops)
}

/// What was said of the three, without their undos.
fn said(ran: &Ran) -> Vec<(String, String)> {
    let finished = ran.events_of("task.finished").into_iter();
    finished
        .filter(|event| {
            !event["step"]
                .as_str()
                .is_some_and(|step| step.ends_with("/undo"))
        })
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            (text("outcome"), text("note"))
        })
        .collect()
}

fn nothing_is_left(host: &Sshd) {
    host.wait_until_idle();
    for name in ["a", "slow", "b"] {
        assert!(!host.root().join(name).exists(), "{name} is left");
    }
}

#[test]
fn a_timeout_undoes_what_was_made_and_what_may_have_been() {
    let (fleet, ops) = fleet();
    let host = &fleet.hosts()[0];
    let playbook = batch(host, |apply| format!("timeout(\"1s\", || {apply});"));
    let ops = ops.playbook(&playbook).args(["-o", "json"]);
    let ran = ops.run().code(3);
    nothing_is_left(host);
    let expected = [
        (
            "changed",
            "applied, but not verified: a `timeout` around it expired",
        ),
        (
            "unknown",
            "a `timeout` around it expired while this was being applied: it may have been made in full or in part",
        ),
        ("skipped", "a `timeout` around it expired"),
    ];
    let expected = expected.map(|(outcome, note)| (outcome.to_owned(), note.to_owned()));
    assert_eq!(said(&ran), expected);
    let undone = ran.events_of("task.finished").len() - 3;
    assert_eq!(undone, 2, "{ran}");
}

#[test]
fn a_signal_undoes_what_was_made_and_what_may_have_been() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (fleet, ops) = fleet();
        let host = &fleet.hosts()[0];
        let mut running = ops
            .playbook(&batch(host, |apply| format!("{apply};")))
            .start();
        host.wait_for_process("sleep 4711");
        let ran = {
            running.signal(signal);
            running.wait()
        }
        .code(130);
        nothing_is_left(host);
        ran.stdout_has("applied, but not verified: the run was interrupted")
            .stdout_has("the run was interrupted while this was being applied")
            .stdout_has("undone 2");
    }
}

#[test]
fn a_lost_connection_is_told_and_undone_over_a_new_one() {
    let (fleet, ops) = fleet();
    let host = &fleet.hosts()[0];
    let ops = ops.playbook(&batch(host, |apply| format!("{apply};")));
    let mut running = ops.args(["-o", "json"]).start();
    // What the host has said is on its way no more.
    running.wait_for("\"task\":\"slow\"");
    host.wait_for_process("sleep 4711");
    host.kill_sessions();
    let ran = running.wait().code(4);
    nothing_is_left(host);
    let outcomes: Vec<String> = said(&ran).into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["changed", "unknown", "unknown"], "{ran}");
    // The last one may have been made, for all that the run knows: it is named, and undone too.
    let notes: Vec<String> = said(&ran).into_iter().map(|(_, note)| note).collect();
    assert!(
        notes[2].ends_with("had not reported whether this had started: it may have been made"),
        "{notes:?}"
    );
}

/// A command of the user's whose undo is of no use if the command never ran.
#[test]
fn what_may_not_have_run_is_undone_only_where_that_is_known_to_be_safe() {
    let (fleet, ops) = fleet();
    let host = &fleet.hosts()[0];
    let root = host.root().display().to_string();
    let mut running = ops
        .playbook(&format!(
            r#"each(hosts("all"), |h| {{
                on_failure(|| h.undo());
                h.apply([
                    files::file("{root}/a", "1"),
                    commands::run("sleep 4711", #{{ creates: "{root}/x", writes: ["{root}/x"], undo: "touch {root}/first-undone" }}),
                    commands::run("touch {root}/guarded", #{{ creates: "{root}/guarded", writes: ["{root}/guarded"], undo: "touch {root}/second-undone" }}),
                    commands::run("touch {root}/third", #{{ writes: ["{root}/third"], undo: "touch {root}/third-undone" }}),
                ]);
            }});"#
        ))
        .args(["-o", "json"])
        .start();
    running.wait_for("\"task\":\"commands::run sleep 4711\"");
    host.wait_for_process("sleep 4711");
    host.kill_sessions();
    let ran = running.wait().code(4);
    host.wait_until_idle();
    let there = |name: &str| host.root().join(name).exists();
    assert!(there("first-undone"), "it had started: {ran}");
    assert!(!there("second-undone") && !there("third-undone"), "{ran}");
    ran.stdout_has(
        "this change may have been made, and was not undone: cannot determine whether it was made",
    );
}

#[test]
fn steps_are_told_when_they_start_and_end() {
    let (fleet, ops) = fleet();
    let host = &fleet.hosts()[0];
    let mut running = ops
        .playbook(
            r#"each(hosts("all"), |h| h.apply([
                commands::run("echo one"),
                commands::run("sleep 4711"),
                commands::run("echo three"),
            ]));"#,
        )
        .args(["-o", "json"])
        .start();
    host.wait_for_process("sleep 4711");
    // The first has ended and the second has started, and the third has not.
    running.wait_for("\"task\":\"commands::run sleep 4711\"");
    let so_far = running.events();
    let kinds = |label: &str| -> Vec<&str> {
        let of = |event: &&Value| event["task"] == format!("commands::run {label}");
        so_far
            .iter()
            .filter(of)
            .filter_map(|event| event["kind"].as_str())
            .collect()
    };
    assert_eq!(
        kinds("echo one"),
        ["task.started", "task.output", "task.finished"]
    );
    assert_eq!(kinds("sleep 4711"), ["task.started"]);
    assert_eq!(kinds("echo three"), Vec::<&str>::new());
    {
        running.signal(Signal::TERM);
        running.wait()
    }
    .code(130);
}

/// What an intent and its end say, in the journal of the run.
#[test]
fn the_journal_says_of_every_intent_how_it_ended() {
    let (fleet, ops) = fleet();
    let host = &fleet.hosts()[0];
    let ops = ops.playbook(&batch(host, |apply| format!("{apply};")));
    let mut running = ops.start();
    host.wait_for_process("sleep 4711");
    {
        running.signal(Signal::TERM);
        running.wait()
    }
    .code(130);
    let expected = [
        "intend ",
        "intend ",
        "intend ",
        "applied ",
        "done changed",
        "done unknown",
        "done skipped",
        "intend undo ",
        "intend undo ",
        "done undo changed",
        "done undo changed",
    ];
    assert_eq!(journal(&ops), expected);
}
