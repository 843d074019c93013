//! `ops check PLAYBOOK`: mistakes in a playbook, its parameters and the inventory. Contacts no host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::inventory::Inventory;
use crate::model::{Failure, Position, Secrets};
use crate::script::check::{dumps_in_pipes, host_patterns};
use crate::script::params;
use crate::script::prepare::{Prepared, prepare};

use super::args::VarArgs;
use super::diagnostics;
use super::inventory_args::InventoryArgs;
use super::program::{DONE, Done, Program, exit_code};

/// Find mistakes in a playbook, its parameters and the inventory, without contacting a host
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Playbook to check: a Rhai script
    playbook: PathBuf,
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    vars: VarArgs,
    /// Print the mistakes as a JSON array on stdout, for editors
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
        let json = self.json;
        match self.check() {
            Ok(summary) => {
                diagnostics::out(if json { "[]\n" } else { &summary });
                Ok(DONE)
            }
            Err(failures) if json => {
                // A failure is only text and numbers, so it can always be serialised.
                let text = serde_json::to_string_pretty(&failures).unwrap_or_default();
                diagnostics::json(&format!("{text}\n"));
                Ok(exit_code(&failures))
            }
            Err(failures) => Err(failures),
        }
    }

    /// Goes on after each kind of mistake, so that all are reported at once.
    fn check(self) -> Result<String, Vec<Failure>> {
        let prepared = prepare(&self.playbook);
        let directory = self.playbook.parent().map(PathBuf::from);
        let inventory = self
            .inventory
            .load(directory, BTreeMap::new(), &Secrets::new());
        let mut failures = Vec::new();
        let mut summary = String::new();
        match &prepared {
            Ok(prepared) => {
                let warnings = dumps_in_pipes(&prepared.playbook);
                diagnostics::warn_all(&warnings);
                failures.extend(self.wrong_values(prepared));
                if let Ok(inventory) = &inventory {
                    failures.extend(wrong_patterns(prepared, inventory));
                    failures.extend(wrong_settings(prepared, inventory));
                    summary = summarise(prepared, inventory, warnings.len());
                }
            }
            Err(wrong) => failures.extend(wrong.iter().cloned()),
        }
        // The process is about to end: taking an engine apart takes a tenth of the whole check.
        std::mem::forget(prepared);
        failures.extend(inventory.err().unwrap_or_default());
        if failures.is_empty() {
            Ok(summary)
        } else {
            Err(failures)
        }
    }

    /// Values that are given must fit. Whether some are missing is checked by the run.
    fn wrong_values(&self, prepared: &Prepared) -> Vec<Failure> {
        let optional: Vec<_> = prepared
            .params
            .iter()
            .cloned()
            .map(|mut param| {
                param.fallback.get_or_insert_default();
                param
            })
            .collect();
        let failures = params::resolve(&optional, &self.vars.vars, &self.vars.vars_file).err();
        prepared
            .playbook
            .sources
            .with_lines(failures.unwrap_or_default())
    }
}

/// Literal patterns that select no host.
fn wrong_patterns(prepared: &Prepared, inventory: &Inventory) -> Vec<Failure> {
    // A module of the standard library has patterns that its callers may never use.
    let is_own = |at: &Option<Position>| at.as_ref().is_none_or(|at| !at.file.starts_with("std/"));
    host_patterns(&prepared.playbook)
        .into_iter()
        .filter(|(_, at)| is_own(at))
        .filter_map(|(pattern, at)| {
            let mut failure: Failure = inventory.select(&pattern).err()?.into();
            failure.source_line = at
                .as_ref()
                .and_then(|at| prepared.playbook.sources.line(at));
            Some(failure.at(at))
        })
        .collect()
}

/// Variables of the playbook's hosts that ask for something that ops does not support.
fn wrong_settings(prepared: &Prepared, inventory: &Inventory) -> Vec<Failure> {
    let patterns = host_patterns(&prepared.playbook);
    let selected = patterns
        .iter()
        .filter_map(|(pattern, _)| inventory.select(pattern).ok())
        .flatten();
    let hosts: BTreeMap<String, _> = selected.map(|host| (host.name.clone(), host)).collect();
    let errors = inventory.unsupported(hosts.values().map(AsRef::as_ref));
    errors.into_iter().map(Failure::from).collect()
}

fn summarise(prepared: &Prepared, inventory: &Inventory, warnings: usize) -> String {
    let counted = |count: usize, noun: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {noun}{plural}")
    };
    let verdict = match warnings {
        0 => "no problems found".to_owned(),
        some => format!("{}, no errors", counted(some, "warning")),
    };
    format!(
        "{}: {verdict} ({}, {}, {})\n",
        prepared.playbook.name,
        counted(prepared.playbook.modules.asts().len(), "module"),
        counted(prepared.params.len(), "parameter"),
        counted(inventory.hosts().len(), "host"),
    )
}
