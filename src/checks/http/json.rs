//! Expected values in a JSON document, by path.

use std::cmp::Ordering;

use serde_json::Value;

use crate::model::suggest::did_you_mean;

/// What is expected at a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    shown: String,
    path: Vec<Step>,
    tests: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(Value),
    Not(Value),
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    /// A string contains a string, a list contains a value.
    Contains(Value),
}

const COMPARISONS: [&str; 7] = [
    "is", "not", "below", "at_most", "above", "at_least", "contains",
];

impl Expectation {
    /// From a path in the playbook, and a value or a map of comparisons.
    ///
    /// # Errors
    /// A fragment without the path, followed by a line break and a hint.
    pub(crate) fn new(path: &str, expected: Value) -> Result<Self, String> {
        let tests = match expected {
            Value::Object(comparisons) if comparisons.is_empty() => {
                return Err("the map of comparisons is empty".to_owned());
            }
            Value::Object(comparisons) => comparisons
                .into_iter()
                .map(|(name, value)| comparison(&name, value))
                .collect::<Result<_, _>>()?,
            value => vec![Test::Is(value)],
        };
        Ok(Self {
            shown: path.to_owned(),
            path: steps(path)?,
            tests,
        })
    }

    /// What is wrong with a document, if anything.
    ///
    /// # Errors
    /// A fragment: `status.db is "down", expected "ok"`.
    pub(crate) fn test(&self, document: &Value) -> Result<(), String> {
        let mut at = document;
        for step in &self.path {
            let next = match step {
                Step::Key(key) => at.get(key),
                Step::Index(index) => at.get(index),
            };
            at = next.ok_or_else(|| format!("{} is missing", self.shown))?;
        }
        for test in &self.tests {
            if !test.holds(at) {
                let (shown, expected) = (&self.shown, test.shown());
                return Err(format!("{shown} is {at}, expected {expected}"));
            }
        }
        Ok(())
    }
}

fn comparison(name: &str, value: Value) -> Result<Test, String> {
    let number = || {
        value
            .as_f64()
            .ok_or_else(|| format!("`{name}` requires a number, not {value}"))
    };
    Ok(match name {
        "is" => Test::Is(value),
        "not" => Test::Not(value),
        "contains" => Test::Contains(value),
        "below" => Test::Below(number()?),
        "at_most" => Test::AtMost(number()?),
        "above" => Test::Above(number()?),
        "at_least" => Test::AtLeast(number()?),
        other => {
            let hint = did_you_mean(other, COMPARISONS)
                .unwrap_or_else(|| format!("The comparisons are {}.", COMPARISONS.join(", ")));
            return Err(format!("unknown comparison: `{other}`\n{hint}"));
        }
    })
}

impl Test {
    fn holds(&self, found: &Value) -> bool {
        let order = |than: f64| {
            let found = found.as_f64()?;
            found.partial_cmp(&than)
        };
        match self {
            Self::Is(value) => same(found, value),
            Self::Not(value) => !same(found, value),
            Self::Below(than) => order(*than) == Some(Ordering::Less),
            Self::AtMost(than) => order(*than).is_some_and(Ordering::is_le),
            Self::Above(than) => order(*than) == Some(Ordering::Greater),
            Self::AtLeast(than) => order(*than).is_some_and(Ordering::is_ge),
            Self::Contains(value) => match (found, value) {
                (Value::String(text), Value::String(part)) => text.contains(part),
                (Value::Array(list), value) => list.iter().any(|one| same(one, value)),
                _ => false,
            },
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Is(value) => value.to_string(),
            Self::Not(value) => format!("anything except {value}"),
            Self::Below(than) => format!("below {than}"),
            Self::AtMost(than) => format!("at most {than}"),
            Self::Above(than) => format!("above {than}"),
            Self::AtLeast(than) => format!("at least {than}"),
            Self::Contains(value) => format!("a value that contains {value}"),
        }
    }
}

/// Equality; numbers are compared by value: `1` in a playbook equals `1.0` in a document.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || one
                    .as_f64()
                    .zip(other.as_f64())
                    .is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        _ => one == other,
    }
}

/// `status.db`, `checks[0].state`, `status["a.b"]`.
fn steps(path: &str) -> Result<Vec<Step>, String> {
    let wrong = || {
        "invalid path\nWrite \"status.db\", \"checks[0].state\" or `status[\"a.b\"]`.".to_owned()
    };
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("[\"") {
            let (key, after) = inner.split_once("\"]").ok_or_else(wrong)?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
            steps.push(Step::Index(index.parse().map_err(|_| wrong())?));
            rest = after;
        } else {
            // After a key or a bracket, a dot continues the path.
            rest = match rest.strip_prefix('.') {
                Some(after) if !steps.is_empty() => after,
                None if steps.is_empty() => rest,
                _ => return Err(wrong()),
            };
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if key.is_empty() {
                return Err(wrong());
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
    }
    if steps.is_empty() {
        Err(wrong())
    } else {
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_paths() {
        let document = json!({ "a": { "b.c": [ { "d": 1 } ] }, "x": [[1, 2]], "0": "zero" });
        let holds =
            |path: &str, value: Value| Expectation::new(path, value).expect(path).test(&document);
        assert_eq!(holds("a[\"b.c\"][0].d", json!(1)), Ok(()));
        assert_eq!(holds("x[0][1]", json!(2.0)), Ok(()));
        assert_eq!(holds("0", json!("zero")), Ok(()));
        assert_eq!(holds("x", json!([[1, 2]])), Ok(()));
        assert_eq!(holds("a.b", json!(1)), Err("a.b is missing".to_owned()));
        assert_eq!(
            holds("x[0][0]", json!("1")),
            Err("x[0][0] is 1, expected \"1\"".to_owned())
        );
        for wrong in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "a[\"x]"] {
            assert!(Expectation::new(wrong, json!(1)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numeric_comparisons_require_numbers() {
        let cases = [
            (json!({ "below": 10 }), json!(9.9), true),
            (json!({ "below": 10 }), json!(10), false),
            (json!({ "below": 10 }), json!("9"), false),
            (json!({ "below": 10 }), json!(null), false),
            (json!({ "at_most": 10 }), json!(10), true),
            (json!({ "above": 0, "at_most": 3 }), json!(0), false),
            (json!({ "above": 0, "at_most": 3 }), json!(3), true),
            (json!({ "at_least": 1 }), json!(1), true),
            (json!({ "not": "down" }), json!("up"), true),
            (json!({ "not": "down" }), json!("down"), false),
            (json!({ "is": { "a": 1 } }), json!({ "a": 1 }), true),
            (json!({ "contains": "ok" }), json!("all ok"), true),
            (json!({ "contains": 2 }), json!([1, 2]), true),
            (json!({ "contains": "a" }), json!({ "a": 1 }), false),
        ];
        for (expected, found, holds) in cases {
            let expectation = Expectation::new("x", expected.clone()).expect("a comparison");
            let tested = expectation.test(&json!({ "x": found }));
            assert_eq!(tested.is_ok(), holds, "{expected} {tested:?}");
        }
        let error = Expectation::new("x", json!({ "bellow": 1 })).expect_err("unknown");
        assert!(error.contains("Did you mean `below`?"), "{error}");
        assert!(Expectation::new("x", json!({ "below": "1" })).is_err());
        assert!(Expectation::new("x", json!({})).is_err());
    }
}
