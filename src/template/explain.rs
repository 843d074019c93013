//! Says what is wrong with a template, in the user's terms.

use minijinja::{Error, ErrorKind};

use super::{filters, limits, predicates, rewrite, undefined};

/// A name in the context of a template. It maps the name of something undefined to the reason, if that is an
/// error in its own template.
pub const REASONS: &str = "__reasons";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A lower-case fragment.
    pub message: String,
    pub hint: Option<String>,
    /// Of the template, counted from 1.
    pub line: Option<usize>,
    /// What is not defined, if that is what went wrong. Empty if it is not known.
    pub undefined: Option<String>,
}

/// Says what is wrong with a template.
#[must_use]
pub fn explain(error: &Error) -> Explained {
    // The piece of the template that failed.
    let piece = error
        .template_source()
        .zip(error.range())
        .and_then(|(source, range)| {
            // From the start of its expression: the engine's range of a lookup in a lookup is its last step.
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
                None => "something in it is not defined".to_owned(),
            };
            undefined = Some(name.unwrap_or_default());
            (message, None)
        }
        ErrorKind::UnknownFilter => {
            let name = named(detail.as_deref(), piece);
            let hint = filters::missing(&name);
            (format!("there is no filter `{name}`"), hint)
        }
        ErrorKind::UnknownFunction => {
            let name = named(detail.as_deref(), piece);
            (
                format!("there is no function `{name}`"),
                Some("It may be one of Ansible's own.".to_owned()),
            )
        }
        ErrorKind::UnknownTest => {
            let name = named(detail.as_deref(), piece);
            let hint = predicates::missing(&name);
            (format!("there is no test `{name}`"), hint)
        }
        ErrorKind::SyntaxError => (
            format!(
                "the template cannot be read: {}",
                detail.unwrap_or_default()
            ),
            None,
        ),
        // It goes on with the numbers, which may come from a secret.
        _ if detail
            .as_deref()
            .is_some_and(|detail| detail.starts_with("unable to calculate ")) =>
        {
            (
                "it cannot be calculated: the result is too large, or it is a division by zero"
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

/// The same for a template that was rendered with these variables: if one of them is undefined because its
/// own template is at fault, it says where.
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

/// The name of a filter, test or function that is not there: from the engine's words (`filter x is unknown`),
/// or the piece of the template.
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
