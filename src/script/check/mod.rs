//! Mistakes in a playbook that can be found without running it or contacting any host, all reported at once:
//! functions that do not exist or take other arguments, undefined variables, unknown options, wrong parameter
//! declarations, arguments that a task refuses.
//!
//! Rhai is dynamic, so anything that depends on the type of a value is not checked. Every reported mistake is
//! real, but a playbook without reported mistakes may still fail.

mod bodies;
mod calls;
mod captured;
mod closures;
mod health;
mod hosts;
mod idle;
mod in_place;
mod literals;
mod made;
mod optional;
mod options;
mod pipes;
mod rollout;
mod schemas;
mod scope;
mod script;
mod shadows;
mod tails;
mod tasks;
mod unused;
mod variables;
mod walk;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use rhai::Engine;

use crate::model::Failure;

use super::names::Names;
use super::params;
use super::playbook::Playbook;
use super::source::Sources;
use script::Script;
use unused::Unused;
use walk::Walk;
use world::World;

pub use hosts::{computes_patterns, host_patterns, patterns_in_part};
pub use literals::{Part, argument_position};
pub use options::option_names;
pub use pipes::dumps_in_pipes;

/// Checks a playbook and everything that it imports.
#[must_use]
pub fn check(engine: &Engine, playbook: &Playbook) -> Vec<Failure> {
    let modules = playbook.modules.asts();
    let mut failures = params::collect(&playbook.ast, &playbook.sources)
        .err()
        .unwrap_or_default();
    for (_, module) in &modules {
        failures.extend(params::misplaced(module));
    }
    let mut scripts: BTreeMap<String, Script> = modules
        .into_iter()
        .map(|(name, ast)| (name.clone(), Script::of(name, &ast)))
        .collect();
    let name = playbook.name.clone();
    scripts.insert(name.clone(), Script::of(name, &playbook.ast));
    let world = World {
        engine,
        names: Names::of(engine),
        playbook,
        keys: scripts
            .values()
            .flat_map(|script| script.keys.iter().cloned())
            .collect(),
        scripts,
    };
    for script in world.scripts.values() {
        let wrong = Walk::script(&world, script);
        // Do not report unused values on a line that has another mistake: it is not finished yet.
        let line = |failure: &Failure| failure.at.as_ref().map(|at| at.line);
        let mut unused = Unused::of(&world, script);
        unused.retain(|failure| !wrong.iter().any(|other| line(other) == line(failure)));
        failures.extend(wrong);
        failures.extend(unused);
        failures.extend(optional::failures(script));
    }
    tidy(failures, &playbook.sources)
}

/// Removes duplicate failures, adds their lines, and sorts them by file and line.
fn tidy(mut failures: Vec<Failure>, sources: &Sources) -> Vec<Failure> {
    let mut seen = BTreeSet::new();
    let place = |failure: &Failure| {
        failure.at.as_ref().map(|at| {
            (
                at.file != sources.playbook(),
                at.file.clone(),
                at.line,
                at.column,
            )
        })
    };
    failures.retain(|failure| seen.insert((place(failure), failure.message.clone())));
    failures.sort_by_key(place);
    for failure in &mut failures {
        if failure.source_line.is_none() {
            failure.source_line = failure.at.as_ref().and_then(|at| sources.line(at));
        }
    }
    failures
}

#[cfg(test)]
mod tests;
