//! A host refuses changes of a run whose lock another run has acquired.

use rustix::process::Signal;

use super::{TAKE, age, go, holding, id_of, started};
use crate::fleet::Fleet;

/// The controller slept longer than its lease, as a laptop does, and another run acquired the lock meanwhile.
#[test]
fn a_run_that_slept_beyond_its_lease_changes_nothing() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet).args(["--output", "json"]);
    let mut running = started(&first);
    running.signal(Signal::STOP);
    for host in fleet.hosts() {
        age(host);
    }
    let second = holding(&fleet);
    let mut next = started(&second);
    let roots: Vec<_> = fleet.hosts().iter().map(crate::fleet::Sshd::root).collect();
    let touched = || {
        roots
            .iter()
            .map(|root| root.metadata().expect("the root").modified().ok())
            .collect::<Vec<_>>()
    };
    let before = touched();
    // The sleeping run continues with its changes; the other one waits.
    running.signal(Signal::CONT);
    let pid = next.id();
    next.signal(Signal::STOP);
    go(&fleet);
    let ran = running.wait().code(5);
    assert_eq!(ran.events_of("lock.lost").len(), 1, "{ran}");
    assert_eq!(ran.events_of("lock.lost")[0]["holder"]["pid"], pid);
    let finished = ran.events_of("task.finished");
    let refused = finished
        .iter()
        .filter(|event| event["failure"]["kind"] == "held");
    assert!(refused.count() >= 1, "{ran}");
    assert!(ran.events_of("lock.released").is_empty(), "{ran}");
    drop(next);
    assert_eq!(touched(), before, "not even a temporary file was created");
}

#[test]
fn a_run_that_lost_it_runs_no_command_and_undoes_nothing() {
    let fleet = Fleet::sshd(1);
    let dir = fleet.dir().display().to_string();
    let first = fleet.ops().playbook(&format!(
        r#"
        let all = hosts("all");
        with_lock("deploy/shop", || each(all, |h| {{
            on_failure(|| h.undo());
            h.apply(files::file(`{dir}/${{h.name}}/root/before`, "x\n"));
            log::info("has it");
            h.run("while [ ! -e {dir}/go ]; do sleep 0.02; done", #{{ reads: true }});
            log::info(h.read(`{dir}/${{h.name}}/root/before`));
            h.run(`touch {dir}/${{h.name}}/root/after`);
        }}));
        "#
    ));
    let mut running = started(&first);
    running.signal(Signal::STOP);
    age(&fleet.hosts()[0]);
    fleet.ops().playbook(TAKE).run().ok();
    go(&fleet);
    running.signal(Signal::CONT);
    let ran = running.wait().code(5);
    let root = fleet.hosts()[0].root();
    assert!(
        root.join("before").exists() && !root.join("after").exists(),
        "{ran}"
    );
    ran.stdout_has("a clean-up failed");
}

#[test]
fn a_run_that_slept_and_kept_the_lock_continues() {
    let fleet = Fleet::sshd(1);
    let first = holding(&fleet);
    let mut running = started(&first);
    running.signal(Signal::STOP);
    age(&fleet.hosts()[0]);
    go(&fleet);
    running.signal(Signal::CONT);
    running.wait().ok();
    assert!(fleet.hosts()[0].root().join("after").exists());
}

#[test]
fn a_broken_lock_fences_off_its_holder() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet).args(["--output", "json"]);
    let running = started(&first);
    let listed = fleet.ops().args(["lock", "list", "--json"]).run().ok();
    let held: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one lock");
    let id = held["id"].as_str().expect("an id");
    let breaker = fleet.ops().args(["lock", "break", id, "--yes"]);
    breaker.run().ok().stdout_has("deploy/shop on h1 and h2");
    go(&fleet);
    let ran = running.wait().code(5);
    assert!(
        ran.events_of("lock.lost")[0]["reason"]
            .as_str()
            .expect("a reason")
            .contains("ops lock break")
    );
    assert_eq!(id_of(&ran), id);
    assert!(!fleet.hosts()[0].root().join("after").exists());
    // The break is recorded, and the second time there is nothing to break.
    let history = crate::ops::Ops::new().arg("history");
    let history = history.env("XDG_STATE_HOME", breaker.state());
    history.run().ok().stdout_has(&format!("lock break {id}"));
    fleet
        .ops()
        .args(["lock", "break", id, "--yes"])
        .run()
        .code(3)
        .stderr_has("no lock with the id");
    fleet.ops().playbook(TAKE).run().ok();
}
