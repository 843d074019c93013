//! What is not resumed, and why.

use std::process::Command;

use super::lines;
use crate::language::local;
use crate::ops::Ops;

/// Fails on its first run, and has a second file and a module.
fn failed() -> Ops {
    let ops = local(1)
        .file("lib/more.rhai", "fn text() { \"more\" }\n")
        .file("text.txt", "read\n")
        .playbook(
            r#"import "lib/more" as more;
            each(hosts("all"), |h| {
                h.apply(files::file(h.vars.root + "/f", read_file("text.txt")));
                h.run(`echo ${more::text()} >>${h.vars.root}/log`);
                h.run(`test -e ${h.vars.root}/allowed`);
            });"#,
        );
    ops.run().code(3);
    std::fs::write(ops.path("h1").join("allowed"), "").expect("a file");
    ops
}

#[test]
fn what_has_changed_is_refused_by_name() {
    for (file, text, named) in [
        ("lib/more.rhai", "fn text() { \"other\" }\n", "lib/more"),
        ("text.txt", "changed\n", "text.txt"),
        ("hosts.ini", "", "the inventory has changed"),
    ] {
        let ops = failed();
        let text = match file {
            "hosts.ini" => {
                let before = std::fs::read_to_string(ops.path(file)).expect("the inventory");
                format!("{} colour=blue\n", before.trim_end())
            }
            _ => text.to_owned(),
        };
        let ops = ops.file(file, &text);
        ops.again(["resume"])
            .run()
            .code(2)
            .stderr_has("not resumed: ")
            .stderr_has(named)
            .stderr_has("--accept-changes");
        ops.again(["resume", "--accept-changes", "--in-doubt", "done"])
            .run()
            .ok();
        assert_eq!(lines(&ops, "h1", "log"), ["more"], "{file}");
    }
}

#[test]
fn a_check_and_a_run_that_did_not_begin_are_refused() {
    let ops = failed();
    ops.again(["run", "playbook.rhai", "--check"]).run().ok();
    ops.again(["resume", "last"])
        .run()
        .code(2)
        .stderr_has("only checked");
}

#[test]
fn a_secret_parameter_is_given_again() {
    let ops = local(1)
        .playbook(
            r#"let token = param("token", "a secret", #{ secret: true });
            each(hosts("all"), |h| {
                let said = h.run(`echo ${token}; echo once >>${h.vars.root}/log`).stdout;
                h.run(`test -e ${h.vars.root}/allowed`);
                h.apply(files::file(h.vars.root + "/token", said));
            });"#,
        )
        .args(["--var", "token=correct horse battery"]);
    ops.run().code(3);
    std::fs::write(ops.path("h1").join("allowed"), "").expect("a file");
    ops.again(["resume"])
        .run()
        .code(2)
        .stderr_has("the secret parameter `token` is not kept")
        .stderr_has("--var token=VALUE");
    ops.again(["resume", "--var", "token=correct horse battery"])
        .run()
        .ok();
    assert_eq!(lines(&ops, "h1", "token"), ["correct horse battery"]);
    assert_eq!(lines(&ops, "h1", "log"), ["once"]);
}

#[test]
fn a_later_run_on_the_same_host_is_named() {
    let ops = failed();
    ops.again(["run", "playbook.rhai"]).run().ok();
    let first = id_of_first(&ops);
    ops.again(["resume", &first])
        .run()
        .code(3)
        .stderr_has("has changed this host since")
        .stderr_has("--over-later-runs");
    ops.again(["resume", &first, "--over-later-runs"])
        .run()
        .ok();
}

