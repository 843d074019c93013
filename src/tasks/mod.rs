//! The built-in tasks: `NAMESPACE/STATE.rs` has the task that a playbook calls `NAMESPACE::STATE`.
//!
//! A task's file has its options, a constructor, the [`Task`](crate::task::Task) itself and a `task!`
//! declaration with the manual page. docs/adding-things.md goes through one. What tasks of several
//! namespaces share is in [`fs`] (paths, modes, owners, contents and how files are written) and in
//! `accounts`.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every constructor takes and returns what `task!` passes on"
)]

mod accounts;
mod archives;
#[cfg(test)]
mod checked;
mod commands;
mod entry;
mod files;
mod fs;
mod groups;
mod packages;
mod services;
mod surroundings;
mod users;

pub use entry::Entry;
pub use fs::{Artifact, Content, LARGEST_HELD};
pub use surroundings::Surroundings;

/// Every built-in task, in the order of the reference.
pub const TASKS: &[Entry] = &[
    files::directory::TASK,
    files::file::TASK,
    files::template::TASK,
    files::link::TASK,
    files::line::TASK,
    files::absent::TASK,
    archives::unpacked::TASK,
    packages::installed::TASK,
    packages::absent::TASK,
    users::present::TASK,
    users::absent::TASK,
    groups::present::TASK,
    groups::absent::TASK,
    services::running::TASK,
    services::stopped::TASK,
    services::enabled::TASK,
    services::disabled::TASK,
    commands::run::TASK,
];

/// The task that a playbook calls `namespace::name`.
#[must_use]
pub fn find(namespace: &str, name: &str) -> Option<&'static Entry> {
    TASKS
        .iter()
        .find(|entry| entry.namespace == namespace && entry.name == name)
}
