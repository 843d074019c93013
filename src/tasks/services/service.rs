//! A systemd unit and its desired state.

use super::unit_name::UnitName;
use crate::declare::Span;
use crate::task::Query;
use crate::tasks::fs::HostPath;

/// The desired state of a unit. What is `None` stays as it is.
pub(crate) struct Service {
    /// The function that the playbook called.
    pub called: &'static str,
    pub name: UnitName,
    pub active: Option<bool>,
    pub enabled: Option<bool>,
    pub restart_on: Vec<HostPath>,
    pub reload_on: Vec<HostPath>,
    pub settle: Option<Span>,
    pub timeout: Option<Span>,
}

impl Service {
    pub(crate) fn new(
        called: &'static str,
        name: UnitName,
        active: Option<bool>,
        enabled: Option<bool>,
    ) -> Self {
        Self {
            called,
            name,
            active,
            enabled,
            restart_on: Vec::new(),
            reload_on: Vec::new(),
            settle: None,
            timeout: None,
        }
    }

    pub(crate) fn unit_query(&self) -> Query {
        Query::Unit(self.name.to_string())
    }

    pub(crate) fn stamp_query(&self) -> Query {
        Query::Stamp(self.name.to_string())
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = &HostPath> {
        self.restart_on.iter().chain(&self.reload_on)
    }
}
