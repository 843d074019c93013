//! Checks whether a keyword's arguments are valid. `ssh` exits at an invalid one, wherever it is.

use super::keyword::{Keyword, Shape};
use super::tokens;

/// Returns what is wrong, as the end of "`User` ...".
pub(super) fn check(keyword: Keyword, arguments: &[String]) -> Result<(), String> {
    let empty = arguments.iter().any(String::is_empty);
    let one = || match arguments {
        _ if empty => Err("has an empty value".to_owned()),
        [] => Err("has no value".to_owned()),
        [value] => Ok(value.as_str()),
        [..] => Err("has more than one value".to_owned()),
    };
    let fits = match keyword.shape() {
        Shape::Flag => flag(one()?).is_some(),
        Shape::Choice(words) => {
            let value = one()?;
            words.iter().any(|word| word.eq_ignore_ascii_case(value))
        }
        Shape::Time => matches!(one()?, "none") || seconds(one()?).is_some(),
        Shape::Number => number(one()?).is_some(),
        Shape::Text => {
            let value = one()?;
            match keyword {
                Keyword::Port => port(value).is_some(),
                // A `$` needs a valid variable name.
                Keyword::IdentityAgent => tokens::legacy_variable(value).is_ok(),
                _ => true,
            }
        }
        Shape::Names => {
            one()?;
            true
        }
        Shape::Texts => {
            if empty {
                return Err("has an empty value".to_owned());
            }
            let none = arguments
                .iter()
                .any(|value| value.eq_ignore_ascii_case("none"));
            let lists = matches!(
                keyword,
                Keyword::GlobalKnownHostsFile | Keyword::UserKnownHostsFile
            );
            match keyword {
                Keyword::SetEnv => arguments.iter().all(|value| value.contains('=')),
                Keyword::SendEnv => !arguments.iter().any(|value| value.contains('=')),
                Keyword::RekeyLimit => arguments.len() <= 2,
                _ if lists && none => arguments.len() == 1,
                _ => !arguments.is_empty(),
            }
        }
        Shape::Command => true,
        Shape::Other => !arguments.is_empty() && !arguments[0].is_empty(),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("cannot be `{}`", arguments.join(" ")))
    }
}

pub(super) fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Parses digits only. Other numbers that `strtonum` accepts are left to ssh.
pub(super) fn number(value: &str) -> Option<u32> {
    value.parse().ok().filter(|&number| {
        value.bytes().all(|b| b.is_ascii_digit()) && number <= i32::MAX.unsigned_abs()
    })
}

/// Parses a port number. Service names are left to ssh.
pub(super) fn port(value: &str) -> Option<u16> {
    let port = u16::try_from(number(value)?).ok()?;
    (port > 0).then_some(port)
}

/// Parses a time like `convtime` of OpenSSH: `90`, `1m30s`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, text);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number = u64::from(number(&rest[..end])?);
        let unit = rest[end..].chars().next();
        let factor = match unit.map(|unit| unit.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            Some('d') => 24 * 60 * 60,
            Some('w') => 7 * 24 * 60 * 60,
            Some(_) => return None,
        };
        total += number.checked_mul(factor)?;
        if total > u64::from(i32::MAX.unsigned_abs()) {
            return None;
        }
        rest = &rest[end + unit.map_or(0, char::len_utf8)..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_have_units() {
        for (text, expected) in [
            ("5", Some(5)),
            ("1m30s", Some(90)),
            ("1H", Some(3600)),
            ("2d1", Some(172_801)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("5x", None),
            ("99999w", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn values_that_ssh_refuses_are_refused() {
        let check = |name: &str, arguments: &[&str]| {
            let super::super::keyword::Known::Keyword(keyword) = Keyword::find(name) else {
                panic!("{name}");
            };
            let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
            check(keyword, &arguments)
        };
        for (name, arguments) in [
            ("compression", vec!["perhaps"]),
            ("Port", vec!["0"]),
            ("Port", vec!["65536"]),
            ("Port", vec!["ssh"]),
            ("User", vec!["a", "b"]),
            ("User", vec![""]),
            ("User", vec![]),
            ("ConnectTimeout", vec!["soon"]),
            ("UserKnownHostsFile", vec!["none", "b"]),
            ("SetEnv", vec!["A"]),
            ("SendEnv", vec!["A=b"]),
            ("IdentityAgent", vec!["$1"]),
        ] {
            assert!(check(name, &arguments).is_err(), "{name} {arguments:?}");
        }
        for (name, arguments) in [
            ("COMPRESSION", vec!["Yes"]),
            ("port", vec!["22"]),
            ("ConnectTimeout", vec!["none"]),
            ("UserKnownHostsFile", vec!["a", "b"]),
            ("identityagent", vec!["$SSH_AUTH_SOCK"]),
        ] {
            assert_eq!(check(name, &arguments), Ok(()), "{name} {arguments:?}");
        }
    }
}
