//! `ops`: deployments as Rhai scripts, applied to many hosts over SSH.
//!
//! # The layers
//!
//! Imports run one way, from the bottom of this list to the top, and the files of a layer do not import each
//! other in a cycle; `tests/integration/architecture/` checks both.
//!
//! | layer | what it knows |
//! |---|---|
//! | [`model`] | hosts, outcomes, events, secrets: plain data, no I/O |
//! | [`template`] | the template language of inventories and of files |
//! | [`inventory`] | reading inventories into the model |
//! | [`ssh`] | an SSH client: configuration, host keys, login, connections; imports no other layer |
//! | [`shell`] | quoting, and the framed protocol that turns a POSIX `sh` into a server |
//! | [`transport`] | ways to reach a `sh`: SSH, a local child process, any command |
//! | [`task`] | the contract of a task, the queries it may send to a host, and the planner of a batch
//! (pure) |
//! | [`declare`] | declaring once what a playbook can call |
//! | [`tasks`] | the tasks: `NAMESPACE/STATE.rs` (pure) |
//! | [`checks`] | the kinds of health checks, one file each (pure) |
//! | [`store`] | where runs are stored on the controller |
//! | [`report`] | what the user sees: one file a reporter |
//! | [`run`] | a batch on a host, fan-out, cancellation, the journal, the dispatcher of events |
//! | [`deploy`] | the parts of a deployment other than tasks: mechanisms, driven by closures |
//! | [`script`] | everything that depends on Rhai |
//! | [`cli`] | one file a subcommand; wires the rest |

pub mod checks;
pub mod cli;
pub mod declare;
pub mod deploy;
pub mod inventory;
pub mod model;
pub mod report;
pub mod run;
pub mod script;
pub mod shell;
pub mod ssh;
pub mod store;
pub mod task;
pub mod tasks;
pub mod template;
pub mod transport;

#[cfg(test)]
#[path = "../tests/generation.rs"]
mod generation;
