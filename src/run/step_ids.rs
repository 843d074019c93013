//! The identity of a step, which is the same in every execution of the same playbook.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::Position;

/// Numbers the occurrences of each place in the playbook on each host.
///
/// A host's closure runs in order, so the number of an occurrence represents the path of calls that led to
/// it: calls of a function from two places are its first and its second occurrence in every execution.
#[derive(Debug, Default)]
pub(crate) struct StepIds(Mutex<HashMap<String, u32>>);

impl StepIds {
    /// `web1/deploy.rhai:12:9`, and from the second time on `web1/deploy.rhai:12:9#2`.
    pub(crate) fn next(&self, host: &str, at: Option<&Position>) -> String {
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
        let ids = StepIds::default();
        let at = Position {
            file: "a.rhai".into(),
            line: 3,
            column: 7,
        };
        assert_eq!(ids.next("web1", Some(&at)), "web1/a.rhai:3:7");
        assert_eq!(ids.next("web2", Some(&at)), "web2/a.rhai:3:7");
        assert_eq!(ids.next("web1", Some(&at)), "web1/a.rhai:3:7#2");
    }
}
