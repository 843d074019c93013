//! Runs that compete for the same lock.

use super::{TAKE, age, entries, go, holding, holding_with, is_held, started};
use crate::fleet::{Fleet, Settings};

#[test]
fn the_second_run_is_told_who_holds_the_lock() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet);
    let running = started(&first);
    let pid = format!("(pid {})", running.id());
    fleet
        .ops()
        .playbook(TAKE)
        .run()
        .code(5)
        .nowhere("has it")
        .stderr_has("the lock `deploy/shop` is held on 2 hosts")
        .stderr_has(&pid)
        .stderr_has("of playbook.rhai, lock id ")
        .stderr_has("ops lock break ");
    go(&fleet);
    running.wait().ok();
    fleet.ops().playbook(TAKE).run().ok().stdout_has("has it");
    assert!(fleet.hosts().iter().all(|host| !is_held(host)));
}

#[test]
fn a_waiting_run_sees_the_holder_and_gets_the_lock() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet);
    let running = started(&first);
    let second = fleet.ops().playbook(
        r#"let all = hosts("all"); with_lock("deploy/shop", #{ wait: "1m" }, || log::info("has it"));"#,
    );
    let second = second.args(["--output", "json"]);
    let mut waiting = second.start();
    waiting.wait_for("lock.waiting");
    go(&fleet);
    running.wait().ok();
    let ran = waiting.wait().ok().stdout_has("has it");
    let waited = ran.events_of("lock.waiting");
    assert_eq!(waited.len(), 1, "{ran}");
    assert_eq!(waited[0]["holder"]["playbook"], "playbook.rhai");
    assert_eq!(waited[0]["hosts"].as_array().map(Vec::len), Some(2));
    let tokens = &ran.events_of("lock.acquired")[0]["tokens"];
    // The first run acquired it with the first entry and released it with the second.
    assert!(tokens["h1"].as_u64() >= Some(3), "{tokens}");
}

#[test]
fn a_wait_times_out() {
    let fleet = Fleet::sshd(1);
    let first = holding(&fleet);
    let _running = started(&first);
    fleet
        .ops()
        .playbook(r#"let all = hosts("all"); with_lock("deploy/shop", #{ wait: "300ms" }, || ());"#)
        .run()
        .code(5)
        .stdout_has("waiting");
}

#[test]
fn is_acquired_on_all_hosts_or_none() {
    let fleet = Fleet::sshd(3);
    let first = holding_with(&fleet, r#"#{ hosts: "h2" }"#);
    let _running = started(&first);
    fleet
        .ops()
        .playbook(TAKE)
        .run()
        .code(5)
        .stderr_has("is held on h2 by");
    let hosts = fleet.hosts();
    assert!(!is_held(&hosts[0]) && is_held(&hosts[1]) && !is_held(&hosts[2]));
}

#[test]
fn an_unreachable_host_prevents_acquiring_the_lock() {
    let fleet = Fleet::sshd(2);
    fleet.hosts()[1].vanish();
    fleet
        .ops()
        .playbook(TAKE)
        .args(["--limit", "h1"])
        .run()
        .code(4)
        .nowhere("has it")
        .stderr_has("the lock `deploy/shop` was not taken")
        .stderr_has("--limit excludes");
    assert!(!is_held(&fleet.hosts()[0]));
}

#[test]
fn a_limit_does_not_reduce_its_hosts() {
    let fleet = Fleet::sshd(2);
    let first = fleet
        .ops()
        .playbook(TAKE)
        .args(["--limit", "h1", "--output", "json"]);
    let ran = first.run().ok();
    let tokens = &ran.events_of("lock.acquired")[0]["tokens"];
    assert_eq!(
        tokens.as_object().map(serde_json::Map::len),
        Some(2),
        "{tokens}"
    );
    for host in fleet.hosts() {
        assert_eq!(entries(host).len(), 2);
    }
}

#[test]
fn a_lock_option_covers_the_whole_playbook() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet);
    let running = started(&first);
    let second = fleet
        .ops()
        .playbook(r#"each(hosts("h2"), |h| h.run("true"));"#)
        .args(["--lock", "deploy/shop", "-v"]);
    second.run().code(5).stderr_has("is held on h2");
    go(&fleet);
    running.wait().ok();
    // On the hosts that the playbook names, and on no others.
    second.run().ok().stdout_has("deploy/shop on h2, lock id");
    // On all of them if only the run can compute the hosts.
    let computed = fleet
        .ops()
        .playbook(r#"let which = "h2"; each(hosts(which), |h| h.run("true"));"#)
        .args(["--lock", "deploy/shop", "-v"]);
    computed.run().ok().stdout_has("deploy/shop on h1 and h2");
}

#[test]
fn only_one_of_simultaneous_runs_gets_it() {
    let fleet = Fleet::sshd(3);
    let all: Vec<_> = (0..4).map(|_| holding(&fleet)).collect();
    let mut running: Vec<_> = all.iter().map(crate::ops::Ops::start).collect();
    // One holds it until the others have ended.
    release_when_others_have_ended(&fleet, &mut running);
}

/// All but one exit with 5, and that one with 0.
fn release_when_others_have_ended(fleet: &Fleet, running: &mut Vec<crate::ops::Running>) {
    let fleet_dir = fleet.dir().to_owned();
    let ends: Vec<_> = std::mem::take(running)
        .into_iter()
        .map(|run| std::thread::spawn(move || run.wait()))
        .collect();
    crate::fleet::process::wait_until(
        || ends.iter().filter(|end| end.is_finished()).count() == ends.len() - 1,
        || "not exactly one run got it".to_owned(),
    );
    std::fs::write(fleet_dir.join("go"), "").expect("the fleet's directory");
    let codes: Vec<_> = ends
        .into_iter()
        .map(|end| end.join().expect("no panic").exit_code())
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == Some(0)).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == Some(5)).count(),
        3,
        "{codes:?}"
    );
}

