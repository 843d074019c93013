//! Users and groups: one `getent` for each of the tables, regardless of the number of names. On a host
//! without it (BusyBox only), the files are read.

use super::question::Query;
use super::sections::Sections;
use crate::shell::quote_str as quote;
use crate::task::Answer;

fn users(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::User(name) = query {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

fn groups(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Group(name) = query {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

fn passwords(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Password(name) = query {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

/// Looks up the requested names only, so that no other rows leave the host.
const LOOK_UP: &str = concat!(
    "g() { t=$1; shift; if command -v getent >/dev/null; then getent \"$t\" \"$@\"; ",
    "else while IFS= read -r l; do for n in \"$@\"; do case $l in \"$n\":*) printf '%s\\n' \"$l\";; esac; \
     done; ",
    "done <\"/etc/$t\"; fi 2>/dev/null; }\n",
);

pub(super) fn render(queries: &[Query], text: &mut String) {
    let (users, groups, passwords) = (users(queries), groups(queries), passwords(queries));
    if !(users.is_empty() && groups.is_empty() && passwords.is_empty()) {
        text.push_str(LOOK_UP);
    }
    if !users.is_empty() {
        text.push_str("o passwd\ng passwd");
        push_names(text, &users);
    }
    if !users.is_empty() || !groups.is_empty() {
        // All groups: they contain a user's memberships. Entries that a directory service does not list are
        // queried by name.
        text.push_str(
            "o group\nif command -v getent >/dev/null; then getent group; else while IFS= read -r \
            l; do printf '%s\\n' \"$l\"; done </etc/group; fi\n",
        );
    }
    if !groups.is_empty() {
        text.push_str("o named\ng group");
        push_names(text, &groups);
    }
    if !passwords.is_empty() {
        text.push_str("o shadow\nif [ -r /etc/shadow ]; then g shadow");
        push_names(text, &passwords);
        text.push_str("else echo denied; fi\n");
    }
}

fn push_names(text: &mut String, names: &[&str]) {
    for name in names {
        text.push(' ');
        text.push_str(&quote(name));
    }
    text.push('\n');
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    // A full name may use any encoding.
    let text = |name: &str| -> String {
        String::from_utf8_lossy(sections.section(name).unwrap_or_default()).into_owned()
    };
    let (passwd, group, shadow) = (
        text("passwd"),
        text("group") + text("named").as_str(),
        text("shadow"),
    );
    let (passwd, group, shadow) = (table(&passwd), table(&group), table(&shadow));
    for name in users(queries) {
        let rows = row(&passwd, name, 7).map_or_else(Vec::new, |row| user(name, row, &group));
        answers.push((Query::User(name.to_owned()), Answer::Table(rows)));
    }
    for name in groups(queries) {
        let rows = row(&group, name, 4).map_or_else(Vec::new, |row| {
            pairs(&[("gid", row[2]), ("members", row[3])])
        });
        answers.push((Query::Group(name.to_owned()), Answer::Table(rows)));
    }
    for name in passwords(queries) {
        let answer = if shadow == [["denied"]] {
            Answer::Unknowable("only root can read password hashes".to_owned())
        } else {
            let row = row(&shadow, name, 2);
            Answer::Table(row.map_or_else(Vec::new, |row| pairs(&[("hash", row[1])])))
        };
        answers.push((Query::Password(name.to_owned()), answer));
    }
}

fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(':').collect()).collect()
}

fn row<'a>(table: &'a [Vec<&'a str>], name: &str, fields: usize) -> Option<&'a [&'a str]> {
    table
        .iter()
        .find(|row| row.first() == Some(&name) && row.len() >= fields)
        .map(Vec::as_slice)
}

fn user(name: &str, row: &[&str], groups: &[Vec<&str>]) -> Vec<(String, String)> {
    let gid = row[3];
    let own = groups.iter().find(|group| group.get(2) == Some(&gid));
    let mut others: Vec<&str> = groups
        .iter()
        .filter(|group| group.get(2) != Some(&gid))
        .filter(|group| {
            group
                .get(3)
                .is_some_and(|members| members.split(',').any(|member| member == name))
        })
        .filter_map(|group| group.first().copied())
        .collect();
    others.sort_unstable();
    others.dedup();
    pairs(&[
        ("name", name),
        ("uid", row[2]),
        ("gid", gid),
        ("comment", row[4]),
        ("home", row[5]),
        ("shell", row[6]),
        ("group", own.map_or(gid, |group| group[0])),
        ("groups", &others.join(",")),
    ])
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
