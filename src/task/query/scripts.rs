//! Scripts of tasks, each in a subshell so that none can affect the next.

use super::files::lines;
use super::question::Query;
use super::sections::Sections;
use crate::task::Answer;

pub(super) fn render(queries: &[Query], text: &mut String) {
    for (at, query) in queries.iter().enumerate() {
        if let Query::Script { script, .. } = query {
            text.push_str(&format!("o script.{at}\n( {script}\n) 2>/dev/null\n"));
        }
    }
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    for (at, query) in queries.iter().enumerate() {
        if let Query::Script { .. } = query {
            let rows = lines(sections.section(&format!("script.{at}")))
                .into_iter()
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            answers.push((query.clone(), Answer::Table(rows)));
        }
    }
}
