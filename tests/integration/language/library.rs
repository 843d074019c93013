//! What modules are written with: `options`, `seconds`, `check_mode`, and `name` and `quiet` of `h.run`.

use super::{local, text};

#[test]
fn options_override_fallbacks_and_typos_are_named() {
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
    // The same as if nothing was given.
    playbook("#{ keep: () }").run().ok().stdout_has("7 ()");
    playbook("#{ keeep: 3 }")
        .run()
        .code(3)
        .stderr_has("`shop::backup` has no option `keeep`")
        .stderr_has("Did you mean `keep`?");
    playbook("#{ anything: 3 }")
        .run()
        .code(3)
        .stderr_has("The options are `keep`, `owner`.");
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
fn a_module_can_detect_check_mode() {
    let ops = local(1).playbook("print(`checks: ${check_mode()}`)");
    ops.run().ok().stdout_has("checks: false");
    ops.args(["--check"]).run().ok().stdout_has("checks: true");
}

#[test]
fn events_and_failures_use_the_given_name_of_a_command() {
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
fn a_quiet_command_is_reported_only_if_it_fails() {
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
        .stderr_has("requires `reads: true`");
}

#[test]
fn an_exit_code_can_mean_unchanged() {
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

/// If a balancer failed, the host of the closure is excluded from then on, not the balancer.
#[test]
fn the_host_of_the_closure_fails_even_if_another_host_failed() {
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
fn logs_values_in_a_readable_form() {
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

/// The error names the function, what is wrong with which option, and the position of the call.
#[test]
fn wrong_options_are_an_error_at_the_call() {
    let module = r#"
        fn backup(path, options) {
            let options = options(options, #{ keep: #{ fallback: 7, min: 1 }, wait: #{ type: "duration", fallback: "1m" } });
            print(`${path} ${options.keep} ${options.wait}`);
        }
        fn all(options) { backup("/srv", options); backup("/etc") }
    "#;
    let run = |call: &str| {
        let playbook = format!("import \"lib/shop\" as shop;\nlet given = #{{}};\n{call}");
        let ops = local(1).file("lib/shop.rhai", module);
        ops.playbook(&playbook).run()
    };
    run("shop::backup(\"/srv\");").ok().stdout_has("/srv 7 1m");
    run("given.keep = 3; shop::backup(\"/srv\", given);")
        .ok()
        .stdout_has("/srv 3 1m");
    run("given.keeep = 3; shop::backup(\"/srv\", given);")
        .code(3)
        .stderr_has("`shop::backup` has no option `keeep`")
        .stderr_has("playbook.rhai:3:24")
        .stderr_has("Did you mean `keep`?")
        .nowhere("called at");
    // The position of the key itself in the call.
    run("let none = 0;\nshop::backup(\"/srv\", #{\n    keep: none + 0,\n});")
        .code(3)
        .stderr_has("option `keep` of `shop::backup` must be at least 1, not `0`")
        .stderr_has("playbook.rhai:5:5");
    // If a function passes its options on, it counts as the caller.
    run("given.wait = \"soon\"; shop::all(given);")
        .code(3)
        .stderr_has(
            "option `wait` of `shop::backup` must be a duration such as 90s or 5m, not `soon`",
        )
        .stderr_has("lib/shop.rhai:6:27")
        .stderr_has("in `all`, called at playbook.rhai:3:28");
    // In a closure that a built-in calls, and if the failure is caught.
    run("given.keep = []; each(hosts(\"all\"), |h| shop::backup(h.name, given));")
        .code(3)
        .stderr_has("option `keep` of `shop::backup` must be an integer")
        .stderr_has("playbook.rhai:3:47");
    run("given.keep = []; try { shop::backup(\"/srv\", given) } catch (e) { print(`caught: ${e.message}`) }")
        .ok()
        .stdout_has("caught: option `keep` of `shop::backup` must be an integer");
}

/// Nothing distinguishes the two ways of calling a function: neither its errors nor its trace.
#[test]
fn options_of_a_function_are_optional() {
    let module = r#"
        fn note(h, options) {
            let size = options?.size ?? 1;
            if size > 1 { fail("too large"); }
            [h.name].map(|name| `${name} ${size + options.len()}`)[0]
        }
        fn pair(options) { `${this} ${options}` }
        fn both(x, options) { x.pair() + x.pair(options) }
    "#;
    let run = |body: &str| {
        let text = format!("import \"lib/shop\" as shop;\n{body}");
        local(2).file("lib/shop.rhai", module).playbook(&text).run()
    };
    run("let all = each(hosts(\"all\"), |h| shop::note(h) + shop::note(h, #{ more: 1 })); print(all);")
        .ok()
        .stdout_has("{\"h1\": \"h1 1h1 2\", \"h2\": \"h2 1h2 2\"}");
    run("print(shop::both(5));").ok().stdout_has("5 #{}5 #{}");
    let ran = run("fn mine(options) { options.missing }\nmine();").code(3);
    ran.stderr_has("playbook.rhai:2:28")
        .stderr_has("the map has no key `missing`")
        .stderr_has("in `mine`, called at playbook.rhai:3:1");
    run("shop::note();")
        .code(2)
        .stderr_has("`shop::note` takes 1 or 2 arguments, not 0");
}
