//! How rollouts end, and the state that they leave.

use super::Service;

#[test]
fn every_host_gets_the_new_version() {
    let service = Service::new(3, "batch: [1, \"100%\"],");
    let ran = service.ops().args(["--output", "json"]).run().ok();
    assert_eq!(service.left(), ["2", "2", "2"]);
    assert_eq!(
        service.steps(2),
        ["old", "drain", "update", "updated", "readmit"]
    );
    let finished = ran.events_of("rollout.finished");
    assert_eq!(finished[0]["end"], "done");
    assert_eq!(finished[0]["hosts"]["h3"]["batch"], 2);
    assert_eq!(finished[0]["hosts"]["h3"]["fate"], "updated");
    ran.nothing_left();
}

#[test]
fn a_failing_check_in_the_second_batch_rolls_the_first_back() {
    let service = Service::new(4, "healthy_deadline: \"2s\",").with(2, "fail-healthy", "");
    let ran = service.ops().run().code(6);
    assert_eq!(service.left(), ["1", "1", "1", "1"]);
    assert_eq!(service.steps(3), ["old"], "it was never started");
    let ran = ran
        .stderr_has("not healthy within 2s: exited with code 1")
        .stderr_has("the rollout was aborted and rolled back\n")
        .stderr_has("Rolled back: h1, h2; untouched: h3, h4.")
        .nowhere("after the rollout");
    ran.nothing_left();
}

#[test]
fn a_budget_is_for_the_whole_rollout() {
    let service = Service::new(4, "max_failures: 1,").with(1, "fail-updated", "");
    service.ops().run().code(3).stdout_has("after the rollout");
    assert_eq!(service.left(), ["1", "2", "2", "2"]);
    let service = Service::new(4, "max_failures: 1,")
        .with(1, "fail-updated", "")
        .with(3, "fail-updated", "");
    service
        .ops()
        .run()
        .code(6)
        .stderr_has("2 hosts failed, but only 1 may");
    assert_eq!(service.left(), ["1", "1", "1", "1"]);
}

#[test]
fn stop_leaves_everything_unchanged() {
    let service = Service::new(3, "on_abort: \"stop\",").with(2, "fail-updated", "");
    let ran = service.ops().run().code(3);
    assert_eq!(service.left(), ["2", "2 out", "1"]);
    ran.stderr_has("the rollout was stopped")
        .stderr_has("Updated: h1; untouched: h3; left out: h2 (unknown version).");
}

#[test]
fn continue_updates_the_other_hosts() {
    let service = Service::new(3, "on_abort: \"continue\",").with(2, "fail-updated", "");
    service.ops().run().code(3);
    assert_eq!(service.left(), ["2", "1", "2"]);
}

#[test]
fn names_and_excludes_a_host_lost_during_its_update() {
    let service = Service::new(3, "rollback_deadline: \"20s\",").with(2, "hold-update", "");
    let running = service.ops().start();
    service.wait_for_step(2, "update");
    service.host(2).vanish();
    let ran = running.wait().code(7);
    assert_eq!(service.left(), ["1", "1 out", "1"]);
    ran.stderr_has("could not be rolled back completely")
        .stderr_has("unreachable: h2 (unknown version)");
}

#[test]
fn an_unreachable_host_is_a_failure() {
    let service = Service::new(3, "order: \"inventory\",");
    service.host(2).vanish();
    let ran = service.ops().run();
    // Nothing shows that it is still in service.
    let ran = ran.code(7).stderr_has("unreachable: h2 (old version)");
    assert_eq!(service.left(), ["1", "1", "1"]);
    ran.nothing_left();
}

#[test]
fn healthy_for_a_moment_does_not_count() {
    let options = "min_healthy: \"2s\", healthy_deadline: \"4s\",";
    let service = Service::new(2, options).with(1, "dies", "");
    let ran = service.ops().run().code(6);
    assert_eq!(service.left(), ["1", "1"]);
    ran.stderr_has("not healthy for 2s without interruption within 4s")
        .stderr_has("connection refused");
}

