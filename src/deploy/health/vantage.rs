//! Where a check runs.

use crate::checks;
use crate::run::HostHandle;

/// A check, and where it runs.
#[derive(Clone)]
pub struct Check {
    pub what: checks::Check,
    pub vantage: Vantage,
}

impl std::ops::Deref for Check {
    type Target = checks::Check;

    fn deref(&self) -> &checks::Check {
        &self.what
    }
}

/// Where a check runs.
#[derive(Clone, Default)]
pub enum Vantage {
    /// On the host that is checked.
    #[default]
    Host,
    /// On the controller, as the user who runs ops.
    Controller,
    /// On another host, as the user of its connection.
    Other(HostHandle),
}

impl Vantage {
    /// The form in events: `host`, `controller`, or the name of the other host.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Controller => "controller",
            Self::Other(host) => host.name(),
        }
    }
}
