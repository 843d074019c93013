//! `strftime`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::arguments::{invalid, kwarg, text};

pub(super) fn strftime(
    format: &Value,
    second: Option<Value>,
    utc: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let second = second
        .or(kwarg(&options, "second")?)
        .filter(|second| !second.is_none());
    let utc = utc.or(kwarg(&options, "utc")?).unwrap_or(false);
    options.assert_all_used()?;
    let at = match second {
        None => Timestamp::now(),
        Some(second) => seconds(&second)?,
    };
    let zone = if utc {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    write("strftime", &at.to_zoned(zone), &text(format)?)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time in whole seconds, checked to be one"
)]
fn seconds(second: &Value) -> Result<Timestamp, Error> {
    let written = text(second)?;
    let number: Option<f64> = written.trim().parse().ok();
    number
        .and_then(|number| Timestamp::from_second(number.floor() as i64).ok())
        .ok_or_else(|| invalid("strftime: the value is not a time in seconds"))
}

fn write(filter: &str, at: &jiff::Zoned, format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, at)
        .map_err(|_| invalid(format!("{filter}: the time format is invalid")))
}

/// `now(utc, fmt)`: the time as Python writes it, or in a format.
pub(in crate::template) fn now(
    utc: Option<bool>,
    format: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let utc = utc.or(kwarg(&options, "utc")?).unwrap_or(false);
    let format = format.or(kwarg(&options, "fmt")?);
    options.assert_all_used()?;
    let zone = if utc {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let format = format.unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%6f".to_owned());
    write("now", &Timestamp::now().to_zoned(zone), &format)
}
