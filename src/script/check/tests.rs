//! Tests that need no complete playbook. Those that do are in `tests/check/`.

use std::path::Path;

use rhai::Engine;

use super::{Part, argument_position};
use crate::model::Position;
use crate::script::{engine, prepare};

fn at(line: usize, column: usize) -> Position {
    Position {
        file: "x.rhai".into(),
        line,
        column,
    }
}

#[test]
fn finds_the_parts_of_a_call() {
    let engine: Engine = engine::base();
    let mut ast = engine
        .compile("let a = 1;\nf(a, #{ one: 1,\n  two: 2 });\nx.g(7, #{ three: 3 });")
        .unwrap();
    ast.set_source("x.rhai");
    let part = |call, part| argument_position(&ast, &call, part);
    assert_eq!(part(at(2, 1), Part::Argument(0)), Some(at(2, 3)));
    assert_eq!(part(at(2, 1), Part::Key("two")), Some(at(3, 3)));
    assert_eq!(part(at(4, 3), Part::Key("three")), Some(at(4, 11)));
    assert_eq!(part(at(2, 1), Part::Key("three")), None);
    assert_eq!(part(at(9, 9), Part::Argument(0)), None);
}

/// The standard modules must pass the same checks as a user's modules.
#[test]
fn standard_modules_pass_the_checks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.rhai");
    let imports: Vec<String> = crate::script::modules::stdlib::names()
        .map(|name| format!("import \"std/{name}\" as {name};"))
        .collect();
    std::fs::write(&path, imports.join("\n")).unwrap();
    let failures = prepare::prepare(Path::new(&path)).err().unwrap_or_default();
    assert!(failures.is_empty(), "{failures:#?}");
}
