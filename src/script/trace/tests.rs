//! Messages that a user sees when a running playbook fails.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::failure;
use crate::model::{Failure, FailureKind};
use crate::script::engine;
use crate::script::error::throw;
use crate::script::source::Sources;

#[derive(Clone)]
struct Thing;

/// Runs the text; returns `line:column message | hint`, and the trace.
#[track_caller]
fn told(text: &str) -> (String, Vec<String>) {
    let mut engine = engine::base();
    engine
        .register_type_with_name::<Thing>("Thing")
        .register_get("size", |_: &mut Thing| 1_i64)
        .register_fn("thing", || Thing)
        .register_fn("takes", |_: &str, _: i64| ())
        .register_fn(
            "broken",
            |context: NativeCallContext| -> Result<(), Box<EvalAltResult>> {
                let failure = Failure::new(FailureKind::Unreachable, "it is gone").on("web1");
                Err(throw(failure, &context))
            },
        );
    let sources = Arc::new(Sources::default());
    sources.set_playbook("x.rhai", text);
    let mut ast = engine.compile(text).expect("it parses");
    ast.set_source("x.rhai");
    let error = engine.eval_ast::<Dynamic>(&ast).expect_err("it fails");
    let failure = failure(&error, &engine, &sources);
    let at = failure
        .at
        .map_or(String::new(), |at| format!("{}:{} ", at.line, at.column));
    let hint = failure
        .hint
        .map_or(String::new(), |hint| format!(" | {hint}"));
    let trace = failure
        .trace
        .iter()
        .map(|(name, at)| format!("{name} {at}"))
        .collect();
    (format!("{at}{}{hint}", failure.message), trace)
}

#[test]
fn errors_have_clear_messages() {
    let cases = [
        (
            "takes(1);",
            "1:1 `takes` cannot be called with (int) | Write `takes(string, int)`.",
        ),
        (
            "takess(\"\", 1);",
            "1:1 unknown function `takess` | Did you mean `takes`?",
        ),
        (
            "thing().sise;",
            "1:9 a Thing has no property `sise` | Did you mean `size`?",
        ),
        ("1 + thing();", "1:3 `+` does not work on int and Thing"),
        ("let a = [1]; a[3];", "1:16 no element 3 in an array of 1"),
        (
            "let m = #{}; m.key;",
            "1:16 the map has no key `key` | `map?.key` is `()` if the key is missing.",
        ),
        (
            "let m = #{}; m[\"key\"] ?? 1;",
            "1:16 the map has no key `key` | `map.get(\"key\")` is `()` if the key is missing.",
        ),
        (
            "let m = #{}; m?[\"key\"] ?? 1;",
            "1:17 the map has no key `key` | `map.get(\"key\")` is `()` if the key is missing.",
        ),
        ("1 / 0;", "1:3 division by zero: 1 / 0"),
        (
            "let a = 9223372036854775807;\na + 1;",
            "2:3 the result of 9223372036854775807 + 1 does not fit into a 64-bit integer",
        ),
        (
            "let x = 1; if x { 2 }",
            "1:15 a bool is required, not an int",
        ),
        (
            "let x = 5; for y in x { }",
            "1:21 cannot loop over this value | `for` loops over arrays, ranges, strings and `map.keys()`.",
        ),
        ("throw #{ message: \"no\" };", "1:1 no"),
        ("throw;", "1:1 the playbook threw an empty value"),
        (
            "fn f(n) { f(n + 1) } f(0);",
            "1:22 function calls are nested too deeply | Does a function call itself endlessly?",
        ),
    ];
    let (texts, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let seen: Vec<String> = texts.into_iter().map(|text| told(text).0).collect();
    assert_eq!(seen, expected);
}

#[test]
fn the_trace_starts_with_the_innermost_call() {
    let (message, trace) = told(
        "fn inner() {\n  broken();\n}\nfn outer() {\n  inner()\n}\nlet f = || outer();\nf.call();",
    );
    assert_eq!(message, "2:3 it is gone");
    assert_eq!(
        trace,
        [
            "inner x.rhai:5:3",
            "outer x.rhai:7:12",
            "closure x.rhai:8:3"
        ]
    );
}

#[test]
fn a_rethrown_failure_keeps_its_position() {
    let (message, _) = told("fn f() {\n  broken()\n}\ntry {\n  f();\n} catch (e) {\n  throw e;\n}");
    assert_eq!(message, "2:3 it is gone");
}

#[test]
fn stops_an_endless_loop() {
    let mut engine = engine::base();
    engine.set_max_operations(1000);
    let ast = engine.compile("loop { }").unwrap();
    let error = engine.eval_ast::<Dynamic>(&ast).unwrap_err();
    let failure = failure(&error, &engine, &Sources::default());
    assert_eq!(failure.message, "the playbook computed for too long");
}
