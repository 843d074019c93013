//! Describes what is wrong with a template, in the user's terms.

use minijinja::{Error, ErrorKind};

use super::{filters, limits, predicates, rewrite, undefined};

/// A name in the context of a template. It maps an undefined name to the reason, if that is an error in the
/// template of that variable.
pub const REASONS: &str = "__reasons";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A lower-case fragment.
    pub message: String,
    pub hint: Option<String>,
    /// The line of the template, counted from 1.
    pub line: Option<usize>,
    /// The undefined name, if that is the error. Empty if the name is unknown.
    pub undefined: Option<String>,
}

/// Describes what is wrong with a template.
#[must_use]
pub fn explain(error: &Error) -> Explained {
    // The piece of the template that failed.
    let piece = error
        .template_source()
        .zip(error.range())
        .and_then(|(source, range)| {
            // From the start of its expression: for nested lookups, the engine reports only the range of
            // the last step.
            let before = source.get(..range.start)?;
            let start = ["{{", "{%"]
                .iter()
                .filter_map(|open| before.rfind(open))
                .max();
            source.get(start.map_or(0, |start| start + 2)..range.end)
        });
    let detail = error.detail().map(ToOwned::to_owned);
    let kind = match error.kind() {
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            error.kind()
        }
        _ if undefined::is_told(detail.as_deref()) => ErrorKind::UndefinedError,
        kind => kind,
    };
    let limit = limits::explain(error);
    let mut undefined = None;
    let (message, hint) = match kind {
        _ if let Some((message, hint)) = limit => (message, Some(hint.to_owned())),
        ErrorKind::UndefinedError => {
            let name = undefined::name(detail.as_deref(), piece);
            let told = undefined::is_named(detail.as_deref());
            let message = match &name {
                Some(name) if told || undefined::is_name(name) => {
                    format!("`{name}` is not defined")
                }
                Some(expression) => format!("the result of `{expression}` is not defined"),
                None => "a value in it is not defined".to_owned(),
            };
            undefined = Some(name.unwrap_or_default());
            (message, None)
        }
        ErrorKind::UnknownFilter => {
            let name = named(detail.as_deref(), piece);
            let hint = filters::missing(&name);
            (format!("unknown filter `{name}`"), hint)
        }
        ErrorKind::UnknownFunction => {
            let name = named(detail.as_deref(), piece);
            (
                format!("unknown function `{name}`"),
                Some("It may be specific to Ansible.".to_owned()),
            )
        }
        ErrorKind::UnknownTest => {
            let name = named(detail.as_deref(), piece);
            let hint = predicates::missing(&name);
            (format!("unknown test `{name}`"), hint)
        }
        ErrorKind::SyntaxError => (
            format!("invalid template: {}", detail.unwrap_or_default()),
            None,
        ),
        // The engine appends the numbers, which may come from a secret.
        _ if detail
            .as_deref()
            .is_some_and(|detail| detail.starts_with("unable to calculate ")) =>
        {
            (
                "the calculation failed: the result is too large, or it is a division by zero"
                    .to_owned(),
                None,
            )
        }
        kind => (detail.unwrap_or_else(|| kind.to_string()), None),
    };
    Explained {
        message,
        hint,
        line: error.line(),
        undefined,
    }
}

/// The same for a template that was rendered with these variables: if one of them is undefined because of
/// an error in its own template, the message describes that error.
#[must_use]
pub fn explain_with(error: &Error, vars: &minijinja::Value) -> Explained {
    let explained = explain(error);
    let reason = explained.undefined.as_deref().and_then(|name| {
        let reasons = vars.get_attr(REASONS).ok()?;
        let reason = reasons.get_attr(name).ok()?;
        reason.as_str().map(ToOwned::to_owned)
    });
    match reason {
        Some(message) => Explained {
            message,
            ..explained
        },
        None => explained,
    }
}

/// The name of an unknown filter, test or function: from the engine's message (`filter x is unknown`), or
/// the piece of the template.
fn named(detail: Option<&str>, piece: Option<&str>) -> String {
    let quoted = detail.and_then(|detail| detail.split_once('`')?.1.rsplit_once('`'));
    if let Some((name, _)) = quoted {
        return name.to_owned();
    }
    let word = detail.and_then(|detail| {
        detail
            .split_whitespace()
            .find(|word| !["filter", "test", "function", "the"].contains(word))
    });
    match word {
        Some(word) => word.trim_matches('`').to_owned(),
        None => piece.map(rewrite::original).unwrap_or_default(),
    }
}
