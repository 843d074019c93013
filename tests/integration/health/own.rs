//! `health_check(#{...})`: a kind of check that a playbook defines, everywhere a check is allowed.

use super::{here, playbook, seen};
use crate::fleet::Fleet;

#[test]
fn a_verdict_is_a_boolean_a_state_or_a_map() {
    let check = |script: &str, verdict: &str| {
        format!(
            "health_check(#{{ name: \"own\", script: {script:?}, verdict: |found| {verdict} }})"
        )
    };
    let checks = [
        check("echo fine", "found.stdout == \"fine\""),
        check("echo bad >&2; exit 3", "found.code == 0"),
        check("exit 4", "found.code == 0"),
        check("echo 7", "\"warning\""),
        check(
            "echo 7",
            "#{ state: \"critical\", message: `${parse_int(found.stdout) + 1} mails`, hint: \"Read them.\" }",
        ),
        check(
            "printf a; sleep 0.05; printf b >&2",
            "found.seconds >= 0.05 && found.stderr == \"b\"",
        ),
        check("echo 7", "\"so-so\""),
        check("echo 7", "#{ message: \"no state\" }"),
        check("echo 7", "#{ state: \"passing\", colour: 1 }"),
        check("echo 7", "found.nothing"),
        check("echo 7", "fail(\"cannot tell\")"),
        check("echo 7", "7"),
    ];
    let ran = here()
        .playbook(&playbook(&checks))
        .args(["--output", "json"])
        .run()
        .ok()
        .nothing_left();
    let seen = seen(&ran, "h1");
    assert_eq!(
        seen[..6],
        [
            "passing: fine",
            "critical: bad",
            "critical: exit code 4",
            "warning: 7",
            "critical: 8 mails",
            "passing: b",
        ]
    );
    for (state, reason) in seen[6..].iter().zip([
        "unknown state \"so-so\"",
        "`state` is missing",
        "unknown key `colour`",
        "nothing",
        "cannot tell",
        "not an integer",
    ]) {
        assert!(
            state.starts_with("error: the closure `verdict` failed: "),
            "{state}"
        );
        assert!(state.contains(reason), "{state} lacks {reason}");
    }
}

#[test]
fn a_timeout_is_critical_and_the_closure_is_not_called() {
    here()
        .playbook(
            r#"each(hosts("all"), |h| {
                let slow = health_check(#{
                    name: "slow",
                    script: "sleep 60",
                    timeout: "300ms",
                    verdict: |found| fail("called"),
                });
                let seen = h.check(slow, #{ ok: "critical" });
                print(`${seen.state}: ${seen.message}`);
            });"#,
        )
        .run()
        .ok()
        .stdout_has("critical: ")
        .nowhere("called")
        .nothing_left();
}

/// The closure captures a value, and all hosts call it at the same time.
#[test]
fn can_be_waited_for_from_every_host_and_the_controller() {
    let fleet = Fleet::sshd(3);
    let dir = fleet.dir().display().to_string();
    let ran = fleet
        .ops()
        .playbook(&format!(
            r#"let least = 3;
            let counted = |h| health_check(#{{
                name: `counted for ${{h.name}}`,
                script: `cd {dir} && echo x >>count.${{h.name}} && wc -l <count.${{h.name}}`,
                from: "controller",
                interval: "5ms",
                rise: 2,
                verdict: |found| parse_int(found.stdout.trimmed()) >= least,
            }});
            let common = health_check(#{{ name: "common", script: "echo 1", verdict: |found| found.stdout == "1" }});
            each(hosts("all"), |h| {{
                h.wait_until([counted.call(h), common], #{{ deadline: "30s" }});
            }});"#
        ))
        .run()
        .ok();
    for host in fleet.hosts() {
        let count = std::fs::read_to_string(fleet.dir().join(format!("count.{}", host.name())));
        let count = count.unwrap_or_else(|error| panic!("{error}\n{ran}"));
        assert_eq!(count.lines().count(), 4, "{ran}");
    }
}

#[test]
fn works_in_a_rollout_and_in_ops_health() {
    let fleet = Fleet::sshd(2);
    let playbook = r#"
        const VERSION = "DIR/version-of-";
        fn health(h) {
            health_check(#{
                name: "version of " + h.name,
                script: "cat " + quote(global::VERSION + h.name) + " 2>/dev/null",
                verdict: |found| found.stdout == "2",
            })
        }
        rollout(hosts("all"), #{
            batch: 1,
            min_healthy: "0s",
            update: |h| h.apply(files::file(global::VERSION + h.name, "2\n")),
            healthy: |h| h.check(health(h)),
        });
    "#;
    let playbook = playbook.replace("DIR", &fleet.dir().display().to_string());
    let ops = fleet.ops().file("own.rhai", &playbook);
    ops.again(["health", "own.rhai"])
        .run()
        .code(3)
        .stdout_has("2 critical");
    ops.again(["run", "own.rhai"]).run().ok();
    ops.again(["health", "own.rhai"])
        .run()
        .ok()
        .stdout_has("version of");
}

#[test]
fn errors_are_found_before_the_run() {
    let check = |playbook: &str| {
        here()
            .file("x.rhai", playbook)
            .args(["check", "x.rhai"])
            .run()
            .code(2)
    };
    check("each(hosts(\"all\"), |h| h.check(health_check(#{ nam: \"x\", script: \"true\", verdict: |f| true })));")
        .stderr_has("`health_check` has no option `nam`")
        .stderr_has("Did you mean `name`?");
    check("each(hosts(\"all\"), |h| h.check(health_check(#{ name: \"x\", script: 7, verdict: |f| true })));")
        .stderr_has("option `script` of `health_check`: expected a string, got 7");
    let run = |definition: &str, code: i32, message: &str| {
        here()
            .playbook(&format!(
                "each(hosts(\"all\"), |h| h.check(health_check({definition})));"
            ))
            .run()
            .code(code)
            .stderr_has(message)
            .stderr_has("playbook.rhai:1:");
    };
    run(
        "#{ script: \"true\", verdict: |f| true }",
        2,
        "option `name` of `health_check`: is required",
    );
    run(
        "#{ name: \"x\", verdict: |f| true }",
        2,
        "option `script` of `health_check`: is required",
    );
    run(
        "#{ name: \"x\", script: \"true\", verdict: \"passing\" }",
        2,
        "expected a closure, got the string \"passing\"",
    );
}
