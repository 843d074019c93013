//! `Host` and `Match`: for which hosts the lines below them count.

use crate::ssh::pattern;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The lines before the first one: the condition of the including file, or all hosts.
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
    /// This client does not canonicalize names: the second reading, if something else asks for it.
    Canonical,
    Host(String),
    OriginalHost(String),
    User(String),
    LocalUser(String),
    /// Only a command can tell.
    Exec,
    /// Versions of `ssh` read it differently.
    Unsure(String),
}

/// What a condition is compared with.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// As it is now: `HostName` may have changed it.
    pub host: &'a str,
    pub original: &'a str,
    pub user: &'a str,
    pub local_user: &'a str,
    /// The second reading, which `Match final` asks for.
    pub last: bool,
}

impl Condition {
    pub fn host(patterns: Vec<String>) -> Self {
        let pattern = |text: String| match text.strip_prefix('!') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, text),
        };
        Self::Host(patterns.into_iter().map(pattern).collect())
    }

    /// `rest` is the text of the line, `words` are its words.
    ///
    /// # Errors
    /// An error of `ssh`, too.
    pub fn parse(rest: &str, words: &[String]) -> Result<Self, String> {
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

/// Whether the patterns of a `Host` line match. A negated one that matches decides.
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

/// Whether all criteria are met, and whether they ask for a second reading. `never`: the block will not
/// count.
///
/// # Errors
/// Only `ssh` can tell.
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
            // Not run if something before it is not met, or if the block will not count.
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

/// Quotes and signs that versions of `ssh` read differently: until 9.8 the rules were not those of other
/// lines.
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
            return Some("`Match` has quotes or signs that versions of ssh read differently");
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
            // Only some versions do a second reading for it.
            ("final", None) if negated => {
                Test::Unsure("`Match !final` is read differently by versions of ssh".to_owned())
            }
            ("final", None) => Test::Final,
            (_, value) => {
                let value = value
                    .or_else(|| words.next())
                    .filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| format!("`Match {name}` has no value"))?;
                let value = value.to_owned();
                match name.as_str() {
                    _ if value.contains(['=', '\\', '\'']) && name != "exec" => Test::Unsure(
                        format!("`Match {name}` has a sign that versions of ssh read differently"),
                    ),
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
