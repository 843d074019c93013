//! How a task's file declares the task.

use std::sync::Arc;

use super::surroundings::Surroundings;
use crate::declare::{self, ArgumentError, Arguments};
use crate::task::Task;

/// A built-in task: what a playbook calls, and the constructor behind it.
pub type Entry = declare::Entry<Make>;

/// Constructs a task. It may ask the playbook for files and variables.
pub(crate) type Make = fn(Arguments, &dyn Surroundings) -> Result<Arc<dyn Task>, ArgumentError>;

/// Declares the task of a file as the constant `TASK`.
///
/// ```text
/// task! {
///     /// Ensures the directory exists.
///     files::directory(path: HostPath; Options) => Directory::new
/// }
/// ```
macro_rules! task {
    ($($declaration:tt)+) => {
        $crate::declare::declare! { TASK: $crate::tasks::Entry; $($declaration)+ }
    };
}
pub(super) use task;
