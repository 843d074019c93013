//! Durations, sizes and counts as a user reads them.

use std::time::Duration;

/// A duration for a person: `0.3 s`, `12.5 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    // 59.96 s would read "60.0 s".
    if duration < Duration::from_millis(59_950) {
        format!("{:.1} s", duration.as_secs_f64())
    } else if seconds < 3600 {
        // 59.95 s and more are rounded up to a minute.
        let seconds = seconds.max(60);
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    }
}

/// `1 host`, `3 hosts`.
pub(super) fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A size for a person: `812 bytes`, `4.2 kB`, `1.3 MB`.
pub(super) fn bytes(count: u64) -> String {
    // Only digits that are not shown are lost.
    #[expect(clippy::cast_precision_loss)]
    let number = count as f64;
    match count {
        0..1_000 => self::count(count, "byte"),
        1_000..1_000_000 => format!("{:.1} kB", number / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.1} GB", number / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_two_units() {
        let shown = |millis| duration(Duration::from_millis(millis));
        assert_eq!(
            [shown(0), shown(1_249), shown(59_949)],
            ["0.0 s", "1.2 s", "59.9 s"]
        );
        assert_eq!(
            [shown(59_950), shown(200_000), shown(7_500_000)],
            ["1 min 0 s", "3 min 20 s", "2 h 5 min"]
        );
    }

    #[test]
    fn sizes_are_written_in_decimal_units() {
        assert_eq!(
            [bytes(1), bytes(999), bytes(4_200)],
            ["1 byte", "999 bytes", "4.2 kB"]
        );
        assert_eq!(
            [bytes(1_300_000), bytes(7_000_000_000)],
            ["1.3 MB", "7.0 GB"]
        );
    }
}
