//! `each`: which hosts take part, how many at a time, and the result.

use super::{local, on, text};
use crate::ops::Ops;

#[test]
fn returns_the_result_of_the_closure_by_host() {
    local(3)
        .playbook(
            r#"
            let names = each(hosts("all"), |h| h.name + "!");
            print(`${names.h1} ${names.h3} of ${names.len()}`);
            print(each(hosts("h2"), |h| ()).h2.type_of());
            "#,
        )
        .run()
        .ok()
        .stdout_has("h1! h3! of 3")
        .stdout_has("()");
}

#[test]
fn runs_on_as_many_hosts_at_a_time_as_forks() {
    let ops = local(6).playbook(
        r#"
        let dir = param("dir", "where the hosts meet");
        each(hosts("all"), #{ forks: 2 }, |h| h.run(`
            cd ${dir}; touch in.${h.name}
            here=$(ls in.* | wc -l); echo $here >> counts
            [ $here -lt 2 ] || touch met
            until [ -e met ]; do sleep 0.01; done
            rm in.${h.name}`, #{ timeout: "20s" }));
        "#,
    );
    let meeting = ops.path("meeting");
    std::fs::create_dir(&meeting).expect("a directory");
    let ops = ops.arg("--var").arg(format!("dir={}", meeting.display()));
    ops.run().ok();
    let counts = std::fs::read_to_string(meeting.join("counts")).expect("the counts");
    assert_eq!(counts.lines().count(), 6);
    assert_eq!(counts.lines().max(), Some("2"), "{counts}");
}

#[test]
fn follows_the_requested_order() {
    let started = |order: &str| {
        let ran = local(3)
            .playbook(&format!(
                r#"each(hosts("h2,h1,h3"), #{{ forks: 1, order: "{order}" }}, |h| ());"#
            ))
            .args(["--output", "json"])
            .run()
            .ok();
        ran.events_of("host.started")
            .iter()
            .map(|event| event["host"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let inventory = started("inventory");
    assert_eq!(started("sorted"), ["h1", "h2", "h3"]);
    let reversed: Vec<_> = inventory.iter().rev().cloned().collect();
    assert_eq!(started("reverse"), reversed);
    let mut shuffled = started("shuffle");
    shuffled.sort();
    assert_eq!(shuffled, ["h1", "h2", "h3"]);
    local(1)
        .playbook(r#"each(hosts("all"), #{ order: "random" }, |h| ());"#)
        .run()
        .code(3)
        .stderr_has("not \"random\"");
}

#[test]
fn skips_a_host_that_failed_before() {
    let ops = local(3).playbook(
        r#"
        let first = each(hosts("all"), #{ max_failures: 1 }, |h| {
            if h.name == "h2" { h.run("exit 7"); }
            h.name
        });
        print(`first ${first.keys()}`);
        print(`second ${each(hosts("all"), |h| h.name).keys()}`);
        "#,
    );
    ops.run()
        .code(3)
        .stdout_has(r#"first ["h1", "h3"]"#)
        .stdout_has(r#"second ["h1", "h3"]"#)
        .stdout_has("failed: h2");
}

#[test]
fn throws_for_too_many_failures_after_all_hosts() {
    let ops = local(4).playbook(
        r#"
        each(hosts("all"), #{ forks: 1, max_failures: 1 }, |h| {
            if h.name != "h4" { h.run("exit 7"); }
            h.run(["touch", h.vars.root + "/done"]);
        });
        print("not reached");
        "#,
    );
    ops.run().code(3).nowhere("not reached");
    assert!(on(&ops, "h4", "done").exists(), "all hosts finish");
}

#[test]
fn explains_identical_failures_once() {
    let ran = local(3)
        .playbook(r#"each(hosts("all"), |h| h.run("echo broken >&2; exit 7"));"#)
        .run()
        .code(3)
        .stderr_has("h1, h2, h3")
        .stderr_has("playbook.rhai:1:26");
    assert_eq!(ran.stderr.matches("exited with code 7").count(), 1, "{ran}");
}

#[test]
fn a_caught_failure_does_not_mark_the_host_as_failed() {
    let ran = local(2)
        .playbook(
            r#"each(hosts("all"), |h| try { h.run("exit 7") } catch (e) { print(`code ${e.code} on ${e.host}`); });"#,
        )
        .run()
        .ok()
        .stdout_has("code 7 on h1")
        .stdout_has("2 failed");
    assert!(!ran.stdout.contains("failed: h"), "{ran}");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_closure_of_a_module_drives_other_hosts() {
    let ops = local(3)
        .file(
            "balancer.rhai",
            r#"
            /// Returns a closure that drains a host on these balancers.
            fn drainer(balancers) {
                |h| each(balancers, |b| b.run(["touch", b.vars.root + "/drained-" + h.name]))
            }
            "#,
        )
        .playbook(
            r#"
            import "balancer" as balancer;
            let drain = balancer::drainer(hosts("h1:h2"));
            each(hosts("h3"), |h| drain.call(h));
            "#,
        );
    ops.run().ok();
    for host in ["h1", "h2"] {
        assert!(on(&ops, host, "drained-h3").exists());
    }
}

#[test]
fn every_host_has_its_own_copy_of_captured_values() {
    let ran = local(20)
        .playbook(
            r#"
            let seen = #{ names: [], deep: #{ count: 0 } };
            let note = |name| { seen.names.push(name); seen.deep.count += 1; seen.names.len() };
            let most = each(hosts("all"), |h| {
                let most = 0;
                for i in 0..200 { most = note.call(h.name); }
                most
            });
            print(`counted ${most.values().reduce(|sum, n| sum + n, 0)}, kept ${seen.names.len()}`);
            "#,
        )
        .run()
        .ok();
    assert!(ran.stdout.contains("counted 4000, kept 0"), "{ran}");
}

#[test]
fn suggests_the_nearest_name_for_an_unknown_option() {
    local(1)
        .playbook("let options = #{ fork: 2 };\neach(hosts(\"all\"), options, |h| ());")
        .run()
        .code(3)
        .stderr_has("`each` has no option `fork`")
        .stderr_has("forks")
        .stderr_has("playbook.rhai:2:1");
    local(1)
        .playbook("each(hosts(\"all\"), #{ fork: 2 }, |h| ());")
        .run()
        .code(2)
        .stderr_has("forks");
}

/// Returns the position of the caret in a playbook.
fn fails_at(ops: &Ops, place: &str) {
    ops.run()
        .code(3)
        .stderr_has(place)
        .stderr_has("exited with code 9");
}

#[test]
fn a_failure_shows_its_line() {
    let function =
        "fn break_it(h) {\n    h.run(\"exit 9\")\n}\neach(hosts(\"all\"), |h| break_it(h));";
    fails_at(&local(1).playbook(function), "playbook.rhai:2:7");
    let closure = "let f = |h| {\n  let x = 1;\n  h.run(\"exit 9\")\n};\neach(hosts(\"all\"), |h| f.call(h));";
    fails_at(&local(1).playbook(closure), "playbook.rhai:3:5");
    let module = "import \"lib\" as lib;\neach(hosts(\"all\"), |h| lib::break_it(h));";
    let ops = local(1)
        .file("lib.rhai", "\n\nfn break_it(h) {\n    h.run(\"exit 9\")\n}")
        .playbook(module);
    fails_at(&ops, "lib.rhai:4:7");
    let made =
        "import \"lib\" as lib;\nlet f = lib::breaker();\neach(hosts(\"all\"), |h| f.call(h));";
    let ops = local(1)
        .file("lib.rhai", "\nfn breaker() {\n    |h| h.run(\"exit 9\")\n}")
        .playbook(made);
    fails_at(&ops, "lib.rhai:3:11");
}

#[test]
fn refuses_what_is_not_a_host() {
    local(1)
        .playbook(r#"each(["h1"], |h| ());"#)
        .run()
        .code(3)
        .stderr_has("`each` takes hosts");
    local(1)
        .playbook(r#"each(hosts("h7"), |h| ());"#)
        .run()
        .code(2)
        .stderr_has("h7");
}

#[test]
fn copies_a_recursive_closure() {
    let ops = local(3).playbook(
        r#"
        let tree = #{};
        tree.down = |n| if n == 0 { 0 } else { tree.len() };
        let down = tree.down;
        each(hosts("all"), |h| { h.run(["touch", h.vars.root + "/" + down.call(1)]); });
        "#,
    );
    ops.run().ok();
    assert!(on(&ops, "h3", "1").exists(), "{}", text(&ops, "h3", "1"));
}
