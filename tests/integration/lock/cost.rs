//! What a lock costs, and whom it reaches.

use std::time::Duration;

use super::{go, holding_with, started};
use crate::fleet::{Container, Fleet, Image, Settings, process};

/// Longer than either side takes to send all parts of what it has to say.
const ROUND_TRIP: Duration = Duration::from_millis(600);

/// Taking it travels with the connection, and giving it back is a round trip; the guard of each change costs
/// none.
#[test]
fn a_lock_costs_two_round_trips_and_its_guard_none() {
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(ROUND_TRIP));
    let round_trips = |playbook: &str| {
        let ops = fleet.ops().playbook(playbook);
        fleet.hosts()[0].round_trips(|| drop(ops.run().ok()))
    };
    let playbook = |options: &str, lock: bool| {
        let each = format!(r#"each(all, |h| {{ for n in 0..10 {{ h.run("true"{options}); }} }})"#);
        if lock {
            format!(r#"let all = hosts("all"); with_lock("a", || {each});"#)
        } else {
            format!(r#"let all = hosts("all"); {each};"#)
        }
    };
    let (reads, changes) = (", #{ reads: true }", "");
    let free = round_trips(&playbook(changes, false));
    let unguarded = round_trips(&playbook(reads, true));
    let guarded = round_trips(&playbook(changes, true));
    assert_eq!((unguarded, guarded), (free + 2, free + 2));
}

/// Where the server grants one session only, the lease is renewed in between.
#[test]
fn a_lease_is_renewed_where_there_is_but_one_session() {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("MaxSessions 1"));
    let dir = fleet.dir().display();
    let ops = fleet.ops().playbook(&format!(
        r#"
        let all = hosts("all");
        with_lock("deploy/shop", #{{ lease: "4s" }}, || {{
            log::info("has it");
            each(all, |h| {{
                let there = false;
                while !there {{
                    there = h.run("test -e {dir}/go", #{{ reads: true, ok: [0, 1] }}).code == 0;
                    sleep(0.02);
                }}
            }});
        }});
        "#
    ));
    let running = started(&ops);
    let lease = super::log_of(&fleet.hosts()[0]).join("1000000001");
    let renewed = || {
        std::fs::metadata(&lease)
            .and_then(|meta| meta.modified())
            .ok()
    };
    let mut before = None;
    for _ in 0..2 {
        process::wait_until(
            || renewed() > before,
            || "the lease is not renewed".to_owned(),
        );
        before = renewed();
    }
    go(&fleet);
    running.wait().ok().nothing_left();
}

/// The files of the lock are its user's. Root sees them; for others its user looks.
#[test]
fn what_is_done_as_another_user_is_fenced_too() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    for user in ["deploy", "root", "plain"] {
        let lock = format!("deploy/for-{user}");
        let ops = host.ops(&["deploy"]).playbook(&format!(
            r#"
            let all = hosts("all");
            with_lock("{lock}", || each(all, |h| {{
                h.become("{user}").run("touch /tmp/{user}-before");
                log::info("has it");
                h.run("while [ ! -e /tmp/{user}-go ]; do sleep 0.02; done", #{{ reads: true }});
                h.become("{user}").run("touch /tmp/{user}-after");
            }}));
            "#
        ));
        let running = started(&ops);
        let listed = host
            .ops(&["deploy"])
            .args(["lock", "list", "--json"])
            .run()
            .ok();
        let held: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one lock");
        assert_eq!(held["lock"], lock);
        let id = held["id"].as_str().expect("an id");
        host.ops(&["deploy"])
            .args(["lock", "break", id, "--yes"])
            .run()
            .ok();
        host.look(&format!("touch /tmp/{user}-go"));
        running
            .wait()
            .code(5)
            .stderr_has("is no longer held by this run");
        let left = host.look(&format!(
            "ls -d /tmp/{user}-before /tmp/{user}-after 2>/dev/null || :"
        ));
        assert_eq!(left.trim(), format!("/tmp/{user}-before"));
    }
}

/// What was not there before the lock was lost does not exist after: no directory for a body either.
#[test]
fn a_refused_change_makes_no_directory() {
    let fleet = Fleet::sshd(1);
    let dir = fleet.dir().display();
    let before = holding_with(&fleet, "#{}");
    let ops = before.playbook(&format!(
        r#"
        let all = hosts("all");
        with_lock("deploy/shop", || each(all, |h| {{
            log::info("has it");
            h.run("while [ ! -e {dir}/go ]; do sleep 0.02; done", #{{ reads: true }});
            let big = "";
            big.pad(300000, "x");
            h.apply([
                files::directory(`{dir}/${{h.name}}/root/new`),
                files::file(`{dir}/${{h.name}}/root/new/big`, big),
            ]);
        }}));
        "#
    ));
    let running = started(&ops);
    // The record on the host is gone, as with a disk that was wiped: that is no lock either.
    std::fs::remove_dir_all(super::log_of(&fleet.hosts()[0])).expect("the log");
    go(&fleet);
    running
        .wait()
        .code(5)
        .stderr_has("its record on the host is gone");
    let root = fleet.hosts()[0].root();
    assert_eq!(std::fs::read_dir(root).expect("the root").count(), 0);
}
