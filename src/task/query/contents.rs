//! The contents of files: one `head` for all of them.
//!
//! `head` prints no border between two files that a file could not contain too. So between two files it reads
//! its own environment, which holds nothing but the token of the sections. If that fails, each file is read
//! by a `head` of its own.

use super::files::lines;
use super::question::Query;
use super::sections::{Sections, find};
use crate::shell::quote_str as quote;
use crate::task::Answer;

fn border(token: &str) -> String {
    format!("ops_border={token}")
}

pub(super) fn render(queries: &[Query], token: &str, text: &mut String) {
    let mut paths = (queries.iter().enumerate())
        .filter_map(|(at, query)| match query {
            Query::Content(path) => Some((at, path)),
            _ => None,
        })
        .peekable();
    if paths.peek().is_none() {
        return;
    }
    text.push_str(concat!(
        "o contents\nset --\n",
        "c() { if [ -f \"$2\" ] && [ -r \"$2\" ]; then echo \"$1\"; f=1; else f=; fi; }\n"
    ));
    for (at, path) in paths {
        let path = quote(path);
        text.push_str(&format!(
            "c {at} {path}; [ -z \"$f\" ] || set -- \"$@\" {path} /proc/self/environ\n"
        ));
    }
    // A host without /proc, with a `head` that does not support -q, or a file that was removed in the
    // meantime.
    text.push_str(&format!(
        "o joined\n{{ [ $# -gt 2 ] && [ -r /proc/self/environ ] && env -i {border} head -q -c {size} \
         -- \"$@\" 2>/dev/null; }} || {{\n\
         f=0; while [ $# -gt 0 ]; do o \"content.$f\"; head -c {size} <\"$1\"; shift 2; f=$((f+1)); done; o \
         apart; }}\n",
        border = border(token),
        size = Query::LARGEST_CONTENT + 1,
    ));
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    let there = lines(sections.section("contents"));
    let contents = if sections.section("apart").is_some() {
        let section = |at| sections.section(&format!("content.{at}"));
        (0..there.len()).map(section).collect()
    } else {
        joined(sections, there.len())
    };
    for (at, query) in queries.iter().enumerate() {
        let Query::Content(path) = query else {
            continue;
        };
        let number = at.to_string();
        let content = there.iter().position(|at| *at == number);
        let answer = match content.map(|at| contents.get(at).copied().flatten()) {
            None => Answer::Content(None),
            Some(None) => Answer::Unknowable(format!("cannot read {path}")),
            Some(Some(bytes)) if bytes.len() as u64 > Query::LARGEST_CONTENT => {
                let limit = Query::LARGEST_CONTENT / 1024 / 1024;
                Answer::Unknowable(format!("{path} is larger than {limit} MiB"))
            }
            Some(Some(bytes)) => Answer::Content(Some(bytes.to_vec())),
        };
        answers.push((query.clone(), answer));
    }
}

/// Splits the output of one `head`. Returns nothing if it is not as expected: a `head` with more in its
/// environment would print that at the beginning of the next file.
fn joined<'a>(sections: &Sections<'a>, count: usize) -> Vec<Option<&'a [u8]>> {
    let border = format!("{}\0", border(sections.token)).into_bytes();
    let mut rest = sections.section("joined").unwrap_or_default();
    let mut contents = Vec::new();
    while let Some(at) = find(rest, &border) {
        contents.push(Some(&rest[..at]));
        rest = &rest[at + border.len()..];
    }
    if rest.is_empty() && contents.len() == count {
        contents
    } else {
        Vec::new()
    }
}
