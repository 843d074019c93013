//! `'%s' % value`: the formatting of Python's `%`, and remainders of numbers.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::{python, undefined};

/// A larger width or precision is taken for a mistake.
const MAX_WIDTH: usize = 10_000;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The result of `left % right`.
pub(super) fn remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    undefined::check(left)?;
    undefined::check(right)?;
    if let Some(text) = left.as_str() {
        return format(text, right).map(Value::from);
    }
    match (left.as_i64(), right.as_i64()) {
        _ if right.is_number() && *right == Value::from(0) => Err(invalid("a division by zero")),
        (Some(left_number), Some(right_number)) if left.is_integer() && right.is_integer() => {
            // As in Python, the result has the sign of the divisor.
            let rest = left_number.wrapping_rem(right_number);
            let other_sign = rest != 0 && (rest < 0) != (right_number < 0);
            Ok(Value::from(if other_sign {
                rest + right_number
            } else {
                rest
            }))
        }
        _ => match (f64::try_from(left.clone()), f64::try_from(right.clone())) {
            (Ok(left), Ok(right)) => {
                let rest = left % right;
                let other_sign = rest != 0.0 && (rest < 0.0) != (right < 0.0);
                Ok(Value::from(if other_sign { rest + right } else { rest }))
            }
            _ => Err(invalid(format!(
                "`%` needs numbers, or a string on its left; here it has {} and {}",
                left.kind(),
                right.kind()
            ))),
        },
    }
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the format"
)]
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// The arguments: those of a tuple one by one, or one value.
struct Arguments<'a> {
    all: Vec<Value>,
    used: usize,
    whole: &'a Value,
}

impl Arguments<'_> {
    fn next(&mut self) -> Result<Value, Error> {
        let value = self.all.get(self.used).cloned();
        self.used += 1;
        value.ok_or_else(|| invalid("`%`: the format needs more values"))
    }
}

fn format(text: &str, values: &Value) -> Result<String, Error> {
    let all = if values.is_tuple() {
        values.try_iter()?.collect()
    } else {
        vec![values.clone()]
    };
    let mut arguments = Arguments {
        all,
        used: 0,
        whole: values,
    };
    let mut out = String::new();
    let mut rest = text;
    let mut named = false;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut value = None;
        if let Some(inner) = rest.strip_prefix('(') {
            let (name, after) = inner
                .split_once(')')
                .ok_or_else(|| invalid("`%`: a closing parenthesis is missing"))?;
            let found = arguments.whole.get_attr(name)?;
            if found.is_undefined() {
                return Err(invalid("`%`: a named value is missing"));
            }
            value = Some(found);
            named = true;
            rest = after;
        }
        let spec = spec(&mut rest, &mut arguments)?;
        let mut letters = rest.chars();
        let conversion = letters
            .next()
            .ok_or_else(|| invalid("`%`: the format ends after a `%`"))?;
        rest = letters.as_str();
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => arguments.next()?,
        };
        out.push_str(&convert(conversion, &spec, &value)?);
    }
    out.push_str(rest);
    let mapping = values.kind() == ValueKind::Map;
    if !named && !mapping && arguments.used < arguments.all.len() {
        return Err(invalid("`%`: too many values for the format"));
    }
    Ok(out)
}

fn spec(rest: &mut &str, arguments: &mut Arguments<'_>) -> Result<Spec, Error> {
    let mut spec = Spec::default();
    while let Some(flag) = rest.chars().next().filter(|c| "-+ 0#".contains(*c)) {
        match flag {
            '-' => spec.left = true,
            '+' => spec.plus = true,
            ' ' => spec.space = true,
            '0' => spec.zero = true,
            _ => spec.alternate = true,
        }
        *rest = &rest[1..];
    }
    spec.width = number(rest, arguments)?.unwrap_or(0);
    if let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        spec.precision = Some(number(rest, arguments)?.unwrap_or(0));
    }
    *rest = rest.trim_start_matches(['h', 'l', 'L']);
    Ok(spec)
}

