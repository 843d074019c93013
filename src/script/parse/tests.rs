//! `?.` with the meaning of playbooks, and positions that stay.

use super::*;
use crate::script::{engine, lookup};

fn value(script: &str) -> String {
    let mut engine = engine::base();
    let parser = Parser::install(&mut engine);
    lookup::install(&mut engine, |_, _, _, _| Ok(None));
    let ast = parser.compile(&engine, script).unwrap();
    match engine.eval_ast::<rhai::Dynamic>(&ast) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_that_is_missing_is_nothing() {
    for (script, expected) in [
        ("let m = #{}; m?.x ?? \"d\"", "d"),
        ("let m = #{x: 1}; m?.x ?? \"d\"", "1"),
        ("let m = (); m?.x ?? \"d\"", "d"),
        ("let m = (); m?.x.y.z ?? \"d\"", "d"),
        ("let m = #{a: #{}}; m?.a?.key?.other ?? \"d\"", "d"),
        ("let m = #{a: #{key: 7}}; m.a?.key - 1", "6"),
        ("let m = #{a: [1, 2]}; m?.a[1]", "2"),
        ("let m = #{a: \"xyz\"}; m?.a.len() + m?.a.len", "6"),
        ("let m = #{f: |x| x + 1}; m?.f(1)", "2"),
        ("let m = #{a: 1}; m?.a += 2; m?.b = 4; m.a + m.b", "7"),
        ("fn f(m) { m?.x ?? 1 } f(#{})", "1"),
        ("let m = #{}; let f = |k| m?.x ?? k; f.call(3)", "3"),
        (
            "let m = #{}; `<${m?.x ?? `-${m?.y ?? 5}-`}>?.z`",
            "<-5->?.z",
        ),
        ("let m = #{}; /* ü */ let v = m?.\n  other; v ?? 2", "2"),
        ("let t = timestamp(); t?.elapsed < 60.0", "true"),
        (
            "let t = \"\"; t?.nothing",
            "Unknown property 'nothing' - a getter is not registered for type 'string' (line 1, position 16)",
        ),
    ] {
        assert_eq!(value(script), expected, "{script}");
    }
}

#[test]
fn a_plain_dot_stays_strict() {
    assert_eq!(
        value("let m = #{};\nm.x ?? m?.y"),
        "Property not found: x (line 2, position 3)"
    );
}

#[test]
fn positions_behind_it_stay() {
    let script = "let m = #{};\nlet a = m?.some_key ?? 1; a.b";
    let error = value(script);
    assert!(error.contains("(line 2, position 29)"), "{error}");
    let mut engine = engine::base();
    let parser = Parser::install(&mut engine);
    let error = parser.compile(&engine, "m?.x +").unwrap_err();
    assert_eq!(error.position(), Position::new(1, 7));
    let error = parser.compile(&engine, "m?.x; let = 1").unwrap_err();
    assert_eq!(error.position(), Position::new(1, 11));
}
