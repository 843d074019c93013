//! `ops history`: the kept runs, and `ops show RUN`: one of them again.

use std::io::IsTerminal;

use crate::model::{Failure, FailureKind, OutputStream};
use crate::report::{self, table};
use crate::store::{RunState, RunSummary, Store, StoreError};

use super::args::{Output, OutputArgs};
use super::logging::Log;
use super::reporters::{is_github, reporters};
use super::{DONE, Done, diagnostics};

/// List the runs that are kept, the newest first.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
    /// As JSON, one run a line
    #[arg(long)]
    json: bool,
}

/// Show a kept run again, as it was reported.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its id, the beginning of one, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// Show the whole output of a step that was too long for its event, by the id of the step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Show how contents changed
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl HistoryArgs {
    pub fn run(self) -> Done {
        let runs = store()?.list().map_err(|error| failures(&error))?;
        if self.json {
            let lines: String = runs
                .iter()
                .take(self.lines)
                .map(|run| json(run) + "\n")
                .collect();
            diagnostics::json(&lines);
            return Ok(DONE);
        }
        let head = [
            "RUN", "PLAYBOOK", "WHEN", "TOOK", "HOSTS", "CHANGED", "FAILED", "END",
        ];
        let mut rows = vec![head.map(String::from).to_vec()];
        rows.extend(runs.iter().take(self.lines).map(row));
        if rows.len() == 1 {
            diagnostics::out("No run is kept yet.\n");
        } else {
            diagnostics::out(&table::render(&rows));
        }
        Ok(DONE)
    }
}

fn row(run: &RunSummary) -> Vec<String> {
    let playbook = run.playbook.clone().unwrap_or_else(|| "?".to_owned());
    let zone = jiff::tz::TimeZone::system();
    let when = run
        .started
        .map(|at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string());
    let (changed, check) = if run.check {
        (run.totals.would_change, " (check)")
    } else {
        (run.totals.changed.saturating_sub(run.totals.undone), "")
    };
    vec![
        run.id.to_string(),
        format!("{playbook}{check}"),
        when.unwrap_or_default(),
        run.duration.map(report::duration).unwrap_or_default(),
        run.hosts.to_string(),
        changed.to_string(),
        (run.totals.failed + run.totals.unreachable).to_string(),
        end(run.state),
    ]
}

fn end(state: RunState) -> String {
    match state {
        RunState::Running => "running".to_owned(),
        RunState::Killed => "killed".to_owned(),
        RunState::Finished { exit_code: 0 } => "done".to_owned(),
        RunState::Finished { exit_code: 130 } => "interrupted".to_owned(),
        RunState::Finished { exit_code } => format!("exit code {exit_code}"),
    }
}

fn json(run: &RunSummary) -> String {
    let code = if let RunState::Finished { exit_code } = run.state {
        Some(exit_code)
    } else {
        None
    };
    serde_json::json!({
        "run": run.id.to_string(),
        "playbook": run.playbook,
        "check": run.check,
        "started": run.started,
        "duration_ms": run.duration.map(|duration| duration.as_millis()),
        "hosts": run.hosts,
        "totals": run.totals,
        "end": end(run.state),
        "exit_code": code,
    })
    .to_string()
}

impl ShowArgs {
    pub fn run(self, log: &Log) -> Done {
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
                        format!("no output of step {step} is kept on its own"),
                    )
                    .hint("One that was short stands in the events: ops show -v shows it."),
                ])
            };
        }
        let output = self.output.output;
        let mut events = run.events().map_err(|error| failures(&error))?;
        let (mut reporters, _) = reporters(
            &self.output,
            report::Settings {
                colour: report::Settings::takes_colour(&std::io::stdout()),
                verbose: log.verbose,
                diff: self.diff,
                width: None,
                on_github: is_github(),
            },
            std::io::stdout().is_terminal(),
        )?;
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
        if output != Some(Output::Json) {
            for table in rollouts.tables() {
                diagnostics::out(&format!("\n{table}"));
            }
        }
        if events.broken() > 0 {
            tracing::warn!("{} lines of the events could not be read", events.broken());
        }
        Ok(DONE)
    }
}

fn store() -> Result<Store, Vec<Failure>> {
    Store::locate(|name| std::env::var_os(name)).map_err(|error| failures(&error))
}

fn failures(error: &StoreError) -> Vec<Failure> {
    let failure = Failure::new(FailureKind::Input, error.to_string());
    vec![failure.with_hint(error.hint().map(ToOwned::to_owned))]
}
