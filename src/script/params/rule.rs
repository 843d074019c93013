//! Conditions on a value besides its type: one of some choices, a pattern, bounds. Parameters of a playbook
//! and options of a function use the same keys.

use regex::Regex;
use serde_json::Value;

use super::kind::Kind;
use super::value::{self, Unfit, compare, shown};

/// The keys that describe a rule.
pub const KEYS: [&str; 4] = ["one_of", "pattern", "min", "max"];

#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// The allowed values; for a list, of its elements. Empty if any value is allowed.
    pub one_of: Vec<Value>,
    /// The pattern that the whole string must match; in a list, each element.
    pub pattern: Option<Regex>,
    pub min: Option<Value>,
    pub max: Option<Value>,
}

impl Rule {
    /// Reads a rule for values of these types. `take` returns the value of a key, and `wrong` is called
    /// with each mistake.
    pub fn read(
        kinds: &[Kind],
        mut take: impl FnMut(&str) -> Option<Value>,
        mut wrong: impl FnMut(&str, String),
    ) -> Self {
        let mut rule = Self::default();
        match take("one_of") {
            Some(Value::Array(choices)) if !choices.is_empty() => rule.one_of = choices,
            Some(_) => wrong(
                "one_of",
                "`one_of` must be an array of the allowed values".into(),
            ),
            None => {}
        }
        match take("pattern").map(|pattern| compiled(&pattern)) {
            Some(Ok(pattern)) => rule.pattern = Some(pattern),
            Some(Err(why)) => wrong("pattern", why),
            None => {}
        }
        for (key, place) in [("min", &mut rule.min), ("max", &mut rule.max)] {
            let Some(bound) = take(key) else { continue };
            match bound_fits(kinds, &bound) {
                Ok(()) => *place = Some(bound),
                Err(why) => wrong(key, format!("`{key}` {why}")),
            }
        }
        let choices = std::mem::take(&mut rule.one_of);
        for choice in &choices {
            if let Err(why) = choice_fits(kinds, choice).and_then(|()| rule.allows(choice, false)) {
                wrong("one_of", format!("a choice of `one_of` {why}"));
            }
        }
        rule.one_of = choices;
        rule
    }

    /// Checks a value of the right type; in a list, each element. The error does not show the value if it is
    /// `secret`.
    pub fn allows(&self, value: &Value, secret: bool) -> Result<(), Unfit> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.one(item, secret)),
            single => self.one(single, secret),
        }
    }

    fn one(&self, value: &Value, secret: bool) -> Result<(), Unfit> {
        let wrong = |wanted: String| {
            let found = if secret {
                String::new()
            } else {
                format!(", not `{}`", shown(value))
            };
            Err(format!("must {wanted}{found}"))
        };
        if !self.one_of.is_empty() && !self.one_of.contains(value) {
            let all: Vec<String> = self.one_of.iter().map(shown).collect();
            return wrong(format!("be one of {}", all.join(", ")));
        }
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(&shown(value))
        {
            return wrong(format!("match `{}`", source(pattern)));
        }
        for (bound, word, beyond) in [
            (&self.min, "at least", std::cmp::Ordering::Less),
            (&self.max, "at most", std::cmp::Ordering::Greater),
        ] {
            if let Some(bound) = bound
                && compare(value, bound) == Some(beyond)
            {
                return wrong(format!("be {word} {}", shown(bound)));
            }
        }
        Ok(())
    }
}

fn choice_fits(kinds: &[Kind], choice: &Value) -> Result<(), Unfit> {
    let fits = |kind: &Kind| {
        let alone = match kind {
            Kind::List => Value::Array(vec![choice.clone()]),
            _ => choice.clone(),
        };
        value::is(*kind, &alone, false)
    };
    any(kinds.iter().map(fits))
}

fn compiled(pattern: &Value) -> Result<Regex, String> {
    let text = pattern
        .as_str()
        .ok_or("`pattern` must be a regular expression in a string")?;
    whole(text).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default();
        let why = why.trim_start_matches("error: ");
        format!("`pattern` is not a valid regular expression: {why}")
    })
}

fn bound_fits(kinds: &[Kind], bound: &Value) -> Result<(), String> {
    let ordered = |kind: &&Kind| matches!(kind, Kind::Int | Kind::Float | Kind::Duration);
    let mut ordered = kinds.iter().filter(ordered).peekable();
    if ordered.peek().is_none() {
        return Err("requires an int, a float or a duration".into());
    }
    any(ordered.map(|kind| {
        let fits = match kind {
            Kind::Duration => bound.as_str().and_then(value::duration).is_some(),
            _ => bound.is_number(),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("must be {}", kind.described()))
        }
    }))
}

/// The first success, or the first error if none succeeds.
fn any<E>(results: impl Iterator<Item = Result<(), E>>) -> Result<(), E> {
    let mut first = None;
    for result in results {
        match result {
            Ok(()) => return Ok(()),
            Err(why) => first = first.or(Some(why)),
        }
    }
    first.map_or(Ok(()), Err)
}

/// A pattern must match the whole value, as with `one_of`.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// The pattern as the playbook wrote it.
pub(super) fn source(pattern: &Regex) -> &str {
    let text = pattern.as_str();
    text.strip_prefix("^(?:")
        .and_then(|text| text.strip_suffix(")$"))
        .unwrap_or(text)
}
