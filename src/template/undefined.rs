//! Undefined values: lookups in them, and their names in errors.
//!
//! As in Ansible, `gone.b` is undefined like `gone`, so that `default` and `is defined` can handle it. Any
//! other use is an error.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments over by value"
)]

use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::rewrite;

/// Replaces an undefined value during a lookup in it. It has no members.
#[derive(Debug)]
struct Nothing;

impl Object for Nothing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }
}

/// The value to look something up in: the value, or something empty if it is undefined.
pub(super) fn link(value: &Value) -> Value {
    if value.is_undefined() {
        Value::from_object(Nothing)
    } else {
        value.clone()
    }
}

/// `undef(hint=...)`: the value of a variable that must be set elsewhere.
pub(super) fn undef(hint: Option<String>, options: Kwargs) -> Result<Value, Error> {
    let hint = hint.or(options.get("hint")?);
    options.assert_all_used()?;
    let hint = hint.unwrap_or_else(|| "it must be set".to_owned());
    Err(Error::new(ErrorKind::InvalidOperation, hint))
}

/// Returns an error if the value, or something in it, is not defined.
pub(super) fn check(value: &Value) -> Result<(), Error> {
    match value.kind() {
        // An attribute of an undefined value: an error that knows where the value comes from.
        ValueKind::Undefined => value.get_attr("").map(|_| ()),
        ValueKind::Seq => value.try_iter()?.try_for_each(|item| check(&item)),
        ValueKind::Map => value
            .try_iter()?
            .try_for_each(|key| check(&value.get_item(&key)?)),
        // A failed value contains the reason, which it shows as text.
        ValueKind::Invalid => {
            let shown = value.to_string();
            let why = shown.strip_prefix("<invalid value: ").unwrap_or(&shown);
            let why = why.strip_suffix('>').unwrap_or(why);
            let why = why.strip_prefix("invalid operation: ").unwrap_or(why);
            Err(Error::new(ErrorKind::InvalidOperation, why.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether the engine's message reports something undefined: ``no length (`a` is undefined)``.
pub(super) fn is_told(detail: Option<&str>) -> bool {
    detail.is_some_and(|detail| detail.contains("` is undefined"))
}

/// Whether the engine's message names it, so that no guess is needed.
pub(super) fn is_named(detail: Option<&str>) -> bool {
    is_told(detail) && detail.is_some_and(|detail| !detail.contains("(...)"))
}

/// The undefined name, from the engine's message (`` `a.b` is undefined ``) and the piece of the template
/// that failed.
pub(super) fn name(detail: Option<&str>, piece: Option<&str>) -> Option<String> {
    let piece = piece.map(|piece| rewrite::original(piece.trim()));
    let described = detail
        .and_then(|detail| detail.rsplit_once("` is undefined"))
        .and_then(|(before, _)| before.split_once('`'))
        .map(|(_, described)| described);
    match described {
        None => piece.map(|piece| attribute(&piece).unwrap_or(piece)),
        // A nested lookup: the engine reports only its last step.
        Some(described) if described.contains("(...)") => {
            let step = described.rsplit("(...)").next().unwrap_or_default();
            let chain = piece.as_deref().and_then(|piece| chain(piece, step));
            chain.or(piece)
        }
        Some(described) => Some(described.to_owned()),
    }
}

/// Whether it is a name or a lookup (`a`, `a.b['c'][0]`), not the result of an operator, a filter or a
/// call.
pub(super) fn is_name(text: &str) -> bool {
    let mut quote = None;
    text.chars().all(|c| {
        if let Some(open) = quote {
            quote = (c != open).then_some(open);
            return true;
        }
        quote = matches!(c, '\'' | '"').then_some(c);
        quote.is_some() || c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']')
    })
}

/// The attribute of `map(attribute=...)`, if there is one: its items do not contain their names.
fn attribute(piece: &str) -> Option<String> {
    let (_, after) = piece.rsplit_once("attribute=")?;
    let quote = after
        .trim_start()
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    after.split(quote).nth(1).map(str::to_owned)
}

/// The last lookup in an expression that ends with this step.
fn chain(piece: &str, step: &str) -> Option<String> {
    let unquoted = step.replace('"', "'");
    let at = [step, &unquoted]
        .into_iter()
        .find_map(|step| piece.rfind(step).map(|at| at + step.len()))?;
    let mut depth = 0_usize;
    let start = piece[..at]
        .char_indices()
        .rev()
        .take_while(|(_, c)| {
            match c {
                ']' | ')' => depth += 1,
                '[' | '(' if depth == 0 => return false,
                '[' | '(' => depth -= 1,
                _ => {}
            }
            depth > 0 || c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | '(')
        })
        .last()
        .map(|(start, _)| start)?;
    Some(piece[start..at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_the_undefined_value() {
        let named = |detail, piece| name(Some(detail), Some(piece)).unwrap();
        assert_eq!(named("`gone` is undefined", "'x' ~ gone"), "gone");
        assert_eq!(
            named(
                "`(...).c` is undefined",
                "'x' ~ a.__link().b.__link().c ~ 'y'"
            ),
            "a.b.c"
        );
        assert_eq!(
            named("`(...)[\"k\"]` is undefined", "f(1, a.__link()['k'])"),
            "a['k']"
        );
        assert_eq!(name(None, Some(" gone ")).unwrap(), "gone");
    }
}
