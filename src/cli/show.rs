//! `ops show [RUN]`: a kept run again, as it was reported.

use crate::model::{Failure, FailureKind, OutputStream};
use crate::report;

use super::diagnostics;
use super::history::{failures, store};
use super::program::{DONE, Done, Program};
use super::reporters::OutputArgs;

/// Show a kept run again, as it was reported
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run to show: its id, the beginning or the end of its id, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// Show the whole output of this step, if it was too long for its event
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Show changes of file contents as diffs
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self, program: &Program) -> Done {
        let log = &program.log;
        let run = store()?.open(&self.run).map_err(|error| failures(&error))?;
        if let Some(step) = &self.step {
            let mut found = false;
            for stream in [OutputStream::Stdout, OutputStream::Stderr] {
                if let Some(path) = run.output(step, stream) {
                    found = true;
                    let text = std::fs::read(&path).map_err(|error| {
                        let message = format!("failed to read {}: {error}", path.display());
                        vec![Failure::new(FailureKind::Input, message)]
                    })?;
                    diagnostics::out(&String::from_utf8_lossy(&text));
                }
            }
            return if found {
                Ok(DONE)
            } else {
                Err(vec![
                    Failure::new(
                        FailureKind::Input,
                        format!("there is no separate output of step {step}"),
                    )
                    .hint("`ops show -v` shows the output of each step that is short enough for its event."),
                ])
            };
        }
        let mut events = run.events().map_err(|error| failures(&error))?;
        let settings = report::Settings::of_stdout(log.verbose, self.diff);
        let (mut reporters, _) = self.output.reporters(settings)?;
        let mut rollouts = report::Rollouts::default();
        for event in events.by_ref() {
            rollouts.event(&event);
            for reporter in &mut reporters {
                reporter.event(&event);
            }
        }
        for reporter in &mut reporters {
            reporter.finish();
        }
        if !self.output.is_data() {
            for table in rollouts.tables() {
                diagnostics::out(&format!("\n{table}"));
            }
        }
        if events.broken() > 0 {
            tracing::warn!("failed to read {} lines of the events", events.broken());
        }
        Ok(DONE)
    }
}
