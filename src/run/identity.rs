//! The identity of a step: the same in every execution of the same playbook.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::Position;

/// Numbers the occurrences of each place on each host.
///
/// What a host's closure does is done in order, so the number of an occurrence tells the path of calls that
/// led to it: two calls of one function from two places are its first and its second occurrence, in every
/// execution.
#[derive(Debug, Default)]
pub struct Steps(Mutex<HashMap<String, u32>>);

impl Steps {
    /// `web1/deploy.rhai:12:9`, and from the second time on `web1/deploy.rhai:12:9#2`.
    pub fn next(&self, host: &str, at: Option<&Position>) -> String {
        let place = at.map_or_else(|| "-".to_owned(), ToString::to_string);
        let key = format!("{host}/{place}");
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(key.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            key
        } else {
            format!("{key}#{count}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_numbered_by_host_and_place() {
        let steps = Steps::default();
        let at = Position {
            file: "a.rhai".into(),
            line: 3,
            column: 7,
        };
        assert_eq!(steps.next("web1", Some(&at)), "web1/a.rhai:3:7");
        assert_eq!(steps.next("web2", Some(&at)), "web2/a.rhai:3:7");
        assert_eq!(steps.next("web1", Some(&at)), "web1/a.rhai:3:7#2");
    }
}
