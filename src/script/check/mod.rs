//! What can be found wrong with a playbook without running it, all at once and without contacting anything:
//! functions that are not there or take something else, undefined variables, unknown options, parameters that
//! are none, arguments that a task refuses.
//!
//! Rhai is dynamic: what depends on the type of a value is not looked at. A complaint of these checks is
//! always a mistake; their silence is no promise.

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

/// Holds a playbook and everything that it imports against what the engine knows.
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
        names: playbook.sources.names(engine),
        playbook,
        keys: scripts
            .values()
            .flat_map(|script| script.keys.iter().cloned())
            .collect(),
        scripts,
    };
    for script in world.scripts.values() {
        let wrong = Walk::script(&world, script);
        // A line with another mistake in it is not what it is meant to be yet.
        let line = |failure: &Failure| failure.at.as_ref().map(|at| at.line);
        let mut unused = Unused::of(&world, script);
        unused.retain(|failure| !wrong.iter().any(|other| line(other) == line(failure)));
        failures.extend(wrong);
        failures.extend(unused);
        failures.extend(optional::failures(script));
    }
    tidy(failures, &playbook.sources)
}

/// Each failure once, with its line, in the order of the files and lines.
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
