//! However a run ends, its lock does not outlive it for long.

use rustix::process::Signal;

use super::{TAKE, age, go, holding, holding_with, is_held, log_of, started};
use crate::fleet::{Fleet, process};

#[test]
fn a_failure_releases_it() {
    let fleet = Fleet::sshd(2);
    fleet
        .ops()
        .playbook(
            r#"let all = hosts("all"); with_lock("deploy/shop", || each(all, |h| h.run("exit 9")));"#,
        )
        .run()
        .code(3);
    assert!(fleet.hosts().iter().all(|host| !is_held(host)));
    fleet.ops().playbook(TAKE).run().ok();
}

#[test]
fn a_signal_releases_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let fleet = Fleet::sshd(2);
        let first = holding(&fleet);
        let mut running = started(&first);
        running.signal(signal);
        running.wait().code(130).nothing_left();
        assert!(fleet.hosts().iter().all(|host| !is_held(host)));
        fleet.ops().playbook(TAKE).run().ok();
    }
}

#[test]
fn a_signal_ends_a_wait_and_leaves_nothing() {
    let fleet = Fleet::sshd(2);
    let first = holding_with(&fleet, r#"#{ hosts: "h2" }"#);
    let _running = started(&first);
    let second = fleet
        .ops()
        .playbook(r#"let all = hosts("all"); with_lock("deploy/shop", #{ wait: "1h" }, || ());"#);
    let mut waiting = second.start();
    waiting.wait_for("waiting");
    waiting.signal(Signal::INT);
    waiting.wait().code(130).nothing_left();
    assert!(!is_held(&fleet.hosts()[0]));
}

#[test]
fn a_killed_run_holds_it_until_its_lease_expires() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet);
    let mut running = started(&first);
    let pid = running.id();
    running.signal(Signal::KILL);
    running.wait();
    fleet.ops().playbook(TAKE).run().code(5);
    for host in fleet.hosts() {
        age(host);
    }
    fleet
        .ops()
        .args(["lock", "list"])
        .run()
        .ok()
        .stdout_has("expired ");
    let next = fleet.ops().playbook(TAKE).args(["--output", "json"]);
    let ran = next.run().ok();
    let over = ran.events_of("lock.taken_over");
    assert_eq!(over.len(), 1, "{ran}");
    assert_eq!(over[0]["former"]["pid"], pid);
    assert_eq!(over[0]["hosts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_killed_run_releases_a_local_lock_at_once() {
    let fleet = Fleet::sshd(1);
    let first = holding_with(&fleet, r#"#{ scope: "local" }"#);
    let mut running = started(&first);
    let second = fleet
        .ops()
        .playbook(r#"with_lock("deploy/shop", #{ scope: "local" }, || log::info("has it"));"#)
        .env("XDG_STATE_HOME", first.state());
    let pid = format!("(pid {})", running.id());
    second.run().code(5).stderr_has(&pid);
    let other = fleet
        .ops()
        .playbook(
            r#"with_lock("deploy/shop", #{ scope: "local", wait: "1m" }, || log::info("has it"));"#,
        )
        .env("XDG_STATE_HOME", first.state());
    let mut waiting = other.start();
    waiting.wait_for("waiting");
    running.signal(Signal::KILL);
    running.wait();
    waiting.wait().ok().stdout_has("has it");
    second.run().ok().stdout_has("has it");
    // No host has been notified.
    assert!(!log_of(&fleet.hosts()[0]).exists());
}

#[test]
fn hooks_registered_under_it_run_before_its_release() {
    let fleet = Fleet::sshd(1);
    let log = log_of(&fleet.hosts()[0]);
    let ran = fleet
        .ops()
        .playbook(&format!(
            r#"
            let all = hosts("all");
            let last = || all[0].run("cat {}/1* | tail -n 1 | cut -c 1-4", #{{ reads: true }}).stdout;
            try {{
                with_lock("deploy/shop", || {{
                    finally(|| print("finally: " + last.call()));
                    on_failure(|| print("on_failure: " + last.call()));
                    fail("no");
                }});
            }} catch (failure) {{
                print(`${{failure.message}}: ` + last.call());
            }}
            "#,
            log.display()
        ))
        .run()
        .ok();
    ran.stdout_has("on_failure: held")
        .stdout_has("finally: held")
        .stdout_has("no: free");
}

/// The session of the host is busy with a command all the time; the renewal does not wait for it.
#[test]
fn renews_a_lease_while_a_command_runs() {
    let fleet = Fleet::sshd(1);
    let first = holding_with(&fleet, r#"#{ lease: "4s" }"#);
    let running = started(&first);
    let lease = log_of(&fleet.hosts()[0]).join("1000000001");
    let renewed = || {
        std::fs::metadata(&lease)
            .and_then(|meta| meta.modified())
            .ok()
    };
    let mut before = None;
    for _ in 0..3 {
        process::wait_until(
            || renewed() > before,
            || "the lease is not renewed".to_owned(),
        );
        before = renewed();
    }
    fleet.ops().playbook(TAKE).run().code(5);
    go(&fleet);
    running.wait().ok().nothing_left();
}
