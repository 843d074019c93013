//! What `--output` offers: each reporter for standard output says its name, its help and when it is the
//! default.

use super::{Settings, Terminal};
use crate::model::Reporter;

/// A reporter that `--output` offers.
#[derive(Debug)]
pub struct Output {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, as `--help` says it.
    pub help: &'static str,
    /// Standard output is for a program then: ops prints nothing else there.
    pub is_data: bool,
    /// Whether it is the default in this environment.
    pub is_default: fn() -> bool,
    pub open: fn(Settings) -> Opened,
}

/// A reporter that is ready, and the terminal that it draws on, if it draws.
pub struct Opened {
    pub reporter: Box<dyn Reporter>,
    pub terminal: Option<Terminal>,
}

impl Opened {
    /// A reporter that only writes.
    pub(super) fn writing(reporter: impl Reporter + 'static) -> Self {
        Self {
            reporter: Box::new(reporter),
            terminal: None,
        }
    }
}

impl Output {
    /// The reporters in the order in which `--help` lists them.
    pub const ALL: &'static [Self] = super::OUTPUTS;

    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|output| output.name == name)
    }

    /// The reporter for this environment: the one of the CI system whose job this is, `live` on a terminal,
    /// else `plain`.
    #[must_use]
    pub fn default_here() -> &'static Self {
        // A CI system before the terminal: the later one in the list.
        let default = Self::ALL.iter().rfind(|output| (output.is_default)());
        default.unwrap_or(&super::plain::OUTPUT)
    }
}

/// Whether a CI system has set this variable to `true`, as they do to name themselves.
pub(super) fn is_true(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "true")
}
