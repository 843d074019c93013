//! Ids of runs.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The id of a run: when it began (UTC) and four characters that distinguish runs of the same second:
/// `20261121-141530-3kf9`. The first two of them are the fraction of the second, in steps of a millisecond,
/// and the others are random, so ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Without `0`, `1`, `l` and `o`, which are easily mistyped, and in sort order.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

impl RunId {
    /// A new id for a run that begins now.
    #[must_use]
    pub fn new() -> Self {
        // Without randomness (the system call does not fail in practice) the nanoseconds distinguish runs.
        let random = getrandom::u32()
            .unwrap_or_else(|_| Timestamp::now().subsec_nanosecond().unsigned_abs());
        Self::at(Timestamp::now(), random)
    }

    pub(super) fn at(time: Timestamp, random: u32) -> Self {
        // One of 1024 parts. Nanoseconds are positive for times after 1970.
        let part = time.subsec_nanosecond().unsigned_abs() / (1_000_000_000 / 1024 + 1);
        let places = [part >> 5, part, random >> 5, random];
        let tail: String = places
            .into_iter()
            .map(|place| char::from(LETTERS[place as usize % LETTERS.len()]))
            .collect();
        let time = time.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
        Self(format!("{time}-{tail}"))
    }

    /// The id in the name of a directory, if it is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        let form = bytes.len() == 20
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 | 15 => *byte == b'-',
                0..15 => byte.is_ascii_digit(),
                _ => LETTERS.contains(byte),
            });
        form.then(|| Self(name.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_also_within_a_second() {
        let begin: Timestamp = "2026-11-28T19:30:05Z".parse().expect("a time");
        let names: Vec<RunId> = (0..1000_i64)
            .map(|ms| {
                let time = begin + jiff::SignedDuration::from_millis(ms);
                RunId::at(
                    time,
                    u32::try_from(ms)
                        .expect("small")
                        .wrapping_mul(2_654_435_761),
                )
            })
            .collect();
        assert!(names.is_sorted());
        assert!(
            names
                .iter()
                .all(|name| RunId::parse(name.as_str()).is_some())
        );
        assert_eq!(RunId::at(begin, 0).as_str(), "20261128-193005-2222");
    }
}
