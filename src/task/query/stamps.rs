//! Stamps: what ops recorded about a unit when it last started or reloaded it. Read with shell builtins.
//!
//! Stamps of other users are ignored: their content cannot be trusted. `$ops_state/stamps/UNIT` contains
//! lines `key=value`; `tasks::services` interprets them.

use super::files::lines;
use super::question::Query;
use super::sections::Sections;
use crate::shell::quote_str as quote;
use crate::task::Answer;

fn names(queries: &[Query]) -> impl Iterator<Item = &str> {
    queries.iter().filter_map(|query| {
        if let Query::Stamp(name) = query {
            Some(name.as_str())
        } else {
            None
        }
    })
}

pub(super) fn render(queries: &[Query], text: &mut String) {
    for (at, name) in names(queries).enumerate() {
        let name = quote(name);
        text.push_str(&format!(
            "o stamp.{at}\nif [ -O \"$ops_state/stamps/\"{name} ]; then while IFS= read -r l; do printf \
             '%s\\n' \"$l\"; done \
             <\"$ops_state/stamps/\"{name}; fi\n"
        ));
    }
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    for (at, name) in names(queries).enumerate() {
        let rows = lines(sections.section(&format!("stamp.{at}")))
            .into_iter()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        answers.push((Query::Stamp(name.to_owned()), Answer::Table(rows)));
    }
}
