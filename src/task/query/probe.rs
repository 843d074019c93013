//! The script of a probe, and the answers in what it printed.

use super::question::Query;
use super::sections::Sections;
use super::{contents, files, packages, scripts, stamps, units, users};
use crate::task::Answer;

/// The script that answers all of `queries` except those with a [`Query::command`], which the caller runs. It
/// needs `$ops_state`, ops's state directory on the host.
///
/// `token` is random and new for each script, so that the content of a file is not taken for a border between
/// answers.
#[must_use]
pub fn render(queries: &[Query], token: &str) -> String {
    let mut text = format!("o() {{ printf '\\n%s %s\\n' {token} \"$1\"; }}\n");
    files::render(queries, &mut text);
    contents::render(queries, token, &mut text);
    packages::render(queries, &mut text);
    units::render(queries, &mut text);
    stamps::render(queries, &mut text);
    users::render(queries, &mut text);
    scripts::render(queries, &mut text);
    text.push_str("o end\n");
    text
}

/// The answers in what the script printed, one for each of the queries that it was rendered for.
#[must_use]
pub fn answers(queries: &[Query], sections: &Sections<'_>) -> Vec<(Query, Answer)> {
    let mut answers = Vec::with_capacity(queries.len());
    files::parse(queries, sections, &mut answers);
    contents::parse(queries, sections, &mut answers);
    packages::parse(queries, sections, &mut answers);
    units::parse(queries, sections, &mut answers);
    stamps::parse(queries, sections, &mut answers);
    users::parse(queries, sections, &mut answers);
    scripts::parse(queries, sections, &mut answers);
    answers
}
