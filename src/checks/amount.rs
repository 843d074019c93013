//! An amount that must be available: a share of the whole, or an absolute number.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// `"10%"`, `"5G"`, `"512M"`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    /// Percent of the whole.
    Share(f64),
    /// Bytes, or another unit.
    Count(u64),
}

/// The suffixes of sizes: each is 1024 times the one before it.
const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];

const HINT: &str = "Write a share like \"10%\" or a size like \"512M\" or \"5G\".";

impl Amount {
    /// # Errors
    /// A lower-case fragment, followed by a line break and a hint.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("invalid amount: `{text}`\n{HINT}");
        let trimmed = text.trim();
        if let Some(number) = trimmed.strip_suffix('%') {
            let share = decimal(number).ok_or_else(wrong)?;
            if share > 100.0 {
                return Err(format!("`{text}` is more than the maximum\n{HINT}"));
            }
            return Ok(Self::Share(share));
        }
        let (number, factor) = match trimmed.char_indices().find(|(_, c)| c.is_alphabetic()) {
            None => (trimmed, 1),
            Some((at, letter)) => {
                let power = UNITS
                    .iter()
                    .position(|unit| *unit == letter.to_ascii_uppercase())
                    .ok_or_else(wrong)?;
                // "5GB" would be ambiguous, and "5GiB" is not supported.
                if !matches!(&trimmed[at + letter.len_utf8()..], "" | "i" | "iB") {
                    return Err(wrong());
                }
                // There are at most five units, so this fits.
                (
                    &trimmed[..at],
                    1_u64 << (10 * (u32::try_from(power).unwrap_or(0) + 1)),
                )
            }
        };
        if let Ok(whole) = number.trim().parse::<u64>() {
            return whole.checked_mul(factor).map(Self::Count).ok_or_else(wrong);
        }
        let part = decimal(number).filter(|_| factor > 1).ok_or_else(wrong)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; a fraction of a byte does not matter; a cast of a large float saturates"
        )]
        let count = (part * factor as f64) as u64;
        Ok(Self::Count(count))
    }

    /// Whether `there` of `whole` is at least this amount.
    #[must_use]
    pub(crate) fn is_met(self, there: u64, whole: u64) -> bool {
        match self {
            Self::Share(share) => percent(there, whole) >= share,
            Self::Count(count) => there >= count,
        }
    }
}

/// Digits with at most one point, and nothing else that parses as a float.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| text.parse().ok()).flatten()
}

/// `there` as a percentage of `whole`; 0 if `whole` is 0.
#[must_use]
pub(crate) fn percent(there: u64, whole: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "it is shown with one decimal place"
    )]
    let share = there as f64 / whole as f64 * 100.0;
    if whole == 0 { 0.0 } else { share }
}

/// Bytes in the format of `df -h`: `812`, `4.2G`.
#[must_use]
pub(crate) fn size(bytes: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "it is shown with one decimal place"
    )]
    let mut number = bytes as f64;
    let mut unit = None;
    for next in UNITS {
        if number < 1024.0 {
            break;
        }
        number /= 1024.0;
        unit = Some(next);
    }
    unit.map_or_else(|| bytes.to_string(), |unit| format!("{number:.1}{unit}"))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{share}%"),
            Self::Count(count) => f.write_str(&size(*count)),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as \"10%\" or \"5G\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                Amount::parse(text).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Amount, E> {
                Ok(Amount::Count(count))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Amount, E> {
                u64::try_from(count)
                    .map(Amount::Count)
                    .map_err(|_| E::custom(format!("{count} is negative")))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shares_or_sizes() {
        let parsed = |text| Amount::parse(text).ok();
        assert_eq!(parsed("10%"), Some(Amount::Share(10.0)));
        assert_eq!(parsed(" 2.5 %"), Some(Amount::Share(2.5)));
        assert_eq!(parsed("512M"), Some(Amount::Count(512 << 20)));
        assert_eq!(parsed("5GiB"), Some(Amount::Count(5 << 30)));
        assert_eq!(parsed("1.5k"), Some(Amount::Count(1536)));
        assert_eq!(parsed("4096"), Some(Amount::Count(4096)));
        for wrong in [
            "",
            "%",
            "G",
            "5GB",
            "-1%",
            "101%",
            "5 apples",
            "nan%",
            "1e3",
            "1.5",
            "1.2.3%",
            "9999999999P",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn compares_what_is_available_with_the_whole() {
        assert!(Amount::Share(10.0).is_met(10, 100));
        assert!(!Amount::Share(10.0).is_met(9, 100));
        assert!(
            !Amount::Share(0.1).is_met(0, 0),
            "no free bytes of an empty file system"
        );
        assert!(Amount::Count(5).is_met(5, 6));
        assert!(!Amount::Count(5).is_met(4, 6));
    }

    #[test]
    fn formats_sizes_like_df() {
        assert_eq!(
            [size(0), size(1023), size(1536), size(5 << 30)],
            ["0", "1023", "1.5K", "5.0G"]
        );
    }
}
