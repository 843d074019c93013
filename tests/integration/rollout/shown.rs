//! How a rollout is displayed: in the log, in `ops show`, and by `ops check`.

use super::Service;
use crate::ops::Ops;

#[test]
fn a_log_has_a_heading_for_each_batch_and_no_failed_attempts() {
    let service = Service::new(3, "order: \"inventory\", batch: [1, 2],").with(1, "stuck", "1");
    let mut running = service.ops().start();
    // Its health checks fail for a while.
    crate::fleet::process::wait_until(
        || std::fs::read_to_string(service.path(1, "looks")).is_ok_and(|looks| looks.len() > 15),
        || "no health check ran".to_owned(),
    );
    std::fs::remove_file(service.path(1, "stuck")).expect("the file exists");
    running.wait_for("healthy");
    let ran = running
        .wait()
        .ok()
        .stdout_has("-- rollout over 3 hosts in 2 batches")
        .stdout_has("-- batch 2 of 2: h2, h3")
        .stdout_has("healthy      h1  in")
        .stdout_has("-- rollout done in")
        .nowhere("failed")
        .nowhere("the answer is");
    ran.nothing_left();
}

#[test]
fn show_draws_a_table_of_hosts_and_phases() {
    let service =
        Service::new(3, "order: \"inventory\", on_abort: \"stop\",").with(2, "fail-updated", "");
    let ops = service.ops();
    ops.run().code(3);
    let shown = Ops::new()
        .env("XDG_STATE_HOME", ops.state())
        .args(["show"])
        .run()
        .ok();
    let table: Vec<&str> = shown
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("HOST"))
        .collect();
    let [head, h1, h2, h3] = table[..] else {
        panic!("{shown}");
    };
    let words = |line: &str| {
        line.split_whitespace()
            .take(4)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(head), ["HOST", "BATCH", "STATE", "VERSION"]);
    assert_eq!(words(h1), ["h1", "1", "updated", "new"]);
    assert!(
        h1.contains("drained 0.") && h1.contains("healthy 0."),
        "{h1}"
    );
    assert_eq!(words(h2), ["h2", "2", "left", "out"]);
    assert!(h2.contains("unknown") && h2.contains("failed 0."), "{h2}");
    assert_eq!(words(h3), ["h3", "3", "untouched", "old"]);
}

#[test]
fn refuses_inconsistent_options() {
    let service = Service::new(1, "");
    for (options, says) in [
        ("batch: 0,", "with 0 hosts at a time"),
        ("batch: [],", "the list is empty"),
        ("batch: \"150%\",", "at most 100%"),
        ("max_unavailable: \"many\",", "neither a number of hosts"),
        (
            "on_abort: \"panic\",",
            "\"rollback\", \"stop\" or \"continue\"",
        ),
        ("confirm: 0,", "starting at 1"),
        ("interval: \"1ms\",", "at least 10ms"),
    ] {
        let playbook = format!(
            "rollout(hosts(\"all\"), #{{ {options} update: |h| h.run(\"true\"), healthy: |h| true }});"
        );
        let ran = service.fleet.ops().playbook(&playbook).run();
        ran.code(3).stderr_has(says);
    }
    let without = |options: &str| {
        let playbook =
            format!("rollout(hosts(\"all\"), #{{ {options} update: |h| h.run(\"true\") }});");
        service.fleet.ops().playbook(&playbook).run().code(3)
    };
    without("min_healthy: \"5s\",").stderr_has("requires `healthy`");
    without("order: \"unhealthy_first\",").stderr_has("rollback_healthy");
}

#[test]
fn finds_a_misspelled_key_and_a_lost_assignment_before_the_run() {
    let ops = Ops::new()
        .inventory("[hosts.web1]\n")
        .file(
            "p.rhai",
            "let n = 0;\nrollout(hosts(\"all\"), #{\n    max_unavailble: 1,\n    update: |h| { n += 1; },\n});\n",
        )
        .args(["check", "p.rhai"]);
    ops.run()
        .code(2)
        .stderr_has("`rollout` has no option `max_unavailble`")
        .stderr_has("`max_unavailable`")
        .stderr_has("this change to `n` is lost");
}
