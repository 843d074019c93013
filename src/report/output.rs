//! What `--output` offers: each reporter for standard output says its name, its help and when it is the
//! default.

use super::settings::Settings;
use super::terminal::Terminal;
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
