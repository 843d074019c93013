//! `--output gitlab`: a plain log with sections that GitLab folds up.
//!
//! A section begins and ends with a marker that contains a carriage return and an escape character. Both are
//! escaped in texts of hosts and playbooks, so none of these can make a section.

use std::io::{self, Write};

use jiff::Timestamp;

use super::grouped::{Dialect, Grouped};
use super::output::{Opened, Output};
use super::runner::is_true;
use super::{Settings, View};
use crate::model::{Event, Reporter, Scrubbed};

pub(super) const OUTPUT: Output = Output {
    name: "gitlab",
    help: "Plain, with sections for GitLab CI",
    is_data: false,
    is_default: || is_true("GITLAB_CI") && !super::runner::is_step(),
    open: |settings| Opened::writing(Gitlab::stdout(settings)),
};

/// Writes for the log of a GitLab job.
pub struct Gitlab(Grouped<Sections>);

/// Numbers the sections, because each name may be used once in a log.
#[derive(Default)]
struct Sections {
    run: String,
    number: usize,
    /// The time of the last event, for a section that ends without one.
    now: Timestamp,
}

impl Gitlab {
    #[must_use]
    pub fn stdout(settings: Settings) -> Self {
        Self::new(settings, Box::new(io::stdout()))
    }

    #[must_use]
    pub fn new(settings: Settings, out: Box<dyn Write + Send>) -> Self {
        let settings = Settings {
            colour: false,
            ..settings
        };
        Self(Grouped::new(View::new(settings), Sections::default(), out))
    }
}

impl Reporter for Gitlab {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.0.event(event);
    }

    fn finish(&mut self) {
        self.0.finish();
    }
}

impl Sections {
    /// The name of the current section, of letters, digits, `_`, `.` and `-`. It has the run, as a job may
    /// run ops twice.
    fn name(&self) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let run: String = self.run.chars().filter(|c| allowed(*c)).collect();
        format!("ops_{run}_{}", self.number)
    }
}

impl Dialect for Sections {
    fn open(&mut self, title: &str, event: &Event) -> String {
        self.number += 1;
        format!(
            "\x1b[0Ksection_start:{}:{}[collapsed=true]\r\x1b[0K{title}\n",
            event.ts.as_second(),
            self.name()
        )
    }

    fn close(&mut self, event: Option<&Event>) -> String {
        let now = event.map_or(self.now, |event| event.ts);
        format!(
            "\x1b[0Ksection_end:{}:{}\r\x1b[0K\n",
            now.as_second(),
            self.name()
        )
    }

    fn event(&mut self, event: &Event) {
        self.now = event.ts;
        if self.run.is_empty() {
            self.run.clone_from(&event.run);
        }
    }
}
