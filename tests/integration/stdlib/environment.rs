//! `std/environment`: nothing is changed in an environment that the playbook is not for.

use crate::fleet::Fleet;
use crate::ops::Ops;
use crate::ran::Ran;
use crate::terminal::Terminal;

/// `expect` uses all hosts unless it is given some: a pattern that a playbook need not use.
#[test]
fn a_playbook_without_an_inventory_may_import_it() {
    let ops = Ops::new().playbook("import \"std/environment\" as environment;\nlog::info(\"x\");");
    ops.again(["check", "playbook.rhai"])
        .run()
        .ok()
        .stdout_has("no problems found");
}

/// Hosts that are this machine, each with the environment in the inventory, as TOML.
fn hosts(environments: &[&str]) -> Ops {
    let ops = Ops::new();
    let mut inventory = String::new();
    for (at, environment) in environments.iter().enumerate() {
        let state = ops.path(&format!("state{at}"));
        inventory.push_str(&format!(
            "[hosts.h{at}]\nvia = \"local\"\nstate_dir = \"{}\"\n",
            state.display()
        ));
        if !environment.is_empty() {
            inventory.push_str(&format!("vars = {{ environment = {environment} }}\n"));
        }
    }
    ops.inventory(&inventory)
}

fn playbook(ops: Ops, call: &str) -> Ops {
    let made = ops.path("made");
    ops.playbook(&format!(
        r#"
        import "std/environment" as environment;
        {call};
        each(hosts("all"), #{{ forks: 1 }}, |h| h.apply(files::file("{}", "made")));
        "#,
        made.display()
    ))
}

/// Asserts that it ended with this error, and that nothing was changed.
#[track_caller]
fn refused(ops: &Ops, reason: &str) -> Ran {
    let ran = ops.run().code(3).stderr_has(reason);
    assert!(!ops.path("made").exists());
    ran
}

#[test]
fn refuses_another_environment_before_any_host_is_contacted() {
    let ops = playbook(
        hosts(&["\"production\"", "\"production\""]),
        r#"environment::expect("staging")"#,
    );
    let ran = refused(
        &ops,
        "this playbook is for staging, and h0, h1 are production",
    );
    assert!(!ran.stdout.contains("connected"), "{ran}");
    let ops = playbook(
        hosts(&["\"staging\"", "{ name = \"production\" }"]),
        r#"environment::expect("staging")"#,
    );
    refused(
        &ops,
        "these hosts are in more than one environment: production (h1), staging (h0)",
    );
    let ops = playbook(
        hosts(&["\"staging\"", ""]),
        r#"environment::expect("staging")"#,
    );
    refused(&ops, "none (h1), staging (h0)");
    let ops = playbook(hosts(&[""]), r#"environment::expect("staging")"#);
    refused(
        &ops,
        "h0 is in no environment: the inventory has no variable `environment`",
    );
    let ops = playbook(
        hosts(&["{ name = \"a\", protected = true }", "\"a\""]),
        r#"environment::expect("a")"#,
    );
    refused(
        &ops,
        "the inventory describes a differently for h0 and for h1",
    );
    let ops = playbook(hosts(&["{ nam = \"a\" }"]), r#"environment::expect("a")"#);
    refused(&ops, "Did you mean `name`?");
    let ops = playbook(
        hosts(&["\"staging\"", "\"production\""]),
        r#"environment::expect("staging")"#,
    );
    ops.args(["--limit", "h0"]).run().ok();
    let ops = playbook(
        hosts(&["\"staging\""]),
        r#"print(environment::expect(["test", "staging"], #{ hosts: hosts("h0")[0] }).name)"#,
    );
    ops.run().ok().stdout_has("staging");
}

#[test]
fn hosts_must_match_what_the_inventory_expects() {
    let fleet = Fleet::sshd(2);
    let run = |expect: &str, call: &str| {
        let mut ops = fleet.ops();
        for host in ["h1", "h2"] {
            ops = ops.file(
                &format!("host_vars/{host}.yml"),
                format!("environment: {{ name: staging, expect: {{ {expect} }} }}\n"),
            );
        }
        playbook(ops, call)
    };
    let expect = r#"environment::expect("staging")"#;
    run(
        "os: debian, architecture: '*', hostname: ['no', '?*']",
        expect,
    )
    .run()
    .ok();
    let ops = run("os: plan9, architecture: x*y", expect);
    let ran = refused(
        &ops,
        "the hosts do not match what the inventory says about staging:",
    );
    let ran = ran
        .stderr_has("h1: os is debian, and should be plan9")
        .stderr_has("h2: os is debian");
    assert!(
        ran.stderr.contains("architecture is") && ran.stderr.contains("should be x*y"),
        "{ran}"
    );
    refused(&run("colour: red", expect), "unknown fact");
    refused(
        &run("marker: true", expect),
        "/etc/ops-environment is missing, and should read staging",
    );
    let guard = r#"environment::guard(hosts("all"))"#;
    refused(&run("os: plan9", guard), "should be plan9");
    // In check mode too.
    let ops = run("os: plan9", expect).arg("--check");
    refused(&ops, "should be plan9");
}

#[test]
fn a_protected_environment_asks_first() {
    let guard =
        r#"environment::guard(hosts("all"), #{ names: ["production"], question: "roll it?" })"#;
    for environment in [
        "\"production\"",
        "{ name = \"production\", protected = true }",
    ] {
        let ops = playbook(hosts(&[environment]), guard);
        refused(
            &ops,
            "production is protected, and this changes h0: roll it?",
        );
        let checked = playbook(hosts(&[environment]), guard).arg("--check");
        checked.run().ok();
        assert!(!checked.path("made").exists());
        let said = playbook(hosts(&[environment]), guard).arg("--yes");
        said.run().ok();
        assert!(said.path("made").exists());
    }
    let open = playbook(
        hosts(&["{ name = \"production\", protected = false }"]),
        guard,
    );
    open.run().ok();
    let none = playbook(hosts(&[""]), r#"environment::guard(hosts("all"))"#);
    none.run().ok();
}

#[test]
fn asks_the_operator_at_a_terminal() {
    let guard = r#"environment::guard(hosts("all"))"#;
    for (answer, code) in [("n\r", 3), ("y\r", 0)] {
        let ops = playbook(hosts(&["\"production\""]), guard);
        let mut terminal = Terminal::start(&ops, 100, 24);
        terminal.wait_for("production is protected").type_in(answer);
        assert_eq!(terminal.wait().0, code);
        assert_eq!(ops.path("made").exists(), code == 0);
    }
}