/// Lines above it moved it: what ran counts, a rollout included.
#[test]
fn a_step_that_moved_is_recognised_by_what_it_sends() {
    const BODY: &str = r#"
        each(hosts("all"), |h| {
            let done = h.apply(files::file(h.vars.root + "/f", "text\n"));
            h.run(`echo one >>${h.vars.root}/log`);
            if done.changed { h.run(`echo changed >>${h.vars.root}/log`); }
        });
        rollout(hosts("all"), #{
            batch: 1,
            update: |h| { h.run(`echo update >>${h.vars.root}/log`); },
        });
        each(hosts("all"), |h| h.run(`test -e ${h.vars.root}/allowed`));
    "#;
    let ops = local(2).playbook(BODY);
    ops.run().code(3);
    let ops = ops.file("playbook.rhai", format!("// a comment\n{BODY}"));
    ops.again(["resume", "--accept-changes"]).run().code(3);
    for host in ["h1", "h2"] {
        assert_eq!(lines(&ops, host, "log"), ["one", "changed", "update"]);
        std::fs::write(ops.path(host).join("allowed"), "").expect("a file");
    }
    // Now it has not changed any more.
    let ran = ops.again(["resume"]).run().ok();
    for host in ["h1", "h2"] {
        assert_eq!(
            lines(&ops, host, "log"),
            ["one", "changed", "update"],
            "{ran}"
        );
    }
}

/// On another machine the lock of the run's directory says nothing about its process.
#[test]
fn a_copy_of_a_run_is_refused_unless_its_controller_is_gone() {
    let ops = failed();
    let runs = ops.state().join("ops/runs");
    let there = ops.state().join("ops/moved");
    std::fs::rename(&runs, &there).expect("it moves");
    let copied = Command::new("cp").arg("-r").arg(&there).arg(&runs).status();
    assert!(copied.expect("cp").success());
    ops.again(["resume"])
        .run()
        .code(2)
        .stderr_has("this is a copy of it: its process may be alive")
        .stderr_has("--controller-is-gone");
    ops.again(["resume", "--controller-is-gone"]).run().ok();
    assert_eq!(lines(&ops, "h1", "log"), ["more"]);
    // The original knows nothing of that. Its host does.
    std::fs::remove_dir_all(&runs).expect("it is removed");
    std::fs::rename(&there, &runs).expect("it moves back");
    ops.again(["resume"])
        .run()
        .code(3)
        .stderr_has("(attempt 2) has changed this host since");
}

/// What was rolled back whole is not undone again, and not tried again.
#[test]
fn a_run_that_was_rolled_back_is_refused() {
    let ops = local(1).playbook(r#"rollout(hosts("all"), #{ update: |h| { h.run("exit 1"); } });"#);
    ops.run().code(6);
    ops.again(["resume"]).run().code(2);
    ops.again(["resume", "last"])
        .run()
        .code(2)
        .stderr_has("was rolled back");
}

/// Its process is dead: nothing is waited for, although the lease has an hour left.
#[test]
fn the_lock_of_the_run_is_taken_over_at_once() {
    let ops = local(2).playbook(
        r#"let all = hosts("all");
        with_lock("deploy", #{ lease: "1h" }, || {
            each(all, |h| {
                h.run(`echo first >>${h.vars.root}/log`);
                h.run(`echo last >>${h.vars.root}/log`);
            });
        });"#,
    );
    let killed = ops.clone().env("OPS_TEST_DIE_AT", "4+").run();
    assert_eq!(killed.exit_code(), None, "{killed}");
    ops.run().code(5).stdout_has("ops resume");
    ops.again([
        "resume",
        "--in-doubt",
        "again",
        "--over-later-runs",
        &id_of_first(&ops),
    ])
    .run()
    .ok();
    ops.again(["lock", "list"]).run().ok().nowhere("deploy");
    for host in ["h1", "h2"] {
        let log = lines(&ops, host, "log");
        assert!(log.ends_with(&["last".to_owned()]), "{log:?}");
    }
}

fn id_of_first(ops: &Ops) -> String {
    let runs = ops.again(["history", "--json"]).run().ok();
    let first = runs.stdout.lines().last().expect("a run");
    let first: serde_json::Value = serde_json::from_str(first).expect("JSON");
    first["run"].as_str().expect("an id").to_owned()
}
