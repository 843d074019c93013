//! Versions of Debian packages: their order (Debian Policy 5.6.12) and patterns for them.

use std::cmp::Ordering;

/// Compares two versions as `dpkg --compare-versions` does.
#[must_use]
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, up_a, rev_a), (epoch_b, up_b, rev_b)) = (parts(a), parts(b));
    epoch_a
        .cmp(&epoch_b)
        .then_with(|| compare_part(up_a, up_b))
        .then_with(|| compare_part(rev_a, rev_b))
}

/// Epoch, upstream version and revision.
fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Alternates between a part without digits and a number.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = a.split_at(a.find(|c: char| c.is_ascii_digit()).unwrap_or(a.len()));
        let (text_b, rest_b) = b.split_at(b.find(|c: char| c.is_ascii_digit()).unwrap_or(b.len()));
        let order = compare_text(text_a, text_b);
        if order.is_ne() {
            return order;
        }
        let end = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (number_a, next_a) = rest_a.split_at(end(rest_a));
        let (number_b, next_b) = rest_b.split_at(end(rest_b));
        let (number_a, number_b) = (
            number_a.trim_start_matches('0'),
            number_b.trim_start_matches('0'),
        );
        let order = number_a
            .len()
            .cmp(&number_b.len())
            .then(number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

/// A tilde sorts before everything, even the end; letters sort before all other characters.
fn compare_text(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 256,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = weight(x).cmp(&weight(y));
        if order.is_ne() {
            return order;
        }
    }
}

/// Whether a version matches a pattern: `*` matches any text.
#[must_use]
pub(crate) fn fits(version: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = version.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// A pattern as a regular expression of awk.
#[must_use]
pub(crate) fn expression(pattern: &str) -> String {
    let mut expression = "^".to_owned();
    for c in pattern.chars() {
        match c {
            '*' => expression.push_str(".*"),
            '.' | '+' => expression.push_str(&format!("[{c}]")),
            c => expression.push(c),
        }
    }
    expression.push('$');
    expression
}

/// Whether every version that matches the pattern is older than `installed`, which does not match it.
#[must_use]
pub(crate) fn is_newer_than(installed: &str, pattern: &str) -> bool {
    let known = pattern.split('*').next().unwrap_or_default();
    let known = known.trim_end_matches(['.', '-', '+', '~']);
    compare(installed, known) == Ordering::Greater
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_dpkg_does() {
        let ascending = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0a",
            "0+",
            "0.9",
            "0.10",
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0-2",
            "1.0+dfsg-1",
            "1.22.1-9",
            "1:0.1",
            "2:0.1",
        ];
        for (at, a) in ascending.iter().enumerate() {
            for b in &ascending[at + 1..] {
                assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
                assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
            }
        }
        assert_eq!(compare("1.0", "1.00"), Ordering::Equal);
        assert_eq!(compare("0:1.0", "1.0"), Ordering::Equal);
    }

    #[test]
    fn patterns() {
        assert!(fits("1.22.1-9", "1.22.*"));
        assert!(!fits("1.220", "1.22.*"));
        assert!(fits("1.22.1-9", "1.22.1-9"));
        assert!(!fits("1.22.1-9", "1.22"));
        assert!(fits("1:2.3-4", "*2.3*"));
        assert!(!fits("12", "12*2"));
        assert!(is_newer_than("1.24.0-1", "1.22.*"));
        assert!(!is_newer_than("1.18.0-1", "1.22.*"));
        assert!(is_newer_than("2.0", "1.0"));
    }
}
