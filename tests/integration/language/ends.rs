//! Exit codes, and their precedence.

use rustix::process::Signal;

use super::{local, on};
use crate::fleet::Fleet;

#[test]
fn an_invalid_playbook_contacts_no_host() {
    for playbook in [
        "let x = ;",
        r#"each(hosts("all"), |h| h.run("touch /tmp/never"); );"#,
        r#"each(hosts("all"), |h| { h.run(["touch", h.vars.root + "/ran"]); nothing_like_it(h) });"#,
        r#"param("version", "it is required"); each(hosts("all"), |h| h.run(["touch", h.vars.root + "/ran"]));"#,
    ] {
        let ops = local(1).playbook(playbook);
        ops.run().code(2);
        assert!(!on(&ops, "h1", "ran").exists());
    }
    local(1)
        .playbook("print(1);")
        .args(["--limit", "nobody"])
        .run()
        .code(2);
    local(1)
        .args(["run", "missing.rhai"])
        .run()
        .code(2)
        .stderr_has("missing.rhai");
}

#[test]
fn an_unreachable_host_exits_with_4_and_a_failed_one_takes_precedence() {
    let fleet = Fleet::sshd(2);
    fleet.hosts()[1].vanish();
    let run = |playbook: &str| {
        fleet
            .ops()
            .playbook(playbook)
            .limit(std::time::Duration::from_mins(2))
            .run()
    };
    run(r#"each(hosts("all"), |h| h.run("true"));"#).code(4);
    run(r#"each(hosts("all"), #{ max_failures: 2 }, |h| h.run("exit 1"));"#).code(3);
}

#[test]
fn a_check_that_finds_changes_exits_with_8_on_request() {
    let checked = |playbook: &str, flags: &[&str]| {
        local(1)
            .playbook(playbook)
            .arg("--check")
            .args(flags)
            .run()
            .exit_code()
    };
    let change = r#"each(hosts("all"), |h| h.apply(files::directory(h.vars.root + "/new")));"#;
    let unknown = r#"each(hosts("all"), |h| h.run("true"));"#;
    let nothing = r#"each(hosts("all"), |h| h.apply(files::directory(h.vars.root)));"#;
    let fails = r#"each(hosts("all"), |h| { h.apply(files::directory(h.vars.root + "/new")); fail("x") });"#;
    for (playbook, plain, asked) in [
        (change, 0, 8),
        (unknown, 0, 8),
        (nothing, 0, 0),
        (fails, 3, 3),
    ] {
        assert_eq!(checked(playbook, &[]), Some(plain), "{playbook}");
        assert_eq!(
            checked(playbook, &["--fail-on-change"]),
            Some(asked),
            "{playbook}"
        );
    }
}

#[test]
fn a_check_of_a_command_makes_the_rest_of_that_host_unknown() {
    let ops = local(2)
        .playbook(
            r#"
            let r = each(hosts("all"), |h| {
                if h.name == "h1" { h.run(["touch", h.vars.root + "/ran"]); print("not reached"); }
                print(h.run("echo read it", #{ reads: true }).stdout + " on " + h.name);
                h.apply([
                    files::directory(h.vars.root + "/d"),
                    files::file(h.vars.root + "/d/f", "one\n"),
                    files::line(h.vars.root + "/d/f", "two"),
                ]).map(|o| o.outcome)
            });
            print(`${r.h1.type_of()} ${r.h2}`);
            "#,
        )
        .arg("--check");
    let ran = ops
        .run()
        .ok()
        .stdout_has("read it on h2")
        .stdout_has(r#"() ["would_change", "would_change", "would_change"]"#)
        .nowhere("not reached");
    assert!(!ran.stdout.contains("read it on h1"), "{ran}");
    assert!(!on(&ops, "h1", "ran").exists() && !on(&ops, "h2", "d").exists());
}

#[test]
fn a_check_knows_what_an_earlier_apply_would_leave() {
    let ops = local(1)
        .playbook(
            r#"
            let first = each(hosts("all"), |h| h.apply(files::directory(h.vars.root + "/d")).outcome);
            let then = each(hosts("all"), |h| {
                let file = h.apply(files::file(h.vars.root + "/d/f", "one\n")).outcome;
                let same = h.apply(files::file(h.vars.root + "/d/f", "one\n")).outcome;
                [file, same, h.apply(files::line(h.vars.root + "/d/f", "two")).outcome]
            });
            print(`${first.h1} ${then.h1}`);
            "#,
        )
        .arg("--check");
    ops.run()
        .ok()
        .stdout_has(r#"would_change ["would_change", "unchanged", "would_change"]"#);
    assert!(!on(&ops, "h1", "d").exists());
}

#[test]
fn an_interrupt_takes_precedence_over_a_failure() {
    let ops = local(2)
        .playbook(
            r#"each(hosts("all"), |h| { if h.name == "h1" { fail("first") } h.run("echo here; exec sleep 4321"); });"#,
        )
        .arg("-v");
    let mut running = ops.start();
    running
        .wait_for("first")
        .wait_for("| here")
        .signal(Signal::INT);
    running.wait().code(130).stderr_has("first").nothing_left();
}
