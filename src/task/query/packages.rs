//! Installed packages: one `dpkg-query` for all of them.

use super::files::lines;
use super::{Answer, Query, Reply};
use crate::shell::quote_str as quote;

fn names(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Package(name) = query {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

pub(super) fn render(queries: &[Query], text: &mut String) {
    let names = names(queries);
    if names.is_empty() {
        return;
    }
    text.push_str("o packages\nif command -v dpkg-query >/dev/null; then dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture}\\n' --");
    for name in names {
        text.push(' ');
        text.push_str(&quote(name));
    }
    text.push_str(" 2>/dev/null; else echo none; fi\n");
}

pub(super) fn parse(queries: &[Query], reply: &Reply<'_>, answers: &mut Vec<(Query, Answer)>) {
    let rows = lines(reply.section("packages"));
    for name in names(queries) {
        let answer = if rows == ["none"] {
            Answer::Unknowable(
                "the host has no dpkg: apt is the only package manager so far".to_owned(),
            )
        } else {
            let (bare, architecture) = name
                .split_once(':')
                .map_or((name, None), |(n, a)| (n, Some(a)));
            Answer::Package(rows.iter().find_map(|row| {
                let mut fields = row.split(' ');
                let installed = fields.next() == Some("installed") && fields.next() == Some(bare);
                let version = fields.next()?;
                let same = architecture.is_none_or(|a| fields.next() == Some(a));
                (installed && same).then(|| version.to_owned())
            }))
        };
        answers.push((Query::Package(name.to_owned()), answer));
    }
}
