//! Prepares a playbook file for a run: loads it, checks it, and collects its parameters.

use std::path::Path;
use std::sync::Arc;

use rhai::Engine;

use crate::model::Failure;

use super::params::{self, Param};
use super::playbook::Playbook;
use super::source::Sources;
use super::{builtins, check, engine};

/// Everything that is needed to run a playbook, except the run.
pub struct Prepared {
    pub engine: Engine,
    pub playbook: Playbook,
    pub params: Vec<Param>,
}

/// An engine with everything that a playbook can call.
#[must_use]
pub fn complete_engine() -> Engine {
    let mut engine = engine::base();
    builtins::register(&mut engine);
    engine
}

/// Loads a playbook with its modules and runs the static checks on it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn prepare(path: &Path) -> Result<Prepared, Vec<Failure>> {
    let mut engine = complete_engine();
    let sources = Arc::new(Sources::default());
    let (playbook, mut failures) = Playbook::open(&mut engine, path, &sources)?;
    failures.extend(check::check(&engine, &playbook));
    if !failures.is_empty() {
        return Err(failures);
    }
    let params = params::collect(&playbook.ast, &sources)?;
    Ok(Prepared {
        engine,
        playbook,
        params,
    })
}
