//! `h.apply` and `task(#{...})`.

use super::{local, on, text};

/// A task that ensures a file contains a word, written in a playbook.
const WORD: &str = r#"
fn word(path, text) {
    task(#{
        name: `word ${path}`,
        probe: "cat " + quote(path) + " 2>/dev/null || true",
        reads: [path],
        writes: [path],
        plan: |found| if found.stdout != text {
            #{
                apply: "printf %s " + quote(text) + " >" + quote(path),
                undo: if found.stdout == "" { "rm -f " + quote(path) } else { "printf %s " + quote(found.stdout) + " >" + quote(path) },
                diff: `says ${text}`,
            }
        },
    })
}
"#;

#[test]
fn returns_an_outcome_for_every_task() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            let one = h.apply(files::directory(root + "/a"));
            print(`${one.outcome} ${one.changed} ${one.task == "files::directory " + root + "/a"} ${one.duration >= 0.0}`);
            let many = h.apply([
                files::directory(root + "/a"),
                [files::file(root + "/a/f", "text\n"), [commands::run("echo out; echo err >&2")]],
            ]);
            print(many.map(|o| o.outcome));
            print(`${many[2].stdout}-${many[2].stderr}-${many[2].code}`);
            print(many[1].diff);
            print(h.apply([]).len());
        });
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("changed true true true")
        .stdout_has(r#"["unchanged", "changed", "changed"]"#)
        .stdout_has("out-err-0")
        .stdout_has("+text");
    assert_eq!(text(&ops, "h1", "a/f"), "text\n");
}

#[test]
fn does_not_overwrite_a_change_made_in_between() {
    // All three are probed in one request and changed in another; the validation of the first one writes to
    // the file of another.
    let ops = local(1)
        .playbook(
            r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            on_failure(|| h.undo());
            h.apply([
                files::file(root + "/first", "x", #{ validate: `echo theirs >> ${root}/edited; cat %s` }),
                files::line(root + "/other", "ours"),
                files::line(root + "/edited", "ours"),
            ]);
        });
        "#,
        )
        .file("h1/first", "was\n")
        .file("h1/other", "was\n")
        .file("h1/edited", "was\n");
    ops.run()
        .code(3)
        .stderr_has("edited was changed after ops had read it")
        .stdout_has(": 2 undone, 1 failed");
    assert_eq!(text(&ops, "h1", "edited"), "was\ntheirs\n");
    assert_eq!(text(&ops, "h1", "other"), "was\n");
}

#[test]
fn refuses_what_is_not_a_task() {
    local(1)
        .playbook(r#"each(hosts("all"), |h| h.apply([files::directory("/tmp"), "mkdir"]));"#)
        .run()
        .code(3)
        .stderr_has("`apply` takes tasks, not a string");
}

#[test]
fn a_failed_task_stops_the_batch_and_reports_everything() {
    let ops = local(1).playbook(
        r#"each(hosts("all"), |h| h.apply([
    files::file(h.vars.root + "/before", "x"),
    commands::run("echo the reason >&2; exit 5"),
    files::file(h.vars.root + "/after", "x"),
]));"#,
    );
    let ran = ops.run().code(3);
    for part in [
        "h1",
        "exited with code 5",
        "the reason",
        "echo the reason >&2; exit 5",
        "playbook.rhai:3:",
    ] {
        assert!(ran.stderr.contains(part), "{part}\n{ran}");
    }
    assert!(ran.stdout.contains("1 skipped"), "{ran}");
    assert!(on(&ops, "h1", "before").exists() && !on(&ops, "h1", "after").exists());
}

#[test]
fn a_task_of_a_playbook_works_like_a_built_in_one() {
    let ops = local(1).playbook(&format!(
        r#"{WORD}
            each(hosts("all"), |h| {{
                let tasks = [word(h.vars.root + "/one", "a"), word(h.vars.root + "/two", "b")];
                print(h.apply(tasks).map(|o| `${{o.outcome}} ${{o.diff}}`));
                print(h.apply(tasks).map(|o| o.outcome));
            }});
            "#
    ));
    let checked = ops.run();
    let ran = checked.ok();
    assert!(
        ran.stdout.contains(r#"["unchanged", "unchanged"]"#),
        "{ran}"
    );
    assert!(ran.stdout.contains("changed says a"), "{ran}");
    assert_eq!(
        text(&ops, "h1", "one") + text(&ops, "h1", "two").as_str(),
        "ab"
    );
}

#[test]
fn check_mode_only_plans_a_task_of_a_playbook() {
    let ops = local(1)
        .playbook(&format!(
            r#"{WORD} each(hosts("all"), |h| print(h.apply(word(h.vars.root + "/one", "a")).outcome));"#
        ))
        .arg("--check");
    ops.run().ok().stdout_has("would_change");
    assert!(!on(&ops, "h1", "one").exists());
}

#[test]
fn a_change_that_does_not_last_did_not_converge() {
    let ops = local(1).playbook(
        r#"
        let restless = task(#{
            name: "restless",
            probe: "true",
            plan: |found| #{ apply: "echo again", undo: "true" },
        });
        each(hosts("all"), |h| h.apply(restless));
        "#,
    );
    ops.run()
        .code(3)
        .stderr_has("did not converge")
        .stderr_has("restless");
}

