//! The limits of a rendering.

use crate::template::{environment, explain, render};

fn refused(text: &str) -> (String, Option<usize>) {
    let environment = environment();
    let template = environment.template_from_str(text).expect("a template");
    let error = render(&template, minijinja::Value::UNDEFINED).expect_err("refused");
    let explained = explain(&error);
    assert!(explained.hint.is_some());
    (explained.message, explained.line)
}

#[test]
fn stops_nested_loops() {
    let text = "a\n{% for i in range(99999) %}\n\
                {% for j in range(99999) %}{% set x = j %}{% endfor %}{% endfor %}";
    let (message, line) = refused(text);
    assert_eq!(message, "rendering takes more than 10000000 steps");
    assert_eq!(line, Some(3));
}

#[test]
fn refuses_a_text_that_is_too_large() {
    let text = "{% for i in range(99999) %}\n{{ 'x' * 1000 }}{% endfor %}";
    // The engine reports no line for it.
    let (message, _) = refused(text);
    assert_eq!(message, "the rendered text is larger than 16 MiB");
    let (message, _) = refused("{{ 'x' * 20000000 }}");
    assert_eq!(message, "the rendered text is larger than 16 MiB");
}

#[test]
fn limits_numbers_that_multiply() {
    for (text, why) in [
        (
            "{{ 'x' | indent(4000000000) }}",
            "indent: the width must be a number up to 10000",
        ),
        (
            "{{ 'x' | indent(width=4000000000, first=true) }}",
            "indent: the width must be",
        ),
        (
            "{{ ('x\n' * 100000) | indent(9000) }}",
            "indent: the text would be larger than 16 MiB",
        ),
        (
            "{{ 'x'.center(4000000000) }}",
            "center: the width is larger than 10000",
        ),
        (
            "{{ '%4000000000d' | format(1) }}",
            "a width must be a number up to 10000",
        ),
        (
            "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}",
            "replace: the text would be",
        ),
        (
            "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
            "replace: the text would be",
        ),
        (
            "{{ range(90000) | join('y' * 100000) }}",
            "join: the text would be",
        ),
        (
            "{{ ('y' * 100000).join(range(90000)) }}",
            "join: the text would be",
        ),
        (
            "{{ [1] | slice(4000000000) }}",
            "slice: the result would have more than 100000 items",
        ),
        (
            "{{ [1] | batch(4000000000, 0) }}",
            "batch: the result would have more than 100000 items",
        ),
        (
            "{{ [1] | product(repeat=4000000000) }}",
            "product: the result would have more",
        ),
        (
            "{{ 'pw' | password_hash('sha512', rounds=999999999) }}",
            "password_hash: too many rounds",
        ),
    ] {
        let environment = environment();
        let template = environment.template_from_str(text).expect("a template");
        let error = render(&template, minijinja::Value::UNDEFINED).expect_err(text);
        let message = explain(&error).message;
        assert!(message.contains(why), "{text}: {message}");
    }
}

#[test]
fn indent_and_replace_work_as_in_jinja() {
    for (text, wanted) in [
        ("{{ 'a\n\nb\n' | indent(2) }}", "a\n\n  b"),
        ("{{ 'a\n\nb' | indent(2, true, true) }}", "  a\n  \n  b"),
        ("{{ 'a\nb' | indent(width=1, first=true) }}", " a\n b"),
        ("{{ 'aba' | replace('a', 'xy') }}", "xybxy"),
        ("{{ [1, 2, 3] | batch(2, 0) | list }}", "[[1, 2], [3, 0]]"),
        ("{{ [1, 2, 3] | slice(2) | list }}", "[[1, 2], [3]]"),
    ] {
        let environment = environment();
        let template = environment.template_from_str(text).expect("a template");
        let rendered = render(&template, minijinja::Value::UNDEFINED);
        assert_eq!(rendered.expect(text), wanted, "{text}");
    }
}

#[test]
fn refuses_an_endless_expression() {
    let environment = environment();
    let text = "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}";
    let template = environment.template_from_str(text).expect("a template");
    assert!(render(&template, minijinja::Value::UNDEFINED).is_err());
}
