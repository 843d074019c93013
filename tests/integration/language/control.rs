//! `retry`, `timeout`, `sleep`, `fail`, `confirm`, `quote`, `env`.

use rustix::process::Signal;

use super::{local, text};

#[test]
fn retry_goes_on_until_it_works() {
    let ops = local(2).playbook(
        r#"
        each(hosts("all"), |h| retry(#{ times: 4, delay: "5ms", backoff: 2 }, || {
            h.run(`cd ${h.vars.root}; echo try >> tries; [ $(wc -l < tries) -ge 3 ]`);
        }));
        "#,
    );
    let ran = ops
        .run()
        .ok()
        .stdout_has("trying again in 5ms")
        .stdout_has("trying again in 10ms");
    assert!(!ran.stdout.contains("failed: h"), "{ran}");
    assert_eq!(text(&ops, "h1", "tries"), "try\n".repeat(3));
}

#[test]
fn retry_gives_up() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let tries = |options, code| try {
                retry(options, || h.run(`cd ${h.vars.root}; echo ${code} >> tries; exit ${code}`))
            } catch (e) { print(`gave up with ${e.code}`); };
            tries.call(#{ times: 2, delay: 0 }, 6);
            tries.call(#{ times: 5, delay: 0, stop_when: |e| e.code == 7 }, 7);
        });
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("gave up with 6")
        .stdout_has("gave up with 7");
    assert_eq!(text(&ops, "h1", "tries"), "6\n6\n7\n");
}

#[test]
fn a_timeout_can_be_caught_and_what_ran_is_killed() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let wait = `echo try >> ${h.vars.root}/tries; exec sleep 4321`;
            // Connects first, so that each timeout is that of the command.
            h.facts;
            try { timeout("1s", || h.run(wait)); } catch (e) { print(`one: ${e}`); }
            try { timeout("1s", || timeout("10m", || h.run(wait))); } catch (e) { print(`two: ${e.message}`); }
            try { timeout("10m", || timeout("1s", || h.run(wait))); } catch (e) { print(`three: ${e.message}`); }
            try {
                retry(#{ times: 2, delay: 0 }, || timeout("1s", || h.run(wait)));
            } catch (e) { print(`four: ${e.message}`); }
            try { timeout("1s", || sleep("10m")); } catch (e) { print(`five: ${e.message}`); }
            print(`last: ${timeout("10m", || 42)}`);
        });
        "#,
    );
    let ran = ops
        .run()
        .ok()
        .stdout_has("last: 42")
        // A failure as a text says where it was and in what; its message does not.
        .stdout_has("one: h1: run echo try")
        .stdout_has("exec sleep 4321: took longer than 1s")
        .nothing_left();
    for which in ["two: ", "three: ", "four: ", "five: "] {
        assert!(
            ran.stdout.contains(&format!("{which}took longer than 1s")),
            "{ran}"
        );
    }
    assert_eq!(text(&ops, "h1", "tries"), "try\n".repeat(5));
}

