//! Permission bits as written in a playbook: `"0644"`, `"u=rw,go=r"`, `"a+x"`.

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Permission bits, absolute or relative to the current ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Bits(u32),
    Symbolic(Vec<Clause>),
}

/// One operation of a symbolic mode on the bits of user, group or others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// Bits that may be changed: any of `0o4700`, `0o2070` and `0o1007`.
    who: u32,
    operation: Operation,
    permissions: Permissions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Remove,
    Set,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permissions {
    /// `conditional` is `X`: execute only for a directory, or if someone has it already.
    Bits { bits: u32, conditional: bool },
    /// The bits that user (6), group (3) or others (0) have, given by the shift.
    CopyOf(u32),
}

impl Mode {
    /// The wanted bits if the current ones are `present`.
    #[must_use]
    pub(crate) fn on(&self, present: u32, is_directory: bool) -> u32 {
        match self {
            Self::Bits(bits) => *bits,
            Self::Symbolic(clauses) => clauses
                .iter()
                .fold(present, |mode, clause| clause.on(mode, is_directory)),
        }
    }
}

impl Clause {
    fn on(&self, mode: u32, is_directory: bool) -> u32 {
        let named = match self.permissions {
            Permissions::CopyOf(shift) => {
                let bits = (mode >> shift) & 7;
                bits << 6 | bits << 3 | bits
            }
            Permissions::Bits { bits, conditional } => {
                let execute = conditional && (is_directory || mode & 0o111 != 0);
                bits | if execute { 0o111 } else { 0 }
            }
        } & self.who;
        match self.operation {
            Operation::Add => mode | named,
            Operation::Remove => mode & !named,
            // chmod(1): a set-id bit of a directory stays unless the mode names it.
            Operation::Set if is_directory => mode & !(self.who & 0o1777) | named,
            Operation::Set => mode & !self.who | named,
        }
    }
}

fn parse(text: &str) -> Result<Mode, String> {
    let octal = !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    if octal {
        let bits = u32::from_str_radix(text, 8).ok().filter(|b| *b <= 0o7777);
        return match bits {
            Some(bits) if (3..=5).contains(&text.len()) => Ok(Mode::Bits(bits)),
            _ => Err(format!(
                "`{text}` is not a valid mode\nWrite three or four octal digits: \"0644\"."
            )),
        };
    }
    let mut clauses = Vec::new();
    for part in text.split(',') {
        symbolic(part, &mut clauses).ok_or_else(|| {
            format!(
                "`{text}` is not a valid mode\nWrite octal digits (\"0644\") or who, what and permissions \
                 (\"u=rw,go=r\", \"a+x\")."
            )
        })?;
    }
    Ok(Mode::Symbolic(clauses))
}

/// `u=rw`, `go-w+r`, `g=u`. A clause must name whose bits it means: the effect of chmod without that
/// depends on the umask.
fn symbolic(part: &str, clauses: &mut Vec<Clause>) -> Option<()> {
    let operators = ['+', '-', '='];
    let (whose, mut rest) = part.split_at(part.find(operators)?);
    if whose.is_empty() {
        return None;
    }
    let mut who = 0;
    for letter in whose.chars() {
        who |= match letter {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    while let Some(operator) = rest.chars().next() {
        rest = &rest[1..];
        let (permissions, after) = rest.split_at(rest.find(operators).unwrap_or(rest.len()));
        rest = after;
        clauses.push(Clause {
            who,
            operation: match operator {
                '+' => Operation::Add,
                '-' => Operation::Remove,
                _ => Operation::Set,
            },
            permissions: permission(permissions)?,
        });
    }
    Some(())
}

fn permission(text: &str) -> Option<Permissions> {
    match text {
        "u" => return Some(Permissions::CopyOf(6)),
        "g" => return Some(Permissions::CopyOf(3)),
        "o" => return Some(Permissions::CopyOf(0)),
        _ => {}
    }
    let (mut bits, mut conditional) = (0, false);
    for letter in text.chars() {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' => conditional = true,
            's' => bits |= 0o6000,
            't' => bits |= 0o1000,
            _ => return None,
        }
    }
    Some(Permissions::Bits { bits, conditional })
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ModeVisitor;
        impl Visitor<'_> for ModeVisitor {
            type Value = Mode;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mode as text, \"0644\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
                parse(text).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Mode, E> {
                Err(E::custom(format!(
                    "a mode must be text, not the number {number}\n\
                     Write it in quotes: \"0644\". A number would be read as decimal."
                )))
            }
        }
        deserializer.deserialize_any(ModeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_an_invalid_mode() {
        for text in [
            "", "64", "0888", "77777", "rw", "+x", "u", "u=q", "u=rw,", "é=r",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("644"), Ok(Mode::Bits(0o644)));
        assert_eq!(parse("02755"), Ok(Mode::Bits(0o2755)));
    }

    #[test]
    fn explains_why_a_number_is_refused() {
        let error = Mode::deserialize(crate::declare::Value::Int(644)).expect_err("refused");
        assert!(error.0.contains("in quotes"), "{error}");
    }

    fn clause() -> impl Strategy<Value = String> {
        ("[ugoa]{1,2}", "[-+=]", "([rwxXst]{0,3}|[ugo])")
            .prop_map(|(who, operator, what)| format!("{who}{operator}{what}"))
    }

    proptest! {
        #![proptest_config(crate::generation::config(64, file!()))]
        #[test]
        fn agrees_with_chmod(
            present in 0u32..0o7777,
            clauses in proptest::collection::vec(clause(), 1..3),
            is_directory: bool,
        ) {
            let text = clauses.join(",");
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("x");
            if is_directory {
                std::fs::create_dir(&path).expect("made");
            } else {
                std::fs::write(&path, "").expect("made");
            }
            let set = std::fs::Permissions::from_mode(present);
            std::fs::set_permissions(&path, set).expect("set");
            let done = Command::new("chmod").arg("--").arg(&text).arg(&path).status();
            prop_assert!(done.expect("chmod").success());
            let after = std::fs::metadata(&path).expect("there").permissions().mode() & 0o7777;
            let wanted = parse(&text).expect("a mode").on(present, is_directory);
            prop_assert_eq!(wanted, after, "{} on {:o}: {:o} but chmod {:o}", text, present, wanted, after);
            let again = parse(&text).expect("a mode");
            let once = again.on(wanted, is_directory);
            prop_assert_eq!(once, again.on(once, is_directory));
        }
    }
}
