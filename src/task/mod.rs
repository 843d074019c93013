//! The contract of a task, and the planner of a batch. Pure: nothing here talks to a host.
//!
//! A [`Task`] names what it has to know ([`Query`]), and turns what was found ([`Found`]) into a [`Plan`]:
//! nothing, a [`Change`] or *unknown*. The [`Planner`] puts the queries of many tasks into one request and
//! decides which changes may share one. Who sends requests is `run`'s business.
//!
//! Laws that hold for every task, and that the tests hold against each:
//!
//! 1. a query writes nothing;
//! 2. after `apply`, the same queries lead to [`Plan::Unchanged`] (unless the change is not provable);
//! 3. after `undo`, the host is as it was before `apply`;
//! 4. `plan` is a function of the task and of what was found, and of nothing else.

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

pub use change::{Body, Change, Effect, Judge, Seen, Text, Undoes};
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

/// What a plan comes to.
#[derive(Debug)]
pub enum Plan {
    /// The host is as the task wants it.
    Unchanged,
    Change(Box<Change>),
    /// Nothing tells what the task would do. The reason is a lower-case fragment.
    Unknown(String),
    /// The answers so far do not suffice: these are needed too. A plan that has asked once for
    /// something and has got it must not ask for it again.
    Ask(Vec<Query>),
    /// The task can never work on this host: `no such user: shop`. A lower-case fragment.
    Impossible(String),
    /// The run was cancelled while a closure of the playbook decided.
    Interrupted,
}

/// Something that a host is to be, and the way to get there. One file each in `src/tasks/`.
pub trait Task: Send + Sync {
    /// The function's name and the subject, as a user reads them: `files::file /etc/motd`.
    fn label(&self) -> String;

    /// What must be known before [`Task::plan`] can decide. A task that asks nothing is run without a probe
    /// and is exempt from the proof.
    fn queries(&self) -> Vec<Query>;

    /// What the queries' answers depend on beyond what the queries say themselves, and what a change may
    /// alter.
    fn touches(&self) -> Touches;

    /// Whether it may decide on what an earlier change of the same request says that it leaves
    /// ([`Change::leaves`]), instead of waiting until the host has shown it. Only for a task whose scripts are right
    /// whenever that is what the host shows by then.
    fn plans_ahead(&self) -> bool {
        false
    }

    /// What a user should know where there is nothing to do, by the answers that led to it.
    fn remark(&self, _: &Found) -> Option<String> {
        None
    }

    /// Whether in check mode it can decide on what the host shows now and on what of it earlier changes would alter
    /// ([`Found::altered`]).
    fn foresees(&self) -> bool {
        false
    }

    /// What a change of it needs to find on the host: in check mode, one that would not is told as the failure that it would be.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// Decides. Pure.
    fn plan(&self, found: &Found) -> Plan;
}
