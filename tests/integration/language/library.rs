//! What modules are written with: `options`, `seconds`, `check_mode`, and `name` and `quiet` of `h.run`.

use super::{local, text};

#[test]
fn options_are_given_over_their_fallbacks_and_slips_are_named() {
    let playbook = |given: &str| {
        local(1).playbook(&format!(
            r#"
            let got = options("shop::backup", {given}, #{{ keep: 7, owner: () }});
            print(`${{got.keep}} ${{type_of(got.owner)}}`);
            "#
        ))
    };
    playbook("#{}").run().ok().stdout_has("7 ()");
    playbook("#{ keep: 3, owner: \"root\" }")
        .run()
        .ok()
        .stdout_has("3 string");
    // As where nothing is given.
    playbook("#{ keep: () }").run().ok().stdout_has("7 ()");
    playbook("#{ keeep: 3 }")
        .run()
        .code(3)
        .stderr_has("`shop::backup` has no option `keeep`")
        .stderr_has("Did you mean `keep`?");
    playbook("#{ anything: 3 }")
        .run()
        .code(3)
        .stderr_has("The options are keep, owner.");
}

#[test]
fn durations_are_counted_in_seconds() {
    let ops =
        local(1).playbook(r#"print(`${seconds("1m30s")} ${seconds("250ms")} ${seconds(2)}`)"#);
    ops.run().ok().stdout_has("90.0 0.25 2.0");
    let ops = local(1).playbook(r#"seconds("soon")"#);
    ops.run().code(3).stderr_has("soon");
}

#[test]
fn a_module_can_tell_check_mode() {
    let ops = local(1).playbook("print(`checks: ${check_mode()}`)");
    ops.run().ok().stdout_has("checks: false");
    ops.args(["--check"]).run().ok().stdout_has("checks: true");
}

#[test]
fn a_command_has_the_name_that_it_is_given_in_events_and_failures() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            h.run("true", #{ name: "drains shop/h1" });
            h.run("exit 4", #{ name: "readmits shop/h1" });
        });
        "#,
    );
    let ran = ops.args(["--output", "json"]).run().code(3);
    let names: Vec<_> = ran
        .events_of("task.finished")
        .iter()
        .map(|event| event["task"].clone())
        .collect();
    assert_eq!(names, ["drains shop/h1", "readmits shop/h1"], "{ran}");
}

#[test]
fn a_quiet_command_is_told_of_only_when_it_fails() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            for i in 0..3 {
                h.run(`echo x >> ${h.vars.root}/asked; cat ${h.vars.root}/asked`, #{ reads: true, quiet: true });
            }
            h.run("exit 4", #{ reads: true, quiet: true });
        });
        "#,
    );
    let ops = ops.args(["--output", "json"]);
    let ran = ops.run().code(3);
    assert_eq!(ran.outcomes("h1"), ["failed"], "{ran}");
    assert!(ran.events_of("task.output").is_empty(), "{ran}");
    assert_eq!(text(&ops, "h1", "asked"), "x\n".repeat(3));

    local(1)
        .playbook(r#"each(hosts("all"), |h| h.run("true", #{ quiet: true }))"#)
        .run()
        .code(3)
        .stderr_has("it is for commands that only read");
}

#[test]
fn a_command_can_say_by_its_code_that_nothing_was_changed() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            for code in [0, 7] { h.run(`exit ${code}`, #{ unchanged: 7 }); }
        });
        "#,
    );
    let ran = ops.args(["--output", "json"]).run().ok();
    assert_eq!(ran.outcomes("h1"), ["changed", "unchanged"]);
}

/// A balancer that failed is not the host that is left out from then on.
#[test]
fn the_host_of_the_closure_has_failed_also_where_another_one_did() {
    let ops = local(2).playbook(
        r#"
        let other = hosts("h2")[0];
        each(hosts("h1"), #{ max_failures: 1 }, |h| other.run("exit 4"));
        print(`left: ${each(hosts("all"), |h| h.name).keys()}`);
        "#,
    );
    ops.run().stdout_has(r#"left: ["h2"]"#);
}

#[test]
fn what_is_logged_reads_as_what_it_is() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            log::info(h.check(command("true")));
            log::info(h);
            log::info([1, "two"]);
            log::info(#{ three: 3 });
        });
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("command true: passing")
        .stdout_has("[1, \"two\"]")
        .stdout_has("#{\"three\": 3}");
}
