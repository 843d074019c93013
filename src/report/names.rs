//! Names of hosts in a list: their order, and how many are shown.

use std::cmp::Ordering;
use std::fmt::{Display, Write as _};

/// Sorts names with the numbers in them by value: `web2` before `web10`.
pub(super) fn sort<T: AsRef<str>>(names: &mut [T]) {
    names.sort_by(|one, other| natural(one.as_ref(), other.as_ref()));
}

pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (Some(first), Some(second)) = (one.chars().next(), other.chars().next()) else {
            return one.len().cmp(&other.len());
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = number(one);
            let (other_number, other_rest) = self::number(other);
            // Without leading zeros the longer number is the larger one.
            let order = number
                .len()
                .cmp(&other_number.len())
                .then(number.cmp(other_number));
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (rest, other_rest);
        } else if first == second {
            (one, other) = (&one[first.len_utf8()..], &other[second.len_utf8()..]);
        } else {
            return first.cmp(&second);
        }
    }
}

/// The digits at the start of a text, without leading zeros, and the rest.
fn number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

/// At most `most` names in a line, and how many more there are.
pub(super) fn names<T: Display>(names: &[T], most: usize) -> String {
    let mut text = names
        .iter()
        .take(most)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > most {
        let _ = write!(text, " and {} more", names.len() - most);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["web10", "web2", "db", "web02b", "web", "web2-10", "web2-9"];
        sort(&mut names);
        assert_eq!(
            names,
            ["db", "web", "web2", "web2-9", "web2-10", "web02b", "web10"]
        );
    }
}
