//! Python methods that templates call.

use minijinja::value::{Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::limits;
use super::rewrite::LINK;
use super::undefined;

/// A larger width is taken for a mistake.
const MAX_WIDTH: usize = 10_000;

/// Calls a method that the value itself does not have.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if method == LINK {
        return Ok(undefined::link(value));
    }
    if let Some(text) = value.as_str()
        && let Some(result) = of_text(text, method, args)?
    {
        return Ok(result);
    }
    if method == "index" && value.kind() == ValueKind::Seq {
        let (wanted,): (Value,) = from_args(args)?;
        return match value.try_iter()?.position(|item| item == wanted) {
            Some(at) => Ok(Value::from(at)),
            None => Err(Error::new(
                ErrorKind::InvalidOperation,
                "index: the value is not in the list",
            )),
        };
    }
    if value.kind() == ValueKind::Seq
        && ["append", "extend", "insert", "pop", "remove"].contains(&method)
        || value.kind() == ValueKind::Map && ["update", "setdefault", "pop"].contains(&method)
    {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "`{method}` would change a value in place, which templates cannot do here\n\
                 Create a new one: `list + [item]`, `mapping | combine(...)`."
            ),
        ));
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}

fn of_text(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let width = text.chars().count();
    let fill = || -> Result<(usize, String), Error> {
        let (columns, filler): (usize, Option<String>) = from_args(args)?;
        if columns > MAX_WIDTH {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("{method}: the width is larger than {MAX_WIDTH}"),
            ));
        }
        let filler = filler.unwrap_or_else(|| " ".to_owned());
        if filler.chars().count() != 1 {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("{method}: the fill must be one character"),
            ));
        }
        Ok((columns, filler))
    };
    if ["replace", "join"].contains(&method) {
        grows(text, method, args)?;
        return Ok(None);
    }
    let three = |a: &str, b: &str, c: &str| Value::from(Tuple::from([a, b, c].map(Value::from)));
    Ok(Some(match method {
        "zfill" => {
            let (columns, _) = fill()?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => text.split_at(text.len() - digits.len()),
                None => ("", text),
            };
            Value::from(format!(
                "{sign}{}{digits}",
                "0".repeat(columns.saturating_sub(width))
            ))
        }
        "ljust" => {
            let (columns, filler) = fill()?;
            Value::from(format!(
                "{text}{}",
                filler.repeat(columns.saturating_sub(width))
            ))
        }
        "rjust" => {
            let (columns, filler) = fill()?;
            Value::from(format!(
                "{}{text}",
                filler.repeat(columns.saturating_sub(width))
            ))
        }
        "center" => {
            let (columns, filler) = fill()?;
            let missing = columns.saturating_sub(width);
            let left = missing / 2 + (missing & columns & 1);
            Value::from(format!(
                "{}{text}{}",
                filler.repeat(left),
                filler.repeat(missing - left)
            ))
        }
        "partition" => {
            let (by,): (String,) = from_args(args)?;
            match text.split_once(by.as_str()) {
                Some((before, after)) => three(before, &by, after),
                None => three(text, "", ""),
            }
        }
        "rpartition" => {
            let (by,): (String,) = from_args(args)?;
            match text.rsplit_once(by.as_str()) {
                Some((before, after)) => three(before, &by, after),
                None => three("", "", text),
            }
        }
        "rsplit" => return rsplit(text, args),
        "swapcase" => text
            .chars()
            .map(|c| {
                if c.is_uppercase() {
                    c.to_lowercase().to_string()
                } else {
                    c.to_uppercase().to_string()
                }
            })
            .collect::<String>()
            .into(),
        "removeprefix" => {
            let (prefix,): (String,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix.as_str()).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (String,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix.as_str()).unwrap_or(text))
        }
        "casefold" => Value::from(text.to_lowercase()),
        _ => return Ok(None),
    }))
}

/// Refuses arguments that would make a text too large; other errors are left to the filter itself.
fn grows(text: &str, method: &str, args: &[Value]) -> Result<(), Error> {
    let (times, part) = match (method, args) {
        ("replace", [find, with, ..]) => (
            find.as_str().map(|find| text.matches(find).count()),
            with.as_str().map(str::len),
        ),
        ("join", [items, ..]) => (items.len(), Some(text.len())),
        _ => return Ok(()),
    };
    limits::fits(method, 0, times.unwrap_or(0), part.unwrap_or(0))
}

/// Calls without a separator are left to the other implementation.
fn rsplit(text: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let (by, most, options): (Option<String>, Option<usize>, Kwargs) = from_args(args)?;
    let most = most.or(options.get("maxsplit")?);
    options.assert_all_used()?;
    let Some(by) = by else {
        return Ok(None);
    };
    let limit = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<Value> = text.rsplitn(limit, by.as_str()).map(Value::from).collect();
    parts.reverse();
    Ok(Some(Value::from(parts)))
}
