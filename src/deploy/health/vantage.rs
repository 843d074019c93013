//! From where a check looks.

use crate::checks;
use crate::run::HostHandle;

/// A check, and from where it looks.
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

/// From where it is looked.
#[derive(Clone, Default)]
pub enum Vantage {
    /// From the host that is checked.
    #[default]
    Host,
    /// From the machine that ops runs on, as the user who runs it.
    Controller,
    /// From another host, as that user of it.
    Other(HostHandle),
}

impl Vantage {
    /// As an event tells it: `host`, `controller`, or the name of the other host.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Controller => "controller",
            Self::Other(host) => host.name(),
        }
    }
}
