//! The template language of inventories and of `files::template`: minijinja, strict, with what Ansible's users expect of
//! Jinja2.
//!
//! [`environment`] makes the engine, [`Templates`] keeps what it has read, [`explain`] turns its errors into something to show. The filters that Ansible has and
//! minijinja lacks are in `filters`, the way Python writes values in `python`, what a rendering may cost in `limits`.

mod compiled;
mod filters;
mod header;
mod limits;
mod python;

pub use compiled::{Compiled, Templates};
pub use header::header_lines;
pub use limits::{MAX_STEPS, MAX_TEXT, render};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

/// An environment in which an undefined name is an error, values look in a text as Python writes them, and the usual filters
/// of Ansible are there. Lookups are not.
#[must_use]
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(limits::MAX_STEPS));
    // With the usual delimiters this cannot fail. Ansible drops the newline behind a `{% %}`.
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Invalid => minijinja::escape_formatter(out, state, value),
        _ => out.write_str(&python::finalize(value)).map_err(Error::from),
    });
    filters::add(&mut environment);
    environment
}

/// What went wrong in a template, for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A lower-case fragment.
    pub message: String,
    pub hint: Option<String>,
    /// Of the template, counted from 1.
    pub line: Option<usize>,
}

/// Says what went wrong in a template.
#[must_use]
pub fn explain(error: &Error) -> Explained {
    // The piece of the template that failed.
    let piece = error
        .template_source()
        .zip(error.range())
        .and_then(|(source, range)| source.get(range));
    let detail = error.detail().map(ToOwned::to_owned);
    let name = |detail: Option<String>| {
        detail.and_then(|detail| {
            detail
                .split_whitespace()
                .find(|word| !["filter", "test", "function", "the"].contains(word))
                .map(|word| word.trim_matches('`').to_owned())
        })
    };
    let limit = limits::explain(error);
    let (message, hint) = match error.kind() {
        _ if let Some((message, hint)) = limit => (message, Some(hint.to_owned())),
        ErrorKind::UndefinedError => {
            let what = piece.map_or_else(
                || detail.clone().unwrap_or_default(),
                |piece| format!("`{}`", piece.trim()),
            );
            (format!("{what} is not defined"), None)
        }
        ErrorKind::UnknownFilter => {
            let name = name(detail).unwrap_or_default();
            (
                format!("there is no filter `{name}`"),
                filters::nearest_filter(&name),
            )
        }
        ErrorKind::UnknownFunction => {
            let name = name(detail).unwrap_or_default();
            let hint = match name.as_str() {
                "lookup" | "query" | "q" => {
                    "Lookups of Ansible do not run here; put the value into the inventory, or give it with --var."
                }
                "omit" => "`omit` is known to Ansible's modules only.",
                _ => "It may be one of Ansible's own.",
            };
            (
                format!("there is no function `{name}`"),
                Some(hint.to_owned()),
            )
        }
        ErrorKind::UnknownTest => (
            format!("there is no test `{}`", name(detail).unwrap_or_default()),
            None,
        ),
        ErrorKind::SyntaxError => (
            format!(
                "the template cannot be read: {}",
                detail.unwrap_or_default()
            ),
            None,
        ),
        kind => (detail.unwrap_or_else(|| kind.to_string()), None),
    };
    Explained {
        message,
        hint,
        line: error.line(),
    }
}