/// What the plan of a task results in, in a run and in a check.
fn planned(plan: &str, run: &str, check: &str) {
    let playbook = format!(
        r#"each(hosts("all"), |h| print("came to " + h.apply(task(#{{ name: "mine", probe: "echo found", plan: {plan} }})).outcome));"#
    );
    let ran = local(1).playbook(&playbook).run().code(3);
    assert!(ran.stderr.contains(run), "{ran}");
    let checked = local(1).playbook(&playbook).arg("--check").run();
    assert!(
        checked.stdout.contains(check) || checked.stderr.contains(check),
        "{checked}"
    );
}

#[test]
fn a_plan_can_be_unknown_or_impossible() {
    planned(
        r#"|found| #{ unknown: "who knows" }"#,
        "who knows",
        "came to unknown",
    );
    planned(
        r#"|found| fail("no such thing")"#,
        "no such thing",
        "no such thing",
    );
    planned(
        "|found| 42",
        "must return () or a map",
        "must return () or a map",
    );
    planned(
        r#"|found| #{ aply: "true" }"#,
        "has the unknown key `aply`",
        "has the unknown key `aply`",
    );
    planned(
        r#"|found| #{ undo: "true" }"#,
        "neither `apply` nor `unknown`",
        "neither `apply` nor `unknown`",
    );
    planned(
        r#"|found| { h.run("echo sneaky > " + h.vars.root + "/sneaky"); () }"#,
        "`run` cannot be called here",
        "`run` cannot be called here",
    );
    planned(
        "|found| h.facts.os",
        "`facts` cannot be called here",
        "`facts` cannot be called here",
    );
    planned(
        r#"|found| each(hosts("all"), |x| ())"#,
        "`each` cannot be called here",
        "`each` cannot be called here",
    );
}

#[test]
fn refuses_an_incomplete_definition() {
    for (definition, said) in [
        (
            r#"#{ probe: "true", plan: |f| () }"#,
            "option `name` of `task`: is required",
        ),
        (
            r#"#{ name: "x", plan: |f| () }"#,
            "option `probe` of `task`: is required",
        ),
        (
            r#"#{ name: "x", probe: "true" }"#,
            "option `plan` of `task`: is required",
        ),
        (
            r#"#{ name: "x", probe: "true", plan: |f| (), reads: ["etc"] }"#,
            "absolute paths",
        ),
        (
            "#{ name: \"x\", probe: \"tr\\x00ue\", plan: |f| () }",
            "NUL",
        ),
    ] {
        let ran = local(1)
            .playbook(&format!("let _made = task({definition});"))
            .run();
        assert!(matches!(ran.exit_code(), Some(2 | 3)), "{ran}");
        assert!(ran.stderr.contains(said), "{ran}");
    }
}

#[test]
fn a_plan_may_read_from_its_host() {
    let ops = local(2).playbook(
        r#"
        each(hosts("all"), |h| {
            let path = h.vars.root + "/name";
            h.apply(task(#{
                name: "its name",
                probe: "cat " + path + " 2>/dev/null || true",
                plan: |found| if found.stdout != h.name { #{ apply: `echo ${h.name} >${h.vars.root}/name`, undo: "rm " + path } },
            }));
        });
        "#,
    );
    ops.run().ok();
    assert_eq!(text(&ops, "h2", "name"), "h2\n");
}

/// The proofs of tasks that a playbook defines are commands. None of them runs after a step that failed.
#[test]
fn proves_changes_made_before_a_failure() {
    let ops = local(1).playbook(
        r#"
        fn mark(root, n) {
            let path = root + "/mark" + n;
            task(#{ name: "mark " + n, probe: "cat " + quote(path) + " 2>/dev/null; true", reads: [path], writes: [path],
                plan: |found| if found.stdout == "" { #{ apply: "echo x >" + quote(path), undo: "rm -f " + quote(path), diff: "mark" } } })
        }
        each(hosts("all"), |h| {
            let root = h.vars.root;
            h.apply([
                mark(root, 1),
                mark(root, 2),
                files::file(root + "/no/such", "1"),
                mark(root, 3),
            ]);
        });
        "#,
    );
    let ran = ops.run().code(3);
    for line in [
        "changed      h1  mark 1",
        "changed      h1  mark 2",
        "failed       h1  files::file ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {ran}");
    }
    ran.stdout_has("2 changed, 1 skipped, 1 failed");
}
