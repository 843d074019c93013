//! `ops run PLAYBOOK`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Secrets;
use crate::script::source::Sources;
use crate::script::world::World;
use crate::script::{builtins, engine, execute, playbook::Playbook};
use crate::task::Mode;

use super::Done;
use super::args::{InventoryArgs, LoginArgs, RunArgs, VarArgs};
use super::stage::{Plan, Stage, load_inventory, overrides};

/// Run a playbook.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// The playbook: a Rhai script
    playbook: PathBuf,
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    vars: VarArgs,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    run: RunArgs,
    /// With --check: exit with 8 if something would change, or may change
    #[arg(long, requires = "check", help_heading = "Run")]
    fail_on_change: bool,
}

impl Args {
    pub fn run(self, verbose: u8) -> Done {
        let sources = Arc::new(Sources::default());
        let mut engine = engine::base();
        builtins::register(&mut engine);
        let playbook = Playbook::load(&mut engine, &self.playbook, &sources)?;
        let secrets = Secrets::new();
        let directory = directory(&self.playbook);
        let inventory = load_inventory(&self.inventory, Some(directory.clone()), &secrets)?;
        let mode = if self.run.check {
            Mode::Check
        } else {
            Mode::Apply
        };
        let plan = Plan {
            what: self.playbook.to_string_lossy().into_owned(),
            mode,
            forks: self.run.forks,
            yes: self.run.yes,
            diff: self.run.diff,
            verbose,
            output: self.run.output,
            overrides: overrides(&self.login)?,
            params: BTreeMap::new(),
            changes: mode == Mode::Apply,
        };
        let stage = Stage::set(plan, inventory, &secrets)?;
        let world = Arc::new(World::new(
            stage.run.clone(),
            sources,
            directory,
            BTreeMap::new(),
        ));
        let result = execute::execute(engine, &playbook, &world);
        Ok(stage.strike(result, self.fail_on_change))
    }
}

fn directory(playbook: &Path) -> PathBuf {
    match playbook.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
