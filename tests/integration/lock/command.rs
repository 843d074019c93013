//! `ops lock`.

use super::{TAKE, go, holding, holding_with, started};
use crate::fleet::Fleet;

#[test]
fn lists_holders_locks_and_hosts() {
    let fleet = Fleet::sshd(2);
    fleet
        .ops()
        .args(["lock", "list"])
        .run()
        .ok()
        .stdout_has("No locks are held.");
    fleet.ops().playbook(TAKE).run().ok();
    let list = fleet.ops().args(["lock", "list"]);
    list.run().ok().stdout_has("No locks are held.");
    let show = fleet.ops().args(["lock", "show", "deploy/shop"]);
    show.run().ok().stdout_has("is free. It was released at ");

    let first = holding(&fleet);
    let running = started(&first);
    let pid = format!("pid {}", running.id());
    list.run()
        .ok()
        .stdout_has("deploy/shop")
        .stdout_has(&pid)
        .stdout_has("h1, h2")
        .stdout_has("in 1 min ");
    show.run()
        .ok()
        .stdout_has("lock     deploy/shop")
        .stdout_has(&pid)
        .stdout_has("host     h2 (token 3)");
    let json = fleet.ops().args(["lock", "list", "--json"]).run().ok();
    let held: serde_json::Value = serde_json::from_str(&json.stdout).expect("one lock");
    assert_eq!(held["holder"]["playbook"], "playbook.rhai");
    assert_eq!(held["hosts"]["h1"], 3);
    // `ops lock list` leaves no run behind.
    assert!(!list.state().join("ops/runs").exists());
    go(&fleet);
    running.wait().ok();
}

#[test]
fn reports_an_unreachable_host() {
    let fleet = Fleet::sshd(2);
    let first = holding(&fleet);
    let _running = started(&first);
    fleet.hosts()[1].vanish();
    fleet
        .ops()
        .args(["lock", "list"])
        .run()
        .code(4)
        .stdout_has("h1")
        .stderr_has("h2");
}

#[test]
fn lists_and_breaks_a_local_lock() {
    let fleet = Fleet::sshd(1);
    let first = holding_with(&fleet, r#"#{ scope: "local" }"#);
    let running = started(&first);
    let here = |args: &[&str]| fleet.ops().args(args).env("XDG_STATE_HOME", first.state());
    let json = here(&["lock", "list", "--json"]).run().ok();
    let held: serde_json::Value = serde_json::from_str(&json.stdout).expect("one lock");
    assert_eq!(held["scope"], "local");
    let id = held["id"].as_str().expect("an id");
    here(&["lock", "break", id])
        .run()
        .code(3)
        .stderr_has("but there is no terminal");
    here(&["lock", "break", id, "--yes"])
        .run()
        .ok()
        .stdout_has("broken");
    go(&fleet);
    running.wait().code(5).stderr_has("ops lock break");
    assert!(!fleet.hosts()[0].root().join("after").exists());
}
