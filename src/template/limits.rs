//! The limits of one rendering: steps of the engine, and the size of the text.
//!
//! The engine counts the steps, which every `environment` enables; [`render`] limits the text. What a
//! single expression builds in between (`~` in a loop) is limited only by the steps.

use std::io::{self, Write};

use minijinja::{Error, ErrorKind, Template, Value};

use super::{plain, python};

/// Steps of the engine in one rendering: about a second of computing. A loop over 100,000 hosts that prints
/// twenty lines for each takes half of them.
pub const MAX_STEPS: u64 = 10_000_000;

/// Bytes of rendered text. A template is for a configuration file: a larger result means a faulty loop, or
/// a file that should be copied. This also stops variables that double each other.
pub const MAX_TEXT: usize = 16 << 20;

/// Renders a template, unless its text grows too large.
///
/// # Errors
/// Errors of the engine, and a text larger than [`MAX_TEXT`].
pub fn render(template: &Template<'_, '_>, root: Value) -> Result<String, Error> {
    let mut out = Bounded(Vec::new());
    template.render_captured_to(root, &mut out)?;
    // The engine writes only valid UTF-8.
    String::from_utf8(out.0).map_err(|_| Error::from(ErrorKind::WriteFailure))
}

/// The same, but a text that consists of one value is that value: `{% if a %}{{ list }}{% endif %}` is the
/// list.
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

/// Refuses a text that repetition would make too large, before it is built.
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

/// The message and the hint of an error about a limit.
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