/// Each run adds to a number with a gap between reading and writing: two simultaneous runs would lose an
/// addition.
fn runs_exclude_each_other(options: &str) {
    const RUNS: usize = 5;
    const TIMES: usize = 6;
    let fleet = Fleet::sshd(2);
    let number = fleet.dir().join("number");
    std::fs::write(&number, "0").expect("a file");
    let playbook = format!(
        r#"
        let all = hosts("all");
        for n in 0..{TIMES} {{
            with_lock("deploy/shop", #{{ wait: "2m", {options} }}, || {{
                let before = all[1].run("cat {0}", #{{ reads: true }}).stdout;
                all[0].run(`echo $(( ${{before}} + 1 )) >{0}`);
            }});
        }}
        "#,
        number.display()
    );
    let state = tempfile::tempdir().expect("a directory");
    let ops: Vec<_> = (0..RUNS)
        .map(|_| {
            fleet
                .ops()
                .playbook(&playbook)
                .env("XDG_STATE_HOME", state.path())
                .limit(std::time::Duration::from_mins(3))
        })
        .collect();
    let running: Vec<_> = ops.iter().map(crate::ops::Ops::start).collect();
    for run in running {
        run.wait().ok();
    }
    let counted = std::fs::read_to_string(&number).expect("the number");
    assert_eq!(counted.trim(), (RUNS * TIMES).to_string());
}

