//! Escaping texts that a terminal would act on.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text of several lines that a terminal only shows: control characters (except tab and newline) and marks
/// that change the direction of text are escaped. A carriage return before a newline is removed.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// The same for a text that must stay on one line.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\t')
}

/// Joins a message of several lines, such as the output of `sudo`, into one line with control characters
/// escaped.
#[must_use]
pub fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(clean_line).collect();
    lines.join("; ")
}

fn escape(text: &str, allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |c: char| is_harmful(c) && !allowed(c);
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !harmful(c) {
            out.push(c);
        } else if c == '\r' && matches!(rest.peek(), None | Some('\n')) {
            // The end of a line as some programs write it.
        } else {
            let _ = match c {
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                c if c.is_ascii() => write!(out, "\\x{:02x}", u32::from(c)),
                c => write!(out, "\\u{{{:x}}}", u32::from(c)),
            };
        }
    }
    Cow::Owned(out)
}

/// Controls (ECMA-48), the line separators of Unicode, and its marks of direction (UAX #9).
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