fn number(rest: &mut &str, arguments: &mut Arguments<'_>) -> Result<Option<usize>, Error> {
    let wide = || invalid(format!("`%`: a width must be a number up to {MAX_WIDTH}"));
    let number = if let Some(after) = rest.strip_prefix('*') {
        *rest = after;
        arguments.next()?.as_usize().ok_or_else(wide)?
    } else {
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        if end == 0 {
            return Ok(None);
        }
        let digits = &rest[..end];
        *rest = &rest[end..];
        digits.parse().map_err(|_| wide())?
    };
    if number > MAX_WIDTH {
        Err(wide())
    } else {
        Ok(Some(number))
    }
}

fn convert(conversion: char, spec: &Spec, value: &Value) -> Result<String, Error> {
    Ok(match conversion {
        's' | 'r' | 'a' => {
            let text = if conversion == 's' {
                python::str(value)
            } else {
                python::repr_of(value)
            };
            let text = match spec.precision {
                Some(most) => text.chars().take(most).collect(),
                None => text,
            };
            padded(spec, "", &text, false)
        }
        'c' => padded(spec, "", &python::str(value), false),
        'd' | 'i' | 'u' => {
            let number = whole(value)?;
            let digits = number.unsigned_abs().to_string();
            let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
            padded(spec, sign(spec, number < 0), &digits, true)
        }
        'x' | 'X' | 'o' => {
            let number = whole(value)?;
            let size = number.unsigned_abs();
            let (digits, prefix) = match conversion {
                'x' => (format!("{size:x}"), "0x"),
                'X' => (format!("{size:X}"), "0X"),
                _ => (format!("{size:o}"), "0o"),
            };
            let prefix = if spec.alternate { prefix } else { "" };
            padded(
                spec,
                &format!("{}{prefix}", sign(spec, number < 0)),
                &digits,
                true,
            )
        }
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = f64::try_from(value.clone())
                .ok()
                .filter(|_| value.is_number());
            let number = number.ok_or_else(|| wrong(value))?;
            let digits = float(conversion, spec, number.abs());
            padded(spec, sign(spec, number.is_sign_negative()), &digits, true)
        }
        _ => return Err(invalid("`%`: the format is invalid: unknown conversion")),
    })
}

fn wrong(value: &Value) -> Error {
    invalid(format!("`%`: needs a number, not {}", value.kind()))
}

#[expect(clippy::cast_possible_truncation, reason = "Python truncates here too")]
fn whole(value: &Value) -> Result<i128, Error> {
    if value.kind() == ValueKind::Bool {
        return Ok(i128::from(value.is_true()));
    }
    let number = i128::try_from(value.clone())
        .ok()
        .filter(|_| value.is_integer());
    let float = || {
        f64::try_from(value.clone())
            .ok()
            .filter(|_| value.is_number())
    };
    number
        .or_else(|| float().map(|float| float.trunc() as i128))
        .ok_or_else(|| wrong(value))
}

const fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn float(conversion: char, spec: &Spec, number: f64) -> String {
    let precision = spec.precision.unwrap_or(6);
    let text = match conversion.to_ascii_lowercase() {
        'f' => format!("{number:.precision$}"),
        'e' => exponent(number, precision),
        _ => general(number, precision.max(1)),
    };
    if conversion.is_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}

/// `1.5e+03`: Rust writes `1.5e3`.
fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{digits}e{sign}{power:0>2}")
}

fn general(number: f64, precision: usize) -> String {
    let text = exponent(number, precision - 1);
    let power: i64 = text
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let limit = i64::try_from(precision).unwrap_or(i64::MAX);
    let trim = |text: &str| -> String {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if power < -4 || power >= limit {
        let (digits, power) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{power}", trim(digits));
    }
    let decimals = usize::try_from(limit - 1 - power).unwrap_or(0);
    trim(&format!("{number:.decimals$}"))
}

fn padded(spec: &Spec, sign: &str, body: &str, number: bool) -> String {
    let missing = spec
        .width
        .saturating_sub(sign.chars().count() + body.chars().count());
    if spec.left {
        format!("{sign}{body}{}", " ".repeat(missing))
    } else if spec.zero && number {
        format!("{sign}{}{body}", "0".repeat(missing))
    } else {
        format!("{}{sign}{body}", " ".repeat(missing))
    }
}
