//! Locks: of all runs that compete for one, only one holds it, and a host refuses a run that lost it.

mod command;
mod contest;
mod cost;
mod ends;
mod fence;
mod shared;

use std::path::PathBuf;

use crate::fleet::{Fleet, Sshd};
use crate::ops::{Ops, Running};
use crate::ran::Ran;

/// Holds the lock `deploy/shop` until the file `go` exists, and then changes the hosts.
pub(crate) fn holding(fleet: &Fleet) -> Ops {
    holding_with(fleet, "#{}")
}

/// The same with options.
pub(crate) fn holding_with(fleet: &Fleet, options: &str) -> Ops {
    let dir = fleet.dir().display();
    fleet.ops().playbook(&format!(
        r#"
        let all = hosts("all");
        with_lock("deploy/shop", {options}, || {{
            log::info("has it");
            each(all, |h| {{
                h.run("while [ ! -e {dir}/go ]; do sleep 0.02; done", #{{ reads: true }});
                let big = "";
                big.pad(300000, "x");
                h.apply([
                    files::file(`{dir}/${{h.name}}/root/after`, "x\n"),
                    files::file(`{dir}/${{h.name}}/root/big`, big),
                ]);
            }});
        }});
        "#
    ))
}

/// Lets the holders continue.
pub(crate) fn go(fleet: &Fleet) {
    std::fs::write(fleet.dir().join("go"), "").expect("the fleet's directory");
}

/// Starts it and waits until it holds the lock.
pub(crate) fn started(ops: &Ops) -> Running {
    let mut running = ops.start();
    running.wait_for("has it");
    running
}

/// Acquires the lock, and prints that.
pub(crate) const TAKE: &str =
    r#"let all = hosts("all"); with_lock("deploy/shop", || print("has" + " it"));"#;

/// Returns the log of the lock `deploy/shop` on a host.
pub(crate) fn log_of(host: &Sshd) -> PathBuf {
    host.state().join("locks/deploy%2Fshop")
}

/// Returns the entries of the log in order.
pub(crate) fn entries(host: &Sshd) -> Vec<String> {
    let Ok(dir) = std::fs::read_dir(log_of(host)) else {
        return Vec::new();
    };
    let mut entries: Vec<PathBuf> = dir
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('1'))
        })
        .collect();
    entries.sort();
    entries
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("an entry is text"))
        .collect()
}

/// Whether the highest entry says that a run holds the lock.
pub(crate) fn is_held(host: &Sshd) -> bool {
    entries(host)
        .last()
        .is_some_and(|entry| entry.starts_with("held"))
}

/// Makes the files in the log of the lock ten minutes old, as if no run had renewed it.
pub(crate) fn age(host: &Sshd) {
    let past = std::time::SystemTime::now() - std::time::Duration::from_mins(10);
    for entry in std::fs::read_dir(log_of(host)).expect("the log") {
        let file = std::fs::File::open(entry.expect("an entry").path()).expect("it opens");
        file.set_modified(past).expect("the time of a file of ours");
    }
}

/// Returns the id of the lock that a run acquired.
pub(crate) fn id_of(ran: &Ran) -> String {
    ran.events_of("lock.acquired")[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}
