//! The contract of a task, and the planner of a batch. Pure: nothing here talks to a host.
//!
//! A [`Task`] names the queries that it needs ([`Query`]), and turns the answers ([`Found`]) into a
//! [`Plan`]: nothing, a [`Change`] or *unknown*. The [`Planner`] puts the queries of many tasks into one
//! request and decides which changes may share one. `run` sends the requests.
//!
//! Laws that hold for every task, and that the tests check for each:
//!
//! 1. a query writes nothing;
//! 2. after `apply`, the same queries lead to [`Plan::Unchanged`] (unless the change is not provable);
//! 3. after `undo`, the host is as it was before `apply`;
//! 4. `plan` is a function of the task and of the answers, and of nothing else.

mod before;
mod brings;
mod change;
mod check;
mod decision;
mod found;
mod group;
mod need;
mod next;
mod outlook;
mod planner;
mod prelude;
mod query;
mod ran;
mod resource;
mod run_mode;
#[cfg(test)]
mod tests;

pub use change::{Body, Change, Effect, Form, Judge, Seen, Text, Undoes, sent_script};
pub use decision::Decision;
pub use found::{Answer, Found, Installed, PathKind, PathState, Stat};
pub use need::{Lack, Need};
pub use next::{Next, Planned};
pub use outlook::Outlook;
pub use planner::Planner;
pub use prelude::{functions, script};
pub use query::{MISSING_LINKS, Query, Sections, UPTIME, answers, render};
pub use ran::Ran;
pub use resource::{Resource, Touches};
pub use run_mode::RunMode;

/// The result of planning.
#[derive(Debug)]
pub enum Plan {
    /// The host is in the desired state.
    Unchanged,
    Change(Box<Change>),
    /// ops cannot determine what the task would do. The reason is a lower-case fragment.
    Unknown(String),
    /// The answers so far are not enough: these are needed too. A plan must not ask again for something
    /// that it has asked for and received.
    Ask(Vec<Query>),
    /// The task can never work on this host: `no such user: shop`. A lower-case fragment.
    Impossible(String),
    /// The run was cancelled while a closure of the playbook was deciding.
    Interrupted,
}

/// A desired state of a host, and how to reach it. One file each in `src/tasks/`.
pub trait Task: Send + Sync {
    /// The function's name and the subject, as shown to users: `files::file /etc/motd`.
    fn label(&self) -> String;

    /// What must be known before [`Task::plan`] can decide. A task without queries runs without a probe and
    /// is exempt from the proof.
    fn queries(&self) -> Vec<Query>;

    /// What the answers depend on beyond what the queries themselves say, and what a change may alter.
    fn touches(&self) -> Touches;

    /// Whether it may decide from what an earlier change of the same request predicts ([`Change::leaves`]),
    /// instead of waiting until the host has shown it. Only for a task whose scripts are correct whenever
    /// the prediction is.
    fn plans_ahead(&self) -> bool {
        false
    }

    /// What it sends, for a task without queries: two of them with the same label are told apart by it.
    fn sent(&self) -> Option<&str> {
        None
    }

    /// What a user should know if there is nothing to do, from the answers that led to it.
    fn remark(&self, _: &Found) -> Option<String> {
        None
    }

    /// Whether in check mode it can decide from the current answers and from what earlier changes would
    /// alter of them ([`Found::altered`]).
    fn foresees(&self) -> bool {
        false
    }

    /// What its change needs to find on the host: in check mode, a change that would not find it is
    /// reported as the failure that it would be.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// Decides. Pure.
    fn plan(&self, found: &Found) -> Plan;
}
