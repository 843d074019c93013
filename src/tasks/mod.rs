//! The built-in tasks, one file each. A playbook calls them by the names in [`TASKS`].
//!
//! A task's file has its options (a struct that serde reads), a constructor, the [`Task`](crate::task::Task) itself and a
//! `task!` declaration with the manual page. docs/adding-a-task.md goes through one. What several tasks
//! share has a file too: modes, owners, paths of a host, contents and how they land.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every constructor takes and returns what `task!` hands on"
)]

mod absent;
mod archives;
mod arguments;
mod attributes;
#[cfg(test)]
mod checked;
mod commands;
mod compressed;
mod content;
mod directory;
mod entry;
mod entry_path;
mod file;
mod host_path;
mod landing;
mod line;
mod line_edit;
mod line_pattern;
mod link;
mod mode;
mod one_or_many;
mod ownership;
mod packages;
mod services;
mod span;
mod template;
mod users;
mod value;

use entry::task;

pub use archives::Artifact;
pub use arguments::{ArgumentError, Arguments, Place, Surroundings, unknown_option};
pub use content::{Content, LARGEST_HELD};
pub use entry::{Entry, Parameter, fields, is_optional};
pub use entry_path::EntryPath;
pub use host_path::HostPath;
pub use mode::Mode;
pub use ownership::Ownership;
pub use span::Span;
pub use value::{Unfit, Value};

/// Every built-in task, in the order of the reference.
pub const TASKS: &[Entry] = &[
    directory::DIRECTORY,
    file::FILE,
    template::TEMPLATE,
    link::LINK,
    line::LINE,
    absent::ABSENT,
    archives::UNPACKED,
    packages::INSTALLED,
    packages::ABSENT,
    users::PRESENT,
    users::ABSENT,
    users::GROUP_PRESENT,
    users::GROUP_ABSENT,
    services::RUNNING,
    services::STOPPED,
    services::ENABLED,
    services::DISABLED,
    commands::RUN,
];

/// The task that a playbook calls `namespace::name`.
#[must_use]
pub fn find(namespace: &str, name: &str) -> Option<&'static Entry> {
    TASKS
        .iter()
        .find(|entry| entry.namespace == namespace && entry.name == name)
}
