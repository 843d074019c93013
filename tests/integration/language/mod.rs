//! The language as a user sees it: what a playbook can contain, and its effect on the hosts.

mod apply;
mod bytes;
mod clean_up;
mod control;
mod each;
mod ends;
mod identity;
mod kept;
mod library;
mod reading;
mod secrets;
mod undo;
mod values;

use std::path::PathBuf;

use crate::ops::Ops;

/// Returns `n` hosts, `h1` and so on, that are this machine, each with its own directory: `h.vars.root`.
pub(crate) fn local(n: usize) -> Ops {
    let ops = Ops::new();
    let mut inventory = String::new();
    for at in 1..=n {
        let root = ops.path(&format!("h{at}"));
        std::fs::create_dir(&root).expect("the host's directory");
        let root = root.display();
        inventory.push_str(&format!(
            "h{at} ansible_connection=local root={root} ops_state_dir={root}/.state\n"
        ));
    }
    ops.inventory_named("hosts.ini", &inventory)
}

/// Returns a path below the directory of a host.
fn on(ops: &Ops, host: &str, name: &str) -> PathBuf {
    ops.path(host).join(name)
}

/// Returns the text of a file below the directory of a host, or an empty string.
fn text(ops: &Ops, host: &str, name: &str) -> String {
    std::fs::read_to_string(on(ops, host, name)).unwrap_or_default()
}
