//! How a task's file declares it.

use std::sync::Arc;

use super::surroundings::Surroundings;
use crate::declare::{self, ArgumentError, Arguments};
use crate::task::Task;

/// A built-in task: what a playbook calls, and what makes it.
pub type Entry = declare::Entry<Make>;

/// Makes a task. It may ask the playbook for files and variables.
pub type Make = fn(Arguments, &dyn Surroundings) -> Result<Arc<dyn Task>, ArgumentError>;

/// Declares the task of a file as its constant `TASK`.
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
