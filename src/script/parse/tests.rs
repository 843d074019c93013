//! Missing keys, and options that may be left out.

use rhai::Position;

use super::Parser;
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
fn a_missing_key_is_unit() {
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
            "Unknown property 'nothing' - a getter is not registered for type 'string' \
             (line 1, position 16)",
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
fn later_positions_do_not_change() {
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

#[test]
fn options_may_be_left_out() {
    for (script, expected) in [
        ("fn f(a, options) { `${a} ${options}` } f(1)", "1 #{}"),
        (
            "fn f(a, options) { `${a} ${options}` } f(1, #{ b: 2 })",
            r#"1 #{"b": 2}"#,
        ),
        ("fn f(options) { options.len() } f()", "0"),
        ("fn f(options){-options.len()}f()", "0"),
        (
            "private fn f (\n  a,\n  options, // a comment\n) // another\n{ a } f(2)",
            "2",
        ),
        // Variables, blocks and closures of the body refer to the right variables.
        (
            "fn f(a, options) { let b = 2; { let c = 3; options.d = a + b + c; } \
             let g = |x| x + options.d; g.call(1) } f(1)",
            "7",
        ),
        (
            "fn f(n, options) { if n == 0 { options.len() } else { f(n - 1) } } f(3)",
            "0",
        ),
        (
            "fn f(options) { options?.key ?? 5 } f() + f(#{ key: 1 })",
            "6",
        ),
        // As a method, by name, and in a closure.
        (
            "fn f(options) { this + options.len() } let x = 5; x.f()",
            "5",
        ),
        (
            "fn int.f(options) { this + options.len() } let x = 5; x.f() + x.f(#{ a: 1 })",
            "11",
        ),
        (
            "fn f(a, options) { a + options.len() } let g = f; g.call(4) + g.call(4, #{ a: 1 })",
            "9",
        ),
        (
            "fn f(a, options) { a + options.len() } let all = [1, 2].map(|x| f(x)); all",
            "[1, 2]",
        ),
        // A function of the script has precedence, and only the last parameter counts.
        (
            "fn f(a) { \"own\" } fn f(a, options) { \"long\" } f(1)",
            "own",
        ),
        (
            "fn f(options, a) { a } f(1)",
            "Function not found: f (i64) (line 1, position 24)",
        ),
    ] {
        assert_eq!(value(script), expected, "{script}");
    }
    let closure = value("let f = |a, options| a; f.call(1)");
    assert!(
        closure.starts_with("Function not found: anon$"),
        "{closure}"
    );
}

#[test]
fn an_error_keeps_its_position_and_trace() {
    let script = "fn f(a, options) {\n  let b = options.nothing;\n}\nf(1);";
    let long = value(&script.replace("f(1)", "f(1, #{})"));
    assert_eq!(value(script), long);
    assert!(long.contains("(line 2, position 19)"), "{long}");
}
