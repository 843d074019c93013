//! The names of runs.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The name of a run: when it began (UTC, so that names sort by time) and four characters that tell
/// runs of one second apart: `20261121-141530-k3f9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Without `0`, `1`, `l` and `o`, which are easily mistaken when typed from a log.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl RunId {
    /// A new name for a run that begins now.
    #[must_use]
    pub fn new() -> Self {
        // Without randomness (a system call that does not fail in practice) the clock's finest digits tell runs apart.
        let random = getrandom::u32()
            .unwrap_or_else(|_| Timestamp::now().subsec_nanosecond().unsigned_abs());
        Self::at(Timestamp::now(), random)
    }

    pub(super) fn at(time: Timestamp, random: u32) -> Self {
        let time = time.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
        let tail: String = (0..4)
            .map(|place| char::from(LETTERS[(random >> (place * 5)) as usize % LETTERS.len()]))
            .collect();
        Self(format!("{time}-{tail}"))
    }

    /// A directory's name, where it is that of a run.
    pub(super) fn parse(name: &str) -> Option<Self> {
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
