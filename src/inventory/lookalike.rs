//! Refuses patterns that look like a range of names or a slice but are neither.
//!
//! To Ansible, `host-[10:12]*` is a set of four characters, `web[-2:]` a set of three, and `web[1-3]` a slice
//! that counts from 0. Each selects other hosts than most people mean. ops refuses them and shows the right
//! spelling.

use super::error::SelectError;

/// With more alternatives than this, an expression is no longer readable.
const MAX_ALTERNATIVES: usize = 6;

/// Refuses a pattern, given without its sign, if its brackets do not mean what they seem to mean.
pub(super) fn check(pattern: &str) -> Result<(), SelectError> {
    if pattern.starts_with('~') {
        return Ok(());
    }
    let mut from = 0;
    while let Some(found) = pattern[from..].find('[') {
        let open = from + found;
        let bracket = Bracket::at(pattern, open)?;
        match bracket.spelling() {
            Some(hint) => {
                let shown = format!("`[{}]`", bracket.inside);
                let message = match (bracket.is_ambiguous(), bracket.is_last()) {
                    (true, _) => format!(
                        "{shown} in the pattern `{pattern}` may be a slice or a range of names"
                    ),
                    (false, true) if bracket.is_slice() => {
                        format!("{shown} in the pattern `{pattern}` is in descending order")
                    }
                    (false, true) => format!("{shown} in the pattern `{pattern}` is not a slice"),
                    (false, false) => format!(
                        "{shown} in the pattern `{pattern}` is a set of characters, not a range"
                    ),
                };
                return Err(SelectError {
                    message,
                    hint: Some(hint),
                });
            }
            None => from = open + bracket.inside.len() + 2,
        }
    }
    Ok(())
}

/// A bracket of a pattern and the text around it.
struct Bracket<'p> {
    before: &'p str,
    inside: &'p str,
    after: &'p str,
}

impl<'p> Bracket<'p> {
    fn at(pattern: &'p str, open: usize) -> Result<Self, SelectError> {
        let rest = &pattern[open + 1..];
        // A closing bracket in first position is a member of the set.
        let close = rest
            .char_indices()
            .skip(1 + usize::from(rest.starts_with('!')))
            .find(|(_, c)| *c == ']')
            .map(|(at, _)| at);
        let Some(close) = close else {
            let wrong = if rest.starts_with(']') {
                "empty"
            } else {
                "never closed"
            };
            return Err(SelectError {
                message: format!("the bracket in the pattern `{pattern}` is {wrong}"),
                hint: Some(
                    "A slice is `web[0:2]`, a set `web[13]*`. \
                     A comma separates patterns: `web[0],web[2]`."
                        .to_owned(),
                ),
            });
        };
        Ok(Self {
            before: &pattern[..open],
            inside: &rest[..close],
            after: &rest[close + 1..],
        })
    }

    const fn is_last(&self) -> bool {
        self.after.is_empty()
    }

    /// Whether it is `1-3`, `2-` or `01:03` at the end, which Ansible treats as the slices `1:3` and `2:`.
    fn is_ambiguous(&self) -> bool {
        let ends = self.inside.split_once('-');
        let dash = ends
            .is_some_and(|(first, last)| is_number(first) && (last.is_empty() || is_number(last)));
        let is_filled = range(self.inside, ":").is_some_and(|(_, _, width)| width > 1);
        self.is_last() && (dash || is_filled)
    }

    /// Whether Ansible treats it as an index or a slice.
    fn is_slice(&self) -> bool {
        let ends = self.inside.split_once(':');
        let range = ends
            .is_some_and(|(first, last)| is_number(first) && (last.is_empty() || is_number(last)));
        let index = self.inside.strip_prefix('-').unwrap_or(self.inside);
        self.is_last() && (range || is_number(index))
    }

