//! `finally` and `on_failure`: when they run, in which order, and what happens if they fail.

use rustix::process::Signal;

use super::{local, on, text};
use crate::fleet::process::wait_until;

/// Appends a word to a file of the host.
const NOTE: &str = r"fn note(h, word) { h.run(`echo ${word} >> ${h.vars.root}/log`); }";

#[test]
fn they_run_last_in_first_out() {
    let ops = local(1).playbook(&format!(
        r#"{NOTE}
        let outer = hosts("h1")[0];
        finally(|| note(outer, "playbook"));
        on_failure(|| note(outer, "playbook-failed"));
        each(hosts("all"), |h| {{
            finally(|| note(h, "first"));
            on_failure(|| note(h, "second"));
            finally(|| {{ note(h, "third"); finally(|| note(h, "nested")); }});
            note(h, "work");
            fail("on purpose");
        }});
        "#
    ));
    ops.run().code(3).stderr_has("on purpose");
    assert_eq!(
        text(&ops, "h1", "log"),
        "work\nthird\nnested\nsecond\nfirst\nplaybook-failed\nplaybook\n"
    );
}

#[test]
fn on_failure_does_not_run_after_success() {
    let ops = local(1).playbook(&format!(
        r#"{NOTE}
        each(hosts("all"), |h| {{
            finally(|| note(h, "finally"));
            on_failure(|| note(h, "failed"));
            try {{ h.run("exit 1") }} catch {{ note(h, "caught") }}
        }});
        "#
    ));
    ops.run().ok();
    assert_eq!(text(&ops, "h1", "log"), "caught\nfinally\n");
}

#[test]
fn they_run_after_ctrl_c_and_are_shielded_from_it() {
    let ops = local(2)
        .playbook(&format!(
            r#"{NOTE}
            let one = hosts("h1")[0];
            finally(|| note(one, "playbook"));
            each(hosts("all"), |h| {{
                finally(|| {{ sleep("10ms"); note(h, "finally"); }});
                on_failure(|| each(hosts("all"), |other| note(other, "failed")));
                h.run("echo working; exec sleep 4321");
                note(h, "not reached");
            }});
            "#
        ))
        .arg("-v");
    let mut running = ops.start();
    running
        .wait_for("h1  | working")
        .wait_for("h2  | working")
        .signal(Signal::INT);
    running.wait().code(130).nothing_left();
    let mut log: Vec<String> = text(&ops, "h1", "log").lines().map(Into::into).collect();
    assert_eq!(log.pop().as_deref(), Some("playbook"));
    log.sort();
    assert_eq!(log, ["failed", "failed", "finally"]);
}

#[test]
fn a_second_ctrl_c_cuts_them_short() {
    let ops = local(1)
        .playbook(&format!(
            r#"{NOTE}
            each(hosts("all"), |h| {{
                finally(|| note(h, "last"));
                finally(|| h.run("echo cleaning; exec sleep 4321"));
                h.run("echo working; exec sleep 4321");
            }});
            "#
        ))
        .arg("-v");
    let mut running = ops.start();
    running.wait_for("| working").signal(Signal::INT);
    running.wait_for("| cleaning");
    // Without this, both signals would be one request.
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.signal(Signal::INT);
    running.wait().code(130).nothing_left();
    assert_eq!(text(&ops, "h1", "log"), "");
}

#[test]
fn a_failed_hook_is_reported_and_fails_the_run() {
    let ops = local(1).playbook(&format!(
        r#"{NOTE}
        each(hosts("all"), |h| {{
            finally(|| note(h, "still"));
            finally(|| h.run("exit 41"));
        }});
        "#
    ));
    ops.run()
        .code(3)
        .stderr_has("exited with code 41")
        .stderr_has("playbook.rhai:4:26");
    assert_eq!(text(&ops, "h1", "log"), "still\n");
    local(1)
        .playbook(
            r#"
            each(hosts("all"), |h| {
                finally(|| h.run("exit 43"));
                on_failure(|| fail("cannot go back"));
                h.run("exit 41");
            });
            "#,
        )
        .run()
        .code(3)
        .stderr_has("exited with code 41")
        .stdout_has("a clean-up failed: cannot go back")
        .stdout_has("exited with code 43");
    local(1)
        .playbook(r#"finally(|| fail("one")); finally(|| fail("two"));"#)
        .run()
        .code(3)
        .stderr_has("two")
        .stdout_has("a clean-up failed: one");
}

#[test]
fn a_kill_leaves_nothing_behind() {
    let ops = local(1)
        .playbook(r#"each(hosts("all"), |h| h.run(`touch ${h.vars.root}/up; exec sleep 4321`));"#);
    let mut running = ops.start();
    wait_until(
        || on(&ops, "h1", "up").exists(),
        || "the command never ran".to_owned(),
    );
    running.signal(Signal::KILL);
    assert_eq!(running.wait().nothing_left().exit_code(), None);
}
