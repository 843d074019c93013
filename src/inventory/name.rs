//! Names of hosts and groups, addresses and users: the characters they may contain, and how their ranges
//! expand.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::InventoryError;

/// More hosts than this in one line are almost certainly a typo.
const MAX_RANGE: usize = 100_000;

/// Maximum length of a name in bytes. A DNS name has at most 253. A line of an inventory that stands for many
/// names must not exceed the limit either.
const MAX_LENGTH: usize = 1024;

/// Checks a host name, which must not become an option of a command or break a line of output.
pub(super) fn check_host(name: &str) -> Result<(), InventoryError> {
    check("host name", name)?;
    if name.contains(',') {
        let shown = shown(name);
        return Err(
            InventoryError::new(format!("the host name {shown} contains a comma")).hint(
                "A comma separates names in a pattern. \
                 In an INI file, write each host on its own line.",
            ),
        );
    }
    Ok(())
}

pub(super) fn check_group(name: &str) -> Result<(), InventoryError> {
    check("group name", name)
}

/// Checks a destination that is passed to `ssh`. OpenSSH itself refuses characters that are special to a
/// shell, since they reach `ProxyCommand` through `%h` and `%r`.
pub(super) fn check_destination(what: &str, text: &str) -> Result<(), InventoryError> {
    check(what, text)?;
    match text.chars().find(|c| "'\"`$\\;&<>|(){}!*?#~,".contains(*c)) {
        Some(bad) => Err(
            InventoryError::new(format!("the {what} {text:?} contains {bad:?}"))
                .hint("Remove the character: it is special to a shell."),
        ),
        None => Ok(()),
    }
}

pub(super) fn check(what: &str, text: &str) -> Result<(), InventoryError> {
    if text.is_empty() {
        return Err(InventoryError::new(format!("the {what} is empty")));
    }
    let shown = shown(text);
    if text.starts_with('-') {
        return Err(
            InventoryError::new(format!("the {what} {shown} starts with a dash"))
                .hint("Remove the dash: a command would take the text for an option."),
        );
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() || c.is_whitespace()) {
        return Err(
            InventoryError::new(format!("the {what} {shown} contains {bad:?}"))
                .hint("White space and control characters are not allowed here."),
        );
    }
    if text.len() > MAX_LENGTH {
        return Err(too_long(what, text));
    }
    Ok(())
}

fn too_long(what: &str, text: &str) -> InventoryError {
    let shown = shown(text);
    InventoryError::new(format!(
        "the {what} {shown} is longer than {MAX_LENGTH} bytes"
    ))
}

/// Formats a name for a message, escaped and shortened.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Expands a host as written in a source, like `web[01:50].example.com:2222`, to its names and the port.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), InventoryError> {
    let (host, port) = match split_port(pattern) {
        Some((host, port)) => {
            let port = port.parse().map_err(|_| {
                InventoryError::new(format!(
                    "the port of {} is not a number from 1 to 65535",
                    shown(pattern)
                ))
            })?;
            (host, Some(port))
        }
        None => (pattern, None),
    };
    // Checked before any name is built: each is about as long as the pattern.
    if pattern.len() > MAX_LENGTH {
        return Err(too_long("host name", pattern));
    }
    let mut names = Vec::new();
    expand_range(host, &mut names)?;
    Ok((names, port))
}

/// Splits off a port where Ansible sees one: after a name or an address, which may be in square brackets.
fn split_port(pattern: &str) -> Option<(&str, &str)> {
    let (host, port) = pattern.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let host = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => inner,
        // A colon outside a range makes it an IPv6 address, whose last part is not a port.
        None if outside_brackets(host).any(|c| c == ':') => return None,
        None => host,
    };
    is_address(host).then_some((host, port))
}

fn outside_brackets(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut depth = 0usize;
    text.chars().filter(move |c| {
        match c {
            '[' => depth += 1,
            ']' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    })
}

/// Whether Ansible takes `text` for one host name or address, possibly with ranges and a port. Any other text
/// may be several patterns separated by colons.
pub(super) fn is_single(text: &str) -> bool {
    split_port(text).is_some() || is_address(text)
}

fn is_address(text: &str) -> bool {
    let Some(plain) = without_ranges(text) else {
        return false;
    };
    plain.parse::<Ipv6Addr>().is_ok() || plain.parse::<Ipv4Addr>().is_ok() || is_host_name(&plain)
}

/// Whether the text consists of labels of letters, digits, `_` and `-`, separated by dots, none of which
/// starts with a dash or ends with `-` or `_`.
fn is_host_name(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with(['-', '_'])
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    })
}

/// The text with each valid range replaced by a digit. `None` if it contains a bracket that is not a range.
fn without_ranges(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let close = open + rest[open..].find(']')?;
        let range = &rest[open + 1..close];
        let mut parts = range.split(':');
        let (begin, end, step) = (parts.next()?, parts.next()?, parts.next());
        let hex = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
        let letter = |part: &str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_alphabetic());
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let valid = (hex(begin) && hex(end)) || (letter(begin) && letter(end));
        if !valid || !step.is_none_or(number) || parts.next().is_some() {
            return None;
        }
        plain.push_str(&rest[..open]);
        plain.push('0');
        rest = &rest[close + 1..];
    }
    if rest.contains(']') {
        return None;
    }
    plain.push_str(rest);
    Some(plain)
}

