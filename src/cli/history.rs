//! `ops history`: the kept runs.

use crate::model::{Failure, FailureKind};
use crate::report::{self, table};
use crate::store::{RunState, RunSummary, Store, StoreError};

use super::diagnostics;
use super::program::{DONE, Done, Program};

/// List the kept runs, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// List at most N runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
    /// Print them as JSON, one per line
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
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
            diagnostics::out("There are no kept runs yet.\n");
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

pub(crate) fn store() -> Result<Store, Vec<Failure>> {
    Store::locate(|name| std::env::var_os(name)).map_err(|error| failures(&error))
}

pub(crate) fn failures(error: &StoreError) -> Vec<Failure> {
    let failure = Failure::new(FailureKind::Input, error.to_string());
    vec![failure.with_hint(error.hint().map(ToOwned::to_owned))]
}