    /// What to write instead; `None` if the bracket means what it seems to mean.
    fn spelling(&self) -> Option<String> {
        let Self { before, inside, .. } = self;
        if self.is_ambiguous() {
            let (first, last) = inside.split_once(['-', ':'])?;
            let short = |number: &'_ str| match number.trim_start_matches('0') {
                "" if !number.is_empty() => "0".to_owned(),
                short => short.to_owned(),
            };
            let (first, last) = (short(first), short(last));
            let range = range(inside, "-").or_else(|| range(inside, ":"));
            let names = match range.and_then(|range| self.names(range)) {
                Some(names) => format!("; for a range of names write `{names}`"),
                None => String::new(),
            };
            return Some(format!(
                "For a slice, which counts from 0, write `{before}[{first}:{last}]`{names}."
            ));
        }
        if self.is_slice() {
            let (first, last, _) = range(inside, ":")?;
            return (first > last).then(|| format!("Write `{before}[{last}:{first}]`."));
        }
        if let Some(rest) = inside.strip_prefix('^') {
            return Some(format!(
                "For all other characters write `{before}[!{rest}]{}`.",
                self.after
            ));
        }
        if let Some(range) = range(inside, ":").or_else(|| range(inside, "..")) {
            return Some(self.instead(range));
        }
        if let Some(range) = range(inside, "-") {
            let digits = inside.split('-').any(|end| end.len() > 1);
            return digits.then(|| self.instead(range));
        }
        if let Some((first, last)) = inside.split_once(':').or_else(|| inside.split_once(".."))
            && [first, last]
                .iter()
                .all(|end| end.len() == 1 && end.bytes().all(|b| b.is_ascii_alphabetic()))
        {
            return Some(format!("Write `{before}[{first}-{last}]{}`.", self.after));
        }
        let negative = |text: &str| text.strip_prefix('-').is_some_and(is_number);
        let is_negative = self.is_last()
            && inside
                .split_once('-')
                .is_some_and(|(first, last)| first.is_empty() && last.contains('-'));
        if !(inside.contains(':') || inside.contains("..") || is_negative) {
            return None;
        }
        if self.is_last() {
            match inside.split_once(':') {
                Some((first, "")) if negative(first) => {
                    let count: usize = first[1..].parse().unwrap_or(usize::MAX);
                    if (1..=4).contains(&count) {
                        let each: Vec<String> = (1..=count)
                            .rev()
                            .map(|at| format!("{before}[-{at}]"))
                            .collect();
                        return Some(format!(
                            "For the last {count} hosts write `{}`.",
                            each.join(",")
                        ));
                    }
                }
                Some(("", last)) if is_number(last) => {
                    return Some(format!(
                        "Write `{before}[0:{last}]`; this includes the host with index {last}."
                    ));
                }
                Some((first, "-1")) if is_number(first) => {
                    return Some(format!(
                        "For all hosts but the last write `{before}[{first}:],!{before}[-1]`."
                    ));
                }
                _ => {}
            }
        }
        Some(
            "A slice is `web[0:2]` or `web[1:]`, an index `web[0]` or `web[-1]`, \
             a set of characters `web[13]*`."
                .to_owned(),
        )
    }

    fn instead(&self, range: (u64, u64, usize)) -> String {
        let names = self.names(range);
        let slice = (self.is_last() && !self.is_slice()).then(|| {
            let (first, last, _) = range;
            format!("{}[{first}:{last}]", self.before)
        });
        match (names, slice) {
            (Some(names), _) => format!("For a range of names write `{names}`."),
            (None, Some(slice)) => format!("A slice is `{slice}`."),
            (None, None) => {
                "Select the hosts with a regular expression: `~web(8|9|10)`.".to_owned()
            }
        }
    }

    /// A pattern for the names with the numbers of a range.
    fn names(&self, (first, last, width): (u64, u64, usize)) -> Option<String> {
        let numbers = numbers(first, last, width)?;
        let Self { before, after, .. } = self;
        if let ([one], false) = (numbers.as_slice(), after.is_empty())
            && (one.matches('[').count() == 1 || !one.contains('['))
        {
            return Some(format!("{before}{one}{after}"));
        }
        let numbers = match numbers.as_slice() {
            [one] => one.clone(),
            several => format!("({})", several.join("|")),
        };
        let after = match *after {
            "*" => String::new(),
            after => format!("{}$", expression(after)),
        };
        Some(format!("~{}{numbers}{after}", expression(before)))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The first and last number of a range, and their width if they are padded with zeros.
fn range(inside: &str, separator: &str) -> Option<(u64, u64, usize)> {
    let (first, last) = inside.split_once(separator)?;
    let (first, last) = (first.trim(), last.trim());
    if !is_number(first) || !is_number(last) || first.len() > 9 || last.len() > 9 {
        return None;
    }
    let is_filled = first.len() > 1 && first.starts_with('0');
    let width = if is_filled { first.len() } else { 0 };
    Some((first.parse().ok()?, last.parse().ok()?, width))
}

/// Converts a part of a glob to a regular expression.
fn expression(glob: &str) -> String {
    glob.replace('.', "\\.")
        .replace('*', ".*")
        .replace('?', ".")
}

/// Regular expressions that match exactly the numbers of a range: `8` to `12` are `[8-9]` and `1[0-2]`.
fn numbers(first: u64, last: u64, width: usize) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut next = first;
    while next <= last {
        let size = next.to_string().len().max(width);
        let (mut zeros, mut unit) = (0, 1);
        while zeros + 1 < size && next.is_multiple_of(unit * 10) && next + unit * 10 - 1 <= last {
            zeros += 1;
            unit *= 10;
        }
        let digit = next / unit % 10;
        let mut end = digit;
        while end < 9 && next + (end - digit + 2) * unit - 1 <= last {
            end += 1;
        }
        let head = match size - zeros - 1 {
            0 => String::new(),
            len => format!("{:0len$}", next / unit / 10),
        };
        let set = if end > digit {
            format!("[{digit}-{end}]")
        } else {
            digit.to_string()
        };
        parts.push(format!("{head}{set}{}", "[0-9]".repeat(zeros)));
        if parts.len() > MAX_ALTERNATIVES {
            return None;
        }
        next += (end - digit + 1) * unit;
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::{check, numbers};

    #[test]
    fn misleading_brackets_are_refused_with_the_right_spelling() {
        for (pattern, message, hint) in [
            (
                "web[1-3]",
                "`[1-3]` in the pattern `web[1-3]` may be a slice or a range of names",
                "For a slice, which counts from 0, write `web[1:3]`; for a range of names write \
                 `~web[1-3]$`.",
            ),
            (
                "web[2-]",
                "`[2-]` in the pattern `web[2-]` may be a slice or a range of names",
                "For a slice, which counts from 0, write `web[2:]`.",
            ),
            (
                "host-[10:12]*",
                "`[10:12]` in the pattern `host-[10:12]*` is a set of characters, not a range",
                "For a range of names write `host-1[0-2]*`.",
            ),
            (
                "host-[8-12]*",
                "`[8-12]` in the pattern `host-[8-12]*` is a set of characters, not a range",
                "For a range of names write `~host-([8-9]|1[0-2])`.",
            ),
            (
                "web[1:3].example.com",
                "`[1:3]` in the pattern `web[1:3].example.com` is a set of characters, not a range",
                "For a range of names write `web[1-3].example.com`.",
            ),
            (
                "web[08:12].x",
                "`[08:12]` in the pattern `web[08:12].x` is a set of characters, not a range",
                "For a range of names write `~web(0[8-9]|1[0-2])\\.x$`.",
            ),
            (
                "web[01:03]",
                "`[01:03]` in the pattern `web[01:03]` may be a slice or a range of names",
                "For a slice, which counts from 0, write `web[1:3]`; for a range of names write \
                 `~web0[1-3]$`.",
            ),
            (
                "web[-2:]",
                "`[-2:]` in the pattern `web[-2:]` is not a slice",
                "For the last 2 hosts write `web[-2],web[-1]`.",
            ),
            (
                "web[:2]",
                "`[:2]` in the pattern `web[:2]` is not a slice",
                "Write `web[0:2]`; this includes the host with index 2.",
            ),
            (
                "web[1:-1]",
                "`[1:-1]` in the pattern `web[1:-1]` is not a slice",
                "For all hosts but the last write `web[1:],!web[-1]`.",
            ),
            (
                "web[3:1]",
                "`[3:1]` in the pattern `web[3:1]` is in descending order",
                "Write `web[1:3]`.",
            ),
            (
                "web[1..3]",
                "`[1..3]` in the pattern `web[1..3]` is not a slice",
                "For a range of names write `~web[1-3]$`.",
            ),
            (
                "db[a:c].x",
                "`[a:c]` in the pattern `db[a:c].x` is a set of characters, not a range",
                "Write `db[a-c].x`.",
            ),
            (
                "web[^1]*",
                "`[^1]` in the pattern `web[^1]*` is a set of characters, not a range",
                "For all other characters write `web[!1]*`.",
            ),
            (
                "web[1",
                "the bracket in the pattern `web[1` is never closed",
                "A slice is `web[0:2]`, a set `web[13]*`. A comma separates patterns: `web[0],web[2]`.",
            ),
            (
                "web[]",
                "the bracket in the pattern `web[]` is empty",
                "A slice is `web[0:2]`, a set `web[13]*`. A comma separates patterns: `web[0],web[2]`.",
            ),
        ] {
            let error = check(pattern).expect_err(pattern);
            assert_eq!(error.message, message);
            assert_eq!(error.hint.as_deref(), Some(hint), "{pattern}");
        }
        for pattern in [
            "web[1:3:2]",
            "web[1:3:2]*",
            "web[-3--1]",
            "w[[:digit:]]*",
            "web[1:-2]",
        ] {
            let error = check(pattern).expect_err(pattern);
            assert!(error.hint.is_some(), "{pattern}");
        }
    }

    #[test]
    fn brackets_that_mean_what_they_seem_to_mean_are_accepted() {
        for pattern in [
            "web",
            "web[0]",
            "web[-1]",
            "web[0:3]",
            "web[1:]",
            "web[10:12]",
            "web[1-3]*",
            "web0[1-3].x",
            "web[!1]*",
            "web[abc]",
            "db[a-c]",
            "web0[12].example.com",
            "~web[1:3]",
            "*[0]",
            "w[]a]*",
            "web[0-9a-f]*",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn expressions_match_exactly_the_numbers_of_a_range() {
        for (first, last, width) in [
            (1, 3, 0),
            (8, 12, 0),
            (0, 9, 0),
            (0, 110, 0),
            (95, 105, 3),
            (10, 99, 0),
            (7, 7, 2),
        ] {
            let parts = numbers(first, last, width).unwrap();
            let regex = regex::Regex::new(&format!("^({})$", parts.join("|"))).unwrap();
            for number in 0..=1200u64 {
                let text = format!("{number:0width$}");
                let is_in = (first..=last).contains(&number);
                assert_eq!(regex.is_match(&text), is_in, "{parts:?} {text}");
            }
        }
        assert_eq!(numbers(123_456, 987_654, 0), None);
    }
}