#[test]
fn a_timeout_ends_verdicts_and_searches() {
    let ops = local(1).playbook(
        r#"
        let endless = health_check(#{ name: "x", script: "true", verdict: |found| { loop {} } });
        each(hosts("all"), |h| {
            try { timeout("1s", || h.check(endless, #{ ok: "error" })); } catch (e) { print(`one: ${e.message}`); }
            // Each match is searched to the end of the text.
            let text = "x";
            text.pad(1000000, "x");
            try { timeout("1s", || regex::find_all(text, ".*[^x]|x")); } catch (e) { print(`two: ${e.message}`); }
            try { timeout("1s", || regex::split(text, ".*[^x]|x")); } catch (e) { print(`three: ${e.message}`); }
            try { timeout("1s", || regex::replaced(text, ".*[^x]|x", "")); } catch (e) { print(`four: ${e.message}`); }
        });
        "#,
    );
    let ran = ops.run().ok();
    for which in ["one", "two", "three", "four"] {
        let ran_into = format!("{which}: took longer than 1s");
        assert!(ran.stdout.contains(&ran_into), "{ran}");
    }
}

#[test]
fn a_timeout_nobody_catches_fails_the_host() {
    local(1)
        .playbook("each(hosts(\"all\"), |h| {\n  timeout(\"50ms\", || h.run(\"sleep 4321\"));\n});")
        .run()
        .code(3)
        .stderr_has("took longer than 50ms")
        .stderr_has("playbook.rhai:2:3")
        .nothing_left();
}

#[test]
fn a_sleep_ends_with_ctrl_c() {
    let mut running = local(1)
        .playbook(r#"print("sleeping"); sleep("10m"); print("woke");"#)
        .start();
    running.wait_for("sleeping").signal(Signal::INT);
    running.wait().code(130).nowhere("woke");
}

#[test]
fn fail_says_why_and_where() {
    local(2)
        .playbook("let n = hosts(\"all\").len();\nif n < 3 { fail(`only ${n} hosts`); }")
        .run()
        .code(3)
        .stderr_has("only 2 hosts")
        .stderr_has("playbook.rhai:2:12");
    local(1)
        .playbook(r#"each(hosts("all"), |h| fail("no"));"#)
        .run()
        .code(3)
        .stdout_has("h1")
        .stderr_has("no");
}

#[test]
fn confirm_wants_a_terminal_or_yes() {
    let playbook = r#"confirm("wipe it?");
print("went on");"#;
    local(1)
        .playbook(playbook)
        .run()
        .code(3)
        .nowhere("went on")
        .stderr_has("wipe it?")
        .stderr_has("--yes");
    local(1)
        .playbook(playbook)
        .arg("--yes")
        .run()
        .ok()
        .stdout_has("went on");
    local(1)
        .playbook(playbook)
        .arg("--check")
        .run()
        .ok()
        .stdout_has("went on");
}

#[test]
fn the_environment_is_read_by_name() {
    let ops = local(1)
        .env("REGION", "eu-1")
        .playbook(r#"print(env("REGION") + " " + env("OTHER", "none"));"#);
    ops.run().ok().stdout_has("eu-1 none");
    local(1)
        .playbook(r#"env("OTHER");"#)
        .run()
        .code(3)
        .stderr_has("the environment variable `OTHER` is not set")
        .stderr_has("fallback");
}

#[test]
fn files_beside_the_playbook_are_read_and_no_others() {
    let ops = local(1)
        .file("notes/a.txt", "noted")
        .playbook(r#"print(read_file("notes/a.txt"));"#);
    ops.run().ok().stdout_has("noted");
    for path in [
        "../outside.txt",
        "link.txt",
        "/etc/hostname",
        "notes/../../outside.txt",
    ] {
        let ops = local(1).file("notes/a.txt", "noted");
        let outside = ops.path("../outside.txt");
        std::fs::write(&outside, "not yours").expect("a file");
        std::os::unix::fs::symlink(&outside, ops.path("link.txt")).expect("a link");
        ops.playbook(&format!("read_file(\"{path}\");"))
            .run()
            .code(3)
            .stderr_has("out")
            .nowhere("not yours");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for (playbook, code, said) in [
        // What a literal option cannot be is found before the run.
        (r"retry(#{ times: -1 }, || 1);", 2, "at least 0"),
        (r"retry(#{ backoff: 0.5 }, || 1);", 3, "from 1 to 100"),
        (r#"retry(#{ delay: "soon" }, || 1);"#, 2, "invalid duration"),
        (
            r#"let d = "soon"; retry(#{ delay: d }, || 1);"#,
            3,
            "invalid duration",
        ),
        (r#"timeout("never", || 1);"#, 3, "invalid duration"),
        (r"timeout(-1, || 1);", 3, "invalid duration"),
        (r"sleep(-0.5);", 3, "invalid duration"),
        (
            r#"retry(#{ times: 2, delay: "500y", backoff: 100 }, || timeout("1s", || fail("x")));"#,
            130,
            "x",
        ),
    ] {
        let mut running = local(1).playbook(playbook).start();
        if said == "x" {
            running.wait_for("trying again").signal(Signal::INT);
            running.wait().code(code);
        } else {
            running.wait().code(code).stderr_has(said);
        }
    }
}