#[test]
fn on_hosts_runs_exclude_each_other() {
    runs_exclude_each_other(r#"scope: "hosts""#);
}

#[test]
fn on_this_machine_runs_exclude_each_other() {
    runs_exclude_each_other(r#"scope: "local""#);
}

#[test]
fn check_mode_acquires_nothing_and_reports_the_holder() {
    let fleet = Fleet::sshd(2);
    let ops = fleet.ops().playbook(TAKE).arg("--check");
    ops.run().ok().stdout_has("has it");
    assert!(
        fleet
            .hosts()
            .iter()
            .all(|host| !host.state().join("locks").exists())
    );
    let first = holding(&fleet);
    let _running = started(&first);
    let before = entries(&fleet.hosts()[0]);
    ops.run()
        .ok()
        .stdout_has("the lock `deploy/shop` is held by")
        .stdout_has("has it");
    assert_eq!(entries(&fleet.hosts()[0]), before);
}

#[test]
fn is_acquired_once_per_run_not_per_host() {
    let fleet = Fleet::sshd(1);
    let twice = r#"let all = hosts("all"); with_lock("a b", || with_lock("a b", || ()));"#;
    fleet
        .ops()
        .playbook(twice)
        .run()
        .code(3)
        .stderr_has("this run already holds the lock `a b`");
    fleet
        .ops()
        .playbook(
            r#"let all = hosts("all"); with_lock("a", || with_lock("b", || log::info("both")));"#,
        )
        .run()
        .ok()
        .stdout_has("both");
    fleet
        .ops()
        .playbook(r#"each(hosts("all"), |h| with_lock("a", || ()));"#)
        .run()
        .code(3)
        .stderr_has("cannot be called in a closure that runs for each host");
    fleet
        .ops()
        .playbook(r#"with_lock("a", || ());"#)
        .run()
        .code(3)
        .stderr_has("has not selected any hosts yet");
    fleet
        .ops()
        .playbook(r#"let all = hosts("all"); with_lock("a", #{ scope: "global" }, || ());"#)
        .run()
        .code(3)
        .stderr_has("must be \"hosts\" or \"local\"");
}

#[test]
fn works_on_every_shell() {
    for sh in ["dash", "bash", "busybox"] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let first = holding(&fleet);
        let mut running = started(&first);
        fleet.ops().playbook(TAKE).run().code(5);
        running.signal(rustix::process::Signal::STOP);
        age(&fleet.hosts()[0]);
        fleet
            .ops()
            .playbook(TAKE)
            .run()
            .ok()
            .stdout_has("its lease had expired");
        go(&fleet);
        running.signal(rustix::process::Signal::CONT);
        running
            .wait()
            .code(5)
            .stderr_has("is no longer held by this run");
        let root = fleet.hosts()[0].root();
        assert_eq!(
            std::fs::read_dir(root).expect("the root").count(),
            0,
            "{sh}"
        );
        let log = entries(&fleet.hosts()[0]);
        assert_eq!(log.len(), 3, "{sh}: {log:?}");
    }
}

/// The entries of a log are not kept forever, and its numbers continue.
#[test]
fn deletes_old_entries() {
    let fleet = Fleet::sshd(1);
    let ran = fleet
        .ops()
        .playbook(r#"let all = hosts("all"); for n in 0..30 { with_lock("deploy/shop", || ()); }"#)
        .args(["--output", "json"])
        .run()
        .ok();
    let acquired = ran.events_of("lock.acquired");
    assert_eq!(acquired[29]["tokens"]["h1"], 59);
    let left = entries(&fleet.hosts()[0]).len();
    assert!(left <= 23, "{left}");
    let dir = std::fs::read_dir(super::log_of(&fleet.hosts()[0])).expect("the log");
    assert_eq!(dir.count(), left, "only entries are left");
}

/// Two names of one machine are one host.
#[test]
fn two_names_of_one_machine_do_not_exclude_each_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path().display();
    let inventory = format!(
        "[all]\na ansible_connection=local ops_state_dir={state}\nb ansible_connection=local ops_state_dir={state}\n"
    );
    let ops = crate::ops::Ops::new()
        .inventory_named("hosts.ini", &inventory)
        .playbook(
            r#"let all = hosts("all"); for n in 0..10 { with_lock("x", || each(all, |h| h.run("true"))); }"#,
        );
    ops.run().ok().nowhere("warning");
}

#[test]
fn names_a_host_that_cannot_hold_it() {
    crate::ops::Ops::new()
        .inventory_named(
            "hosts.ini",
            "[all]\na ansible_connection=local ops_state_dir=/proc/none\n",
        )
        .playbook(TAKE)
        .run()
        .code(3)
        .stderr_has("the host cannot store locks in the state directory of ops")
        .stderr_has("/proc/none");
}
