//! `Host` and `Match`: the hosts to which the lines below them apply.

use crate::ssh::pattern;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// For the lines before the first condition: the condition of the including file, or all hosts.
    Outer,
    /// Patterns, and whether each is negated.
    Host(Vec<(bool, String)>),
    Match(Vec<Criterion>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Criterion {
    negated: bool,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    All,
    Final,
    /// This client does not canonicalize names. It matches in the second pass, if something else requires
    /// one.
    Canonical,
    Host(String),
    OriginalHost(String),
    User(String),
    LocalUser(String),
    /// Needs a command to be run.
    Exec,
    /// Versions of `ssh` interpret it differently.
    Unsure(String),
}

/// The values that a condition is compared with.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The current value: `HostName` may have changed it.
    pub host: &'a str,
    pub original: &'a str,
    pub user: &'a str,
    pub local_user: &'a str,
    /// Whether this is the second pass, which `Match final` requires.
    pub last: bool,
}

impl Condition {
    pub(crate) fn host(patterns: Vec<String>) -> Self {
        let pattern = |text: String| match text.strip_prefix('!') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, text),
        };
        Self::Host(patterns.into_iter().map(pattern).collect())
    }

    /// Parses a `Match` line. `rest` is the text of the line, `words` are its words.
    ///
    /// # Errors
    /// If `ssh` would refuse it too.
    pub(crate) fn parse(rest: &str, words: &[String]) -> Result<Self, String> {
        let criteria = match odd(rest) {
            Some(why) => vec![Criterion {
                negated: false,
                test: Test::Unsure(why.to_owned()),
            }],
            None => criteria(words)?,
        };
        Ok(Self::Match(criteria))
    }
}

/// Whether the patterns of a `Host` line match. A matching negated pattern excludes the host.
pub(super) fn host_matches(patterns: &[(bool, String)], host: &str) -> bool {
    let mut met = false;
    for (negated, pattern) in patterns {
        if pattern::matches(host, pattern) {
            if *negated {
                return false;
            }
            met = true;
        }
    }
    met
}

/// Whether all criteria are met, and whether they require a second pass. `never` means that the block will
/// not apply.
///
/// # Errors
/// If only `ssh` can decide.
pub(super) fn criteria_met(
    criteria: &[Criterion],
    asked: &Asked<'_>,
    wants_last: &mut bool,
    never: bool,
) -> Result<bool, String> {
    let mut met = true;
    for Criterion { negated, test } in criteria {
        let holds = match test {
            Test::All => true,
            Test::Final => {
                *wants_last = true;
                asked.last
            }
            Test::Canonical => asked.last,
            Test::Host(list) => pattern::host_list_matches(asked.host, list),
            Test::OriginalHost(list) => pattern::host_list_matches(asked.original, list),
            Test::User(list) => pattern::list_matches(asked.user, list),
            Test::LocalUser(list) => pattern::list_matches(asked.local_user, list),
            // Not run if a criterion before it is not met, or if the block will not apply.
            Test::Exec if !met || never => continue,
            Test::Exec => return Err("`Match exec` runs a command".to_owned()),
            Test::Unsure(why) => return Err(why.clone()),
        };
        if holds == *negated {
            met = false;
        }
    }
    Ok(met)
}

/// Finds quotes and characters that versions of `ssh` interpret differently: until 9.8, the rules for `Match`
/// differed from those for other lines.
fn odd(rest: &str) -> Option<&'static str> {
    let rest = rest.split(" #").next().unwrap_or(rest);
    let (mut quoted, mut before) = (false, ' ');
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let odd = match c {
            '"' if quoted => {
                quoted = false;
                before == '\\' || next.is_some_and(|next| !next.is_ascii_whitespace())
            }
            '"' => {
                quoted = true;
                !(before.is_ascii_whitespace() || before == '=')
            }
            '\'' | '\\' => !quoted,
            '=' if !quoted => {
                before.is_ascii_whitespace() || next.is_none_or(|next| next.is_ascii_whitespace())
            }
            _ => false,
        };
        if odd {
            return Some(
                "`Match` has quotes or characters that versions of ssh interpret differently",
            );
        }
        before = c;
    }
    None
}

fn criteria(words: &[String]) -> Result<Vec<Criterion>, String> {
    let mut criteria = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (negated, word) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (name, inner) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let name = name.to_ascii_lowercase();
        let test = match (name.as_str(), inner) {
            ("all", None) => {
                if criteria.len() > 1 || words.next().is_some() {
                    return Err("`Match all` cannot be combined".to_owned());
                }
                Test::All
            }
            ("canonical", None) => Test::Canonical,
            // Only some versions do a second pass for it.
            ("final", None) if negated => Test::Unsure(
                "`Match !final` is interpreted differently by versions of ssh".to_owned(),
            ),
            ("final", None) => Test::Final,
            (_, value) => {
                let value = value
                    .or_else(|| words.next())
                    .filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| format!("`Match {name}` has no value"))?;
                let value = value.to_owned();
                match name.as_str() {
                    _ if value.contains(['=', '\\', '\'']) && name != "exec" => {
                        Test::Unsure(format!(
                            "`Match {name}` has a character that versions of ssh interpret differently"
                        ))
                    }
                    "host" => Test::Host(value),
                    "originalhost" => Test::OriginalHost(value),
                    "user" => Test::User(value),
                    "localuser" => Test::LocalUser(value),
                    "exec" => Test::Exec,
                    _ => Test::Unsure(format!("`Match {name}` is left to ssh")),
                }
            }
        };
        criteria.push(Criterion { negated, test });
    }
    if criteria.is_empty() {
        return Err("`Match` has no criterion".to_owned());
    }
    Ok(criteria)
}
