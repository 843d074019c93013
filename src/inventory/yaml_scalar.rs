//! Resolves a plain scalar of YAML 1.1, like PyYAML, which Ansible uses.

use serde_json::Value;

/// The typed value of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    // Most scalars are words: only one that starts like a number can be a number.
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && let Some(number) = integer(text).or_else(|| float(text))
    {
        return number;
    }
    Value::String(text.to_owned())
}

fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let first = *digits.as_bytes().first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let parse = |digits: &str, radix: u32| {
        let clean = digits.replace('_', "");
        if clean.is_empty() {
            None
        } else {
            i128::from_str_radix(&clean, radix).ok()
        }
    };
    let only =
        |digits: &str, allowed: fn(&u8) -> bool| digits.bytes().all(|b| b == b'_' || allowed(&b));
    let magnitude = if let Some(rest) = digits.strip_prefix("0b") {
        only(rest, |b| matches!(b, b'0' | b'1')).then(|| parse(rest, 2))??
    } else if let Some(rest) = digits.strip_prefix("0x") {
        only(rest, u8::is_ascii_hexdigit).then(|| parse(rest, 16))??
    } else if first == b'0' && digits.len() > 1 {
        // Only octal digits: `08` is a string, as in PyYAML.
        only(digits, |b| matches!(b, b'0'..=b'7')).then(|| parse(digits, 8))??
    } else if digits.contains(':') {
        base_sixty(digits)?
    } else {
        only(digits, u8::is_ascii_digit).then(|| parse(digits, 10))??
    };
    whole(if negative { -magnitude } else { magnitude })
}

/// `[1-9][0-9_]*(:[0-5]?[0-9])+`: `1:30` is 90.
fn base_sixty(digits: &str) -> Option<i128> {
    let mut parts = digits.split(':');
    let mut total: i128 = parts.next()?.replace('_', "").parse().ok()?;
    for part in parts {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part: i128 = part.parse().ok()?;
        if part >= 60 {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(part)?;
    }
    Some(total)
}

/// Converts a number to one that JSON supports. A larger one stays a string.
pub(super) fn whole(number: i128) -> Option<Value> {
    if let Ok(small) = i64::try_from(number) {
        return Some(small.into());
    }
    u64::try_from(number).ok().map(Into::into)
}

/// `[-+]?([0-9][0-9_]*)\.[0-9_]*([eE][-+][0-9]+)?`, or `\.[0-9][0-9_]*`: the dot is required, and so is the
/// sign of an exponent. Infinity and NaN stay strings, since JSON has no such numbers.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (before, after) = mantissa.split_once('.')?;
    let digits = |part: &str| part.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    if !digits(before) || !digits(after) || before.starts_with('_') {
        return None;
    }
    if before.is_empty() && !after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let number = exponent.strip_prefix(['-', '+'])?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let clean = text.replace('_', "");
    let number: f64 = clean.parse().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use serde_json::json;

    #[test]
    fn types_follow_yaml_1_1() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("~", json!(null)),
            ("12", json!(12)),
            ("-12", json!(-12)),
            ("+1_000", json!(1000)),
            ("0644", json!(420)),
            ("0o644", json!("0o644")),
            ("08", json!("08")),
            ("0x1f", json!(31)),
            ("0b101", json!(5)),
            ("1:30", json!(90)),
            ("22:61", json!("22:61")),
            ("1.5", json!(1.5)),
            ("1e3", json!("1e3")),
            ("1.0e+3", json!(1000.0)),
            (".5", json!(0.5)),
            (".", json!(".")),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("18446744073709551616", json!("18446744073709551616")),
            ("2026-11-21", json!("2026-11-21")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
