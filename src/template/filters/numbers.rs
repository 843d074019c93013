//! Filters of numbers.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{invalid, kwarg};
use super::lists::{attribute, items, undefined_attribute};
use crate::template::undefined;

fn number(filter: &str, value: &Value) -> Result<f64, Error> {
    undefined::check(value)?;
    f64::try_from(value.clone())
        .ok()
        .filter(|_| value.is_number())
        .ok_or_else(|| invalid(format!("{filter}: needs numbers, not {}", value.kind())))
}

/// A float is truncated; a string that is not a number gives the default.
pub(super) fn int(
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    undefined::check(value)?;
    let default = default
        .or(kwarg(&options, "default")?)
        .unwrap_or_else(|| Value::from(0));
    let base = base.or(kwarg(&options, "base")?).unwrap_or(10);
    options.assert_all_used()?;
    if !(2..=36).contains(&base) {
        return Err(invalid("int: the base must be between 2 and 36"));
    }
    match value.kind() {
        ValueKind::Bool => return Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => return Ok(value.clone()),
        ValueKind::Number => {
            return Ok(whole(
                f64::try_from(value.clone()).unwrap_or(f64::NAN),
                default,
            ));
        }
        _ => {}
    }
    let Some(text) = value.as_str().map(str::trim) else {
        return Ok(default);
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = digits.to_ascii_lowercase();
    let digits = digits.strip_prefix(prefix).unwrap_or(&digits);
    let signed = digits.starts_with(['+', '-']);
    let parsed = i128::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), base);
    if let Some(parsed) = parsed.ok().filter(|_| !signed) {
        return Ok(i64::try_from(parsed).map_or_else(|_| Value::from(parsed), Value::from));
    }
    Ok(text
        .parse()
        .map_or(default.clone(), |float: f64| whole(float, default)))
}

#[expect(clippy::cast_possible_truncation, reason = "Python truncates here too")]
fn whole(float: f64, default: Value) -> Value {
    if float.is_finite() {
        Value::from(float.trunc() as i64)
    } else {
        default
    }
}

pub(super) fn float(
    value: &Value,
    default: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    undefined::check(value)?;
    let default = default
        .or(kwarg(&options, "default")?)
        .unwrap_or_else(|| Value::from(0.0));
    options.assert_all_used()?;
    let parsed = match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => value.as_str().and_then(|text| text.trim().parse().ok()),
    };
    Ok(parsed.map_or(default, Value::from))
}

/// Halves are rounded to the even neighbour, as in Python.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of few digits"
)]
pub(super) fn round(
    value: &Value,
    precision: Option<i32>,
    method: Option<String>,
    options: Kwargs,
) -> Result<Value, Error> {
    let precision = precision.or(kwarg(&options, "precision")?).unwrap_or(0);
    let method = method
        .or(kwarg(&options, "method")?)
        .unwrap_or_else(|| "common".to_owned());
    options.assert_all_used()?;
    let float = number("round", value)?;
    let factor = 10_f64.powi(precision);
    let rounded = match method.as_str() {
        "common" if value.is_integer() && precision >= 0 => return Ok(value.clone()),
        "common" if precision >= 0 => {
            // The shortest text with this number of digits is the result of Python's `round`.
            let digits = usize::try_from(precision).unwrap_or(0).min(300);
            format!("{float:.digits$}").parse().unwrap_or(float)
        }
        "common" => (float * factor).round_ties_even() / factor,
        "ceil" => (float * factor).ceil() / factor,
        "floor" => (float * factor).floor() / factor,
        other => return Err(invalid(format!("round: unknown method `{other}`"))),
    };
    if value.is_integer() && method == "common" {
        return Ok(Value::from(rounded as i64));
    }
    Ok(Value::from(rounded))
}

/// Adds numbers, or joins lists if it starts with one.
pub(super) fn sum(
    value: &Value,
    path: Option<Value>,
    start: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let path = path
        .or(kwarg(&options, "attribute")?)
        .filter(|path| !path.is_none());
    let start = start
        .or(kwarg(&options, "start")?)
        .unwrap_or_else(|| Value::from(0));
    options.assert_all_used()?;
    let mut parts = Vec::new();
    for item in items(value)? {
        let part = path
            .as_ref()
            .map_or_else(|| item.clone(), |path| attribute(&item, path));
        if let (Some(path), true) = (&path, part.is_undefined()) {
            return Err(undefined_attribute(path));
        }
        undefined::check(&part)?;
        parts.push(part);
    }
    if matches!(start.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let mut all = items(&start)?;
        for part in parts {
            all.extend(items(&part)?);
        }
        return Ok(Value::from(all));
    }
    let all = std::iter::once(&start).chain(&parts);
    if all.clone().all(Value::is_integer) {
        let whole: Option<i128> = all.map(|part| i128::try_from(part.clone()).ok()).sum();
        let whole = whole.ok_or_else(|| invalid("sum: the sum is too large"))?;
        return Ok(i64::try_from(whole).map_or_else(|_| Value::from(whole), Value::from));
    }
    let mut total = 0.0;
    for part in all {
        total += if part.kind() == ValueKind::Bool {
            f64::from(u8::from(part.is_true()))
        } else {
            number("sum", part)?
        };
    }
    Ok(Value::from(total))
}

pub(super) fn log(value: &Value, base: Option<f64>) -> Result<f64, Error> {
    let number = number("log", value)?;
    if number <= 0.0 {
        return Err(invalid("log: the number must be greater than 0"));
    }
    Ok(match base {
        None => number.ln(),
        Some(10.0) => number.log10(),
        Some(base) => number.ln() / base.ln(),
    })
}

pub(super) fn pow(value: &Value, power: f64) -> Result<f64, Error> {
    Ok(number("pow", value)?.powf(power))
}

pub(super) fn root(value: &Value, base: Option<f64>) -> Result<f64, Error> {
    let number = number("root", value)?;
    if number < 0.0 {
        return Err(invalid("root: the number must not be negative"));
    }
    Ok(match base {
        None | Some(2.0) => number.sqrt(),
        Some(base) => number.powf(1.0 / base),
    })
}
