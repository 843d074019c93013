//! The language, as a user meets it: what a playbook can say, and what comes of it on the hosts.

mod apply;
mod bytes;
mod clean_up;
mod control;
mod each;
mod ends;
mod kept;
mod library;
mod reading;
mod secrets;
mod undo;
mod values;

use std::path::PathBuf;

use crate::ops::Ops;

/// `n` hosts, `h1` and on, that are this machine, each with a directory of its own: `h.vars.root`.
pub fn local(n: usize) -> Ops {
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

/// Below a host's directory.
fn on(ops: &Ops, host: &str, name: &str) -> PathBuf {
    ops.path(host).join(name)
}

/// The text of a file below a host's directory; nothing where there is none.
fn text(ops: &Ops, host: &str, name: &str) -> String {
    std::fs::read_to_string(on(ops, host, name)).unwrap_or_default()
}
