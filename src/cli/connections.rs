//! `ops connections`: the connections that `--persist` keeps open.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::model::{Failure, FailureKind};
use crate::report::{self, table};
use crate::transport::{Persisted, persisted};

use super::diagnostics;
use super::program::{DONE, Done, Program};

/// List the connections that --persist keeps open, or close them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Close them. A connection that a run uses closes when the run ends
    #[arg(long)]
    end: bool,
    /// Print them as JSON, one per line
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
        let kept = persisted().map_err(|error| {
            let message = format!("failed to list connections: {error}");
            vec![Failure::new(FailureKind::Input, message)]
        })?;
        let ended = if self.end { end(&kept)? } else { Vec::new() };
        if self.json {
            for (at, connection) in kept.iter().enumerate() {
                let line = json!({
                    "connection": connection.leads_to,
                    "open_s": age(connection).map(|age| age.as_secs()),
                    "ended": ended.get(at),
                });
                diagnostics::json(&format!("{line}\n"));
            }
            return Ok(DONE);
        }
        let rows: Vec<_> = kept
            .iter()
            .enumerate()
            .map(|(at, connection)| row(connection, ended.get(at).copied()))
            .collect();
        diagnostics::out(&table::render(&rows));
        Ok(DONE)
    }
}

fn end(kept: &[Persisted]) -> Result<Vec<bool>, Vec<Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            vec![Failure::new(
                FailureKind::Internal,
                format!("failed to start the runtime: {error}"),
            )]
        })?;
    let ending = kept.iter().map(Persisted::end);
    Ok(runtime.block_on(futures_util::future::join_all(ending)))
}

fn row(connection: &Persisted, ended: Option<bool>) -> Vec<String> {
    let age = age(connection).map(report::duration);
    vec![
        connection.leads_to.clone(),
        age.map_or_else(String::new, |age| format!("open for {age}")),
        match ended {
            None => "",
            Some(true) => "ended",
            Some(false) => "does not answer",
        }
        .to_owned(),
    ]
}

fn age(connection: &Persisted) -> Option<Duration> {
    SystemTime::now().duration_since(connection.since?).ok()
}
