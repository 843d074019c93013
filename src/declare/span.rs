//! Durations, as written in a playbook.

use std::time::Duration;

use serde::Deserialize;

/// `"90s"`, `"5m"`, `"1h 30m"`, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Span(pub Duration);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a duration such as \"90s\" or a number of seconds"
)]
enum Written {
    Seconds(u64),
    Fraction(f64),
    Text(String),
}

impl TryFrom<Written> for Span {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Seconds(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Written::Fraction(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| format!("invalid duration in seconds: {seconds}")),
            Written::Text(text) => humantime::parse_duration(&text).map(Self).map_err(|_| {
                format!("invalid duration: {text:?}\nWrite \"90s\", \"5m\" or \"1h 30m\".")
            }),
        }
    }
}
