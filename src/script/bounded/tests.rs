//! Values that would become too large are refused.

use crate::script::engine;

fn run(script: &str) -> Result<String, String> {
    let engine = engine::base();
    engine
        .eval::<rhai::Dynamic>(script)
        .map(|value| value.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn refuses_what_would_take_gigabytes() {
    let long = "let s = \"x\"; s.pad(1500000, \"y\");";
    for call in [
        "s.split(\"\")",
        "s.split('y')",
        "s.split(\"y\", 9999999)",
        "s.split('y', 9999999)",
        "s.split_rev(\"\")",
        "s.split_rev('y')",
        "s.split_rev(\"y\", 9999999)",
        "s.split_rev('y', 9999999)",
        "s.to_chars()",
    ] {
        let error = run(&format!("{long} {call}")).expect_err(call);
        assert!(error.contains("Size of array"), "{call}: {error}");
    }
    for call in [
        "s.replace(\"y\", s)",
        "s.replace('y', s)",
        "s.replace(\"\", s)",
        "s.pad(200000000, \"z\")",
        "s.pad(200000000, 'z')",
    ] {
        let error = run(&format!("{long} {call}")).expect_err(call);
        assert!(error.contains("Length of string"), "{call}: {error}");
    }
}

#[test]
fn replacements_behave_like_rhais_methods() {
    for (script, value) in [
        ("\"a b  c\".split()", "[\"a\", \"b\", \"c\"]"),
        ("\"\".split()", "[\"\"]"),
        ("\"\".split(\"\")", "[\"\"]"),
        ("\"\".split_rev(',')", "[\"\"]"),
        ("\"ab\".split(\"\")", "[\"\", \"a\", \"b\", \"\"]"),
        ("\"a,b,c\".split(\",\")", "[\"a\", \"b\", \"c\"]"),
        ("\"a,b,c\".split(',', 2)", "[\"a\", \"b,c\"]"),
        ("\"a,b,c\".split(\",\", 0)", "[\"a,b,c\"]"),
        ("\"a,b,c\".split(\";\")", "[\"a,b,c\"]"),
        ("\"abc\".split(1)", "[\"a\", \"bc\"]"),
        ("\"a,b,c\".split_rev(\",\")", "[\"c\", \"b\", \"a\"]"),
        ("\"a,b,c\".split_rev(',', 2)", "[\"c\", \"a,b\"]"),
        ("\"ab\".to_chars()", "['a', 'b']"),
        ("const S = \"a b\"; S.split(\" \")", "[\"a\", \"b\"]"),
        ("let s = \"aba\"; s.replace(\"a\", \"xy\"); s", "xybxy"),
        ("let s = \"aba\"; s.replace('b', \"\"); s", "aa"),
        ("let s = \"aba\"; s.replace('b', 'c'); s", "aca"),
        ("let s = \"ab\"; s.pad(7, \"xyz\"); s", "abxyzxy"),
        ("let s = \"ab\"; s.pad(7, \"\"); s", "ab"),
        ("let s = \"ab\"; s.pad(-1, \"x\"); s", "ab"),
    ] {
        assert_eq!(run(script).as_deref(), Ok(value), "{script}");
    }
}