fn expand_range(text: &str, names: &mut Vec<String>) -> Result<(), InventoryError> {
    let Some(open) = text.find('[') else {
        names.push(text.to_owned());
        return Ok(());
    };
    let bad = |why: &str| InventoryError::new(format!("the range in {} {why}", shown(text)));
    let close = open + text[open..].find(']').ok_or_else(|| bad("has no `]`"))?;
    let (head, tail) = (&text[..open], &text[close + 1..]);
    let parts: Vec<&str> = text[open + 1..close].split(':').collect();
    let (begin, end, step) = match parts.as_slice() {
        [begin, end] => (*begin, *end, 1),
        [begin, end, step] => (
            *begin,
            *end,
            step.parse::<usize>()
                .ok()
                .filter(|s| *s > 0)
                .ok_or_else(|| {
                    bad("has an invalid step: it must be a whole number of at least 1")
                })?,
        ),
        _ => {
            return Err(bad("is not `begin:end` or `begin:end:step`")
                .hint("For example web[01:50] or db-[a:f]."));
        }
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(bad("has no end"));
    }
    let mut add = |item: &str| -> Result<(), InventoryError> {
        if names.len() >= MAX_RANGE {
            let why = format!("expands to more than {MAX_RANGE} hosts");
            return Err(bad(&why).hint("If this is intended, split it over several lines."));
        }
        expand_range(&format!("{head}{item}{tail}"), names)
    };
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        if first > last {
            return Err(bad("is in descending order"));
        }
        for index in (first..=last).step_by(step) {
            // Both come from `letter`, so the index is less than 52.
            add(char::from(LETTERS[index]).encode_utf8(&mut [0; 4]))?;
        }
        return Ok(());
    }
    let width = if begin.starts_with('0') && begin.len() > 1 {
        begin.len()
    } else {
        0
    };
    if width > 0 && width != end.len() {
        return Err(bad("must have the same number of digits at both ends"));
    }
    let number = |part: &str| {
        part.parse::<u64>()
            .map_err(|_| bad("must run from a number to a number, or from a letter to a letter"))
    };
    let (first, last) = (number(begin)?, number(end)?);
    if first > last {
        return Err(bad("is in descending order"));
    }
    for value in (first..=last).step_by(step) {
        add(&format!("{value:0width$}"))?;
    }
    Ok(())
}

const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(text: &str) -> Option<usize> {
    let [byte] = text.as_bytes() else { return None };
    LETTERS.iter().position(|letter| letter == byte)
}

#[cfg(test)]
mod tests {
    use super::{expand, is_single};

    #[test]
    fn ranges_expand_as_in_ansible() {
        let names = |pattern| expand(pattern).unwrap().0;
        assert_eq!(names("web[01:03]"), ["web01", "web02", "web03"]);
        assert_eq!(names("web[8:10]"), ["web8", "web9", "web10"]);
        assert_eq!(names("db-[a:c].x"), ["db-a.x", "db-b.x", "db-c.x"]);
        assert_eq!(
            names("r[1:2]n[0:4:2]"),
            ["r1n0", "r1n2", "r1n4", "r2n0", "r2n2", "r2n4"]
        );
        assert_eq!(names("x[:2]"), ["x0", "x1", "x2"]);
        for bad in [
            "web[1]",
            "web[1:",
            "web[3:1]",
            "web[01:100]",
            "web[a:9]",
            "web[1:9:0]",
            "web[0:99999999]",
            "web[0:18446744073709551615]",
            "web[0:18446744073709551615:18446744073709551615]x[0:999][0:999]",
            "web[1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2][1:2]",
        ] {
            assert!(expand(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_of_very_wide_numbers_is_refused() {
        let zeros = "0".repeat(65_536);
        let error = expand(&format!("h[{zeros}:{}1]", &zeros[1..])).expect_err("refused");
        assert!(
            error.message.ends_with("is longer than 1024 bytes"),
            "{error}"
        );
        let error = expand("h[0:100000]").expect_err("refused");
        assert_eq!(
            error.message,
            "the range in \"h[0:100000]\" expands to more than 100000 hosts"
        );
    }

    #[test]
    fn ports_are_distinguished_from_addresses() {
        let port = |pattern| expand(pattern).unwrap();
        assert_eq!(port("web1:2222"), (vec!["web1".to_owned()], Some(2222)));
        assert_eq!(
            port("[2001:db8::1]:22"),
            (vec!["2001:db8::1".to_owned()], Some(22))
        );
        assert_eq!(port("2001:db8::1"), (vec!["2001:db8::1".to_owned()], None));
        assert_eq!(port("::1"), (vec!["::1".to_owned()], None));
        assert_eq!(port("w[1:2]:22").1, Some(22));
        assert!(expand("web1:99999").is_err());
    }

    #[test]
    fn a_list_of_patterns_is_not_an_address() {
        for single in [
            "web",
            "web1.example.com",
            "::1",
            "2001:db8::10",
            "web[1:3]",
            "10.0.0.1",
            "web:22",
        ] {
            assert!(is_single(single), "{single}");
        }
        for several in ["web:db", "web:&eu", "web:!db", "web*:db", "web[0]", "~a:b"] {
            assert!(!is_single(several), "{several}");
        }
    }
}
