//! What one rendering may cost: steps of the engine, and the size of the text.
//!
//! The steps are counted by the engine, which every [`environment`](super::environment) sets up; the text by
//! [`render`]. What a single expression makes on its way (`~` in a loop) is bounded by the steps alone.

use std::io::{self, Write};

use minijinja::{Error, ErrorKind, Template, Value};

use super::{plain, python};

/// Steps of the engine in one rendering: about a second of computing. A loop over all of 100,000 hosts that prints
/// twenty lines for each takes half of them.
pub const MAX_STEPS: u64 = 10_000_000;

/// Bytes of rendered text. A template is for a configuration file: what is larger is a loop gone wrong, or a file to
/// copy. Variables that double each other are stopped by it too.
pub const MAX_TEXT: usize = 16 << 20;

/// Renders a template, unless its text grows too large.
///
/// # Errors
/// Those of the engine, and a text larger than [`MAX_TEXT`].
pub fn render(template: &Template<'_, '_>, root: Value) -> Result<String, Error> {
    let mut out = Bounded(Vec::new());
    template.render_captured_to(root, &mut out)?;
    // The engine writes texts only.
    String::from_utf8(out.0).map_err(|_| Error::from(ErrorKind::WriteFailure))
}

/// The same, but a text that one value makes up is that value: `{% if a %}{{ list }}{% endif %}` is the list.
///
/// # Errors
/// As for [`render`].
pub fn render_value(template: &Template<'_, '_>, root: Value) -> Result<Value, Error> {
    let mut out = Bounded(Vec::new());
    let captured = template.render_captured_to(root, &mut out)?;
    let written = plain::written(captured.state());
    drop(captured);
    let text = String::from_utf8(out.0).map_err(|_| Error::from(ErrorKind::WriteFailure))?;
    Ok(written
        .filter(|value| python::finalize(value) == text)
        .unwrap_or_else(|| Value::from(text)))
}

/// Refuses a text that a repeated part would make too large, before it is built.
pub(super) fn fits(what: &str, text: usize, times: usize, part: usize) -> Result<(), Error> {
    let size = times
        .checked_mul(part)
        .and_then(|size| size.checked_add(text));
    if size.is_some_and(|size| size <= MAX_TEXT) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!(
            "{what}: the text would be larger than {} MiB",
            MAX_TEXT >> 20
        ),
    ))
}

/// What to say of an error that is about a limit.
pub(super) fn explain(error: &Error) -> Option<(String, &'static str)> {
    match error.kind() {
        ErrorKind::OutOfFuel => Some((
            format!("rendering takes more than {MAX_STEPS} steps"),
            "Look for a loop within a loop, or a macro that calls itself.",
        )),
        ErrorKind::WriteFailure => Some((
            format!("the rendered text is larger than {} MiB", MAX_TEXT >> 20),
            "Look for a loop that prints too much. Copy a large file with files::copy instead.",
        )),
        _ => None,
    }
}

/// Holds up to [`MAX_TEXT`] bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{environment, explain};

    fn refused(text: &str) -> (String, Option<usize>) {
        let environment = environment();
        let template = environment.template_from_str(text).expect("a template");
        let error = super::render(&template, minijinja::Value::UNDEFINED).expect_err("refused");
        let explained = explain(&error);
        assert!(explained.hint.is_some());
        (explained.message, explained.line)
    }

    #[test]
    fn a_loop_within_a_loop_ends() {
        let text = "a\n{% for i in range(99999) %}\n{% for j in range(99999) %}{% set x = j %}{% endfor %}{% endfor %}";
        let (message, line) = refused(text);
        assert_eq!(message, "rendering takes more than 10000000 steps");
        assert_eq!(line, Some(3));
    }

    #[test]
    fn a_text_that_is_too_large_is_refused() {
        let text = "{% for i in range(99999) %}\n{{ 'x' * 1000 }}{% endfor %}";
        // The engine keeps no line for it.
        let (message, _) = refused(text);
        assert_eq!(message, "the rendered text is larger than 16 MiB");
        let (message, _) = refused("{{ 'x' * 20000000 }}");
        assert_eq!(message, "the rendered text is larger than 16 MiB");
    }

    #[test]
    fn a_number_that_multiplies_is_bounded() {
        for (text, why) in [
            (
                "{{ 'x' | indent(4000000000) }}",
                "indent: a width is a number up to 10000",
            ),
            (
                "{{ 'x' | indent(width=4000000000, first=true) }}",
                "indent: a width is",
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
                "a width is a number up to 10000",
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
                "slice: it would give more than 100000 items",
            ),
            (
                "{{ [1] | batch(4000000000, 0) }}",
                "batch: it would give more than 100000 items",
            ),
            (
                "{{ [1] | product(repeat=4000000000) }}",
                "product: it would give more",
            ),
            (
                "{{ 'pw' | password_hash('sha512', rounds=999999999) }}",
                "password_hash: too many rounds",
            ),
        ] {
            let environment = environment();
            let template = environment.template_from_str(text).expect("a template");
            let error = super::render(&template, minijinja::Value::UNDEFINED).expect_err(text);
            let message = explain(&error).message;
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn indent_and_replace_do_as_jinja() {
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
            let rendered = super::render(&template, minijinja::Value::UNDEFINED);
            assert_eq!(rendered.expect(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_expression_that_never_ends_is_refused() {
        let environment = environment();
        let text = "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}";
        let template = environment.template_from_str(text).expect("a template");
        assert!(super::render(&template, minijinja::Value::UNDEFINED).is_err());
    }
}
