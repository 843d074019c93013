//! Ctrl-C in each phase: hosts in flight are put back and readmitted, finished hosts keep the new version.

use rustix::process::Signal;

use super::Service;

/// Interrupts the run while the second host is held up in a step; then lets the step go on.
fn in_step(step: &str, left: [&str; 3]) -> Service {
    let service = Service::new(3, "order: \"inventory\",").with(2, &format!("hold-{step}"), "");
    let mut running = service.ops().start();
    service.wait_for_step(2, step);
    running.signal(Signal::INT);
    if step == "readmit" {
        running.wait_for("interrupting");
        std::fs::remove_file(service.path(2, "hold-readmit")).expect("the hold");
    }
    let ran = running.wait().code(130);
    assert_eq!(service.left(), left, "{ran}");
    for host in service.fleet.hosts() {
        host.wait_until_idle();
    }
    ran.nothing_left();
    service
}

#[test]
fn in_a_drain() {
    let service = in_step("drain", ["2", "1", "1"]);
    assert_eq!(service.steps(2), ["drain", "readmit"]);
}

#[test]
fn in_an_update() {
    let service = in_step("update", ["2", "1", "1"]);
    assert_eq!(service.steps(2), ["drain", "update", "old", "readmit"]);
}

#[test]
fn behind_the_change() {
    in_step("updated", ["2", "1", "1"]);
}

#[test]
fn while_health_is_waited_for() {
    in_step("healthy", ["2", "1", "1"]);
}
