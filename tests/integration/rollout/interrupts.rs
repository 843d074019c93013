//! Ctrl-C in each phase: hosts in flight are rolled back and readmitted, and finished hosts keep the new
//! version.

use rustix::process::Signal;

use super::Service;
use crate::fleet::process;
use crate::ops::Running;
use crate::terminal::{INTERRUPT, Terminal};

/// Interrupts the run while the second host is held in a step; a shielded step continues then.
fn in_step(step: &str, left: [&str; 3]) -> Service {
    let hold = format!("hold-{step}");
    let service = Service::new(3, "order: \"inventory\",").with(2, &hold, "");
    let mut running = service.ops().start();
    service.wait_for_step(2, step);
    running.signal(Signal::INT);
    if step == "readmit" {
        lets_continue(&mut running, &service, &hold);
    }
    let ran = running.wait().code(130).stderr_has("interrupted");
    assert_eq!(service.left(), left, "{ran}");
    for host in service.fleet.hosts() {
        host.wait_until_idle();
    }
    ran.stdout_has("the rollout was interrupted").nothing_left();
    service
}

/// Lets a step continue once the signal has been received.
fn lets_continue(running: &mut Running, service: &Service, hold: &str) {
    wait_until_received(running);
    std::fs::remove_file(service.path(2, hold)).expect("the hold");
}

/// Waits until a process has no pending signal, so that all signals were received.
fn wait_until_received(running: &Running) {
    let status = format!("/proc/{}/status", running.id());
    let pending = || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        status
            .lines()
            .filter(|line| line.starts_with("SigPnd") || line.starts_with("ShdPnd"))
            .any(|line| line.chars().any(|c| ('1'..='9').contains(&c)))
    };
    process::wait_until(|| !pending(), || "the signal was not received".to_owned());
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
fn after_the_change() {
    in_step("updated", ["2", "1", "1"]);
}

#[test]
fn while_waiting_for_health() {
    in_step("healthy", ["2", "1", "1"]);
}

#[test]
fn in_a_readmission_that_continues() {
    let service = in_step("readmit", ["2", "2", "1"]);
    assert!(service.steps(3).is_empty());
}

#[test]
fn in_a_pause() {
    let service = Service::new(2, "order: \"inventory\", pause: \"1h\",");
    let mut running = service.ops().start();
    running.wait_for("-- waits 1 h");
    running.signal(Signal::INT);
    let ran = running.wait().code(130);
    assert_eq!(service.left(), ["2", "1"]);
    ran.stdout_has("updated: h1; untouched: h2").nothing_left();
}

#[test]
fn at_a_question() {
    let service = Service::new(2, "order: \"inventory\", confirm: \"first\",");
    let ops = service.ops();
    let mut terminal = Terminal::start(&ops, 120, 30);
    terminal.wait_for("batch 1 of 2 is done; continue with h2? [y/n]");
    terminal.type_in(INTERRUPT);
    let (code, shown) = terminal.wait();
    assert_eq!(code, 130, "{shown}");
    assert_eq!(service.left(), ["2", "1"]);
}

#[test]
fn answering_no_rolls_back() {
    let service = Service::new(3, "order: \"inventory\", confirm: true,");
    let ops = service.ops();
    let mut terminal = Terminal::start(&ops, 120, 30);
    terminal.wait_for("continue with h2? [y/n]").type_in("y\n");
    terminal.wait_for("continue with h3? [y/n]").type_in("n\n");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 6, "{shown}");
    assert_eq!(service.left(), ["1", "1", "1"]);
}

#[test]
fn a_rollback_finishes_only_the_current_host() {
    let service = Service::new(4, "order: \"inventory\",").with(3, "fail-updated", "");
    let hold = service.path(2, "hold-drain");
    let mut running = service.ops().start();
    // The second host is held in its second drain.
    running.wait_for("readmitted   h2");
    std::fs::write(&hold, "").expect("the hold");
    let drains = || {
        service
            .steps(2)
            .iter()
            .filter(|step| *step == "drain")
            .count()
    };
    process::wait_until(|| drains() == 2, || format!("{:?}", service.steps(2)));
    running.signal(Signal::INT);
    lets_continue(&mut running, &service, "hold-drain");
    let ran = running.wait().code(7);
    assert_eq!(service.left(), ["2", "1", "1", "1"]);
    ran.stderr_has("Updated: h1; rolled back: h2, h3; untouched: h4.");
}

#[test]
fn a_host_in_flight_that_cannot_be_rolled_back_exits_with_7() {
    let service = Service::new(2, "order: \"inventory\", rollback_deadline: \"3s\",")
        .with(1, "hold-updated", "")
        .with(1, "fail-old", "");
    let mut running = service.ops().start();
    service.wait_for_step(1, "updated");
    running.signal(Signal::INT);
    let ran = running.wait().code(7);
    assert_eq!(service.left(), ["1 out", "1"]);
    ran.stderr_has("left out: h1 (old version)");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let service = Service::new(2, "order: \"inventory\",")
        .with(1, "hold-update", "")
        .with(1, "hold-old", "");
    let mut running = service.ops().start();
    service.wait_for_step(1, "update");
    running.signal(Signal::INT);
    service.wait_for_step(1, "old");
    // Without this, both signals would be one request.
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.signal(Signal::INT);
    let ran = running.wait().code(7);
    assert_eq!(service.left(), ["1 out", "1"]);
    ran.stderr_has("left out: h1 (old version)");
}