#[test]
fn an_answer_of_the_old_version_does_not_count() {
    let service = Service::new(2, "healthy_deadline: \"2s\",").with(1, "stuck", "1");
    let ran = service.ops().run().code(6);
    assert_eq!(service.left(), ["1", "1"]);
    ran.stderr_has("the answer is version 1");
}

#[test]
fn a_broken_old_version_stops_the_rollback() {
    let service = Service::new(4, "rollback_deadline: \"3s\", order: \"inventory\",")
        .with(3, "fail-update", "")
        .with(2, "fail-old", "");
    let ran = service.ops().run().code(7);
    assert_eq!(service.left(), ["2", "1 out", "1", "1"]);
    ran.stderr_has("could not be rolled back completely")
        .stderr_has("Updated: h1; rolled back: h3; untouched: h4; left out: h2 (old version).");
}

#[test]
fn a_lost_balancer_takes_no_further_host_out() {
    // The first readmission is the last thing that it does.
    let service = Service::new(3, "").with(2, "fail-readmit", "");
    let ran = service.ops().run().code(7);
    assert_eq!(service.left(), ["2", "1 out", "1"]);
    ran.stderr_has("left out: h2 (old version)");
    let service = Service::new(3, "").with(1, "fail-drain", "");
    service.ops().run().code(6);
    assert_eq!(service.left(), ["1", "1", "1"]);
    assert_eq!(service.steps(1), ["old", "drain", "readmit"]);
}

#[test]
fn unhealthy_hosts_go_first() {
    let service = Service::new(3, "").with(3, "version", "0\n");
    let ran = service.ops().args(["--output", "json"]).run().ok();
    let batches = ran.events_of("rollout.batch_started");
    assert_eq!(batches[0]["hosts"][0], "h3");
    assert_eq!(service.left(), ["2", "2", "2"]);
}

#[test]
fn check_mode_only_runs_updates() {
    let service = Service::new(3, "confirm: true,");
    let ran = service
        .ops()
        .args(["--check", "--output", "json"])
        .run()
        .ok();
    assert_eq!(service.left(), ["1", "1", "1"]);
    assert!(service.steps(1).is_empty());
    let finished = ran.events_of("rollout.finished");
    assert_eq!(finished[0]["hosts"]["h2"]["fate"], "checked");
    assert!(ran.events_of("rollout.batch_started").is_empty());
}

#[test]
fn a_gate_without_a_terminal_is_an_error_before_the_first_host() {
    let service = Service::new(2, "confirm: true,");
    service.ops().run().code(3).stderr_has("--yes");
    assert_eq!(service.left(), ["1", "1"]);
    assert!(service.steps(1).is_empty());
    service.ops().arg("--yes").run().ok();
    assert_eq!(service.left(), ["2", "2"]);
}

#[test]
fn uses_a_custom_rollback() {
    let own = "rollback: |h| h.run(`cd ${h.vars.root} && echo 1 > version && echo own >> log`),";
    let service = Service::new(2, own).with(2, "fail-updated", "");
    service.ops().run().code(6);
    assert_eq!(service.left(), ["1", "1"]);
    assert!(service.steps(1).contains(&"own".to_owned()));
}

#[test]
fn returns_a_result_to_the_playbook() {
    let service = Service::new(2, "max_failures: 1,").with(2, "fail-updated", "");
    let playbook = |ops: crate::ops::Ops| {
        let text = std::fs::read_to_string(ops.path("playbook.rhai")).expect("the playbook");
        let text = text.replace("rollout(hosts", "let ends = rollout(hosts").replace(
            "log::info(\"after the rollout\");",
            "log::info(`${ends.h1.fate} ${ends.h1.version} ${ends.h2.fate} ${ends.h2.failure.host}`);",
        );
        ops.playbook(&text)
    };
    playbook(service.ops())
        .run()
        .code(3)
        .stdout_has("updated new rolled_back h2");
}
