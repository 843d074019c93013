//! Units of systemd: one `systemctl show` for all of them.

use super::files::lines;
use super::{Answer, Query, Reply};
use crate::shell::quote_str as quote;
use crate::task::Resource;

/// What is asked of each unit. Times come in UTC.
const PROPERTIES: &str = "Id,Names,LoadState,ActiveState,SubState,Type,RemainAfterExit,UnitFileState,FragmentPath,\
    NeedDaemonReload,CanReload,InvocationID,ActiveEnterTimestamp,ExecMainStartTimestamp,TriggeredBy,\
    Requires,Requisite,Wants,BindsTo,PartOf,Upholds,Conflicts,\
    RequiredBy,RequisiteOf,BoundBy,ConsistsOf,ConflictedBy";

/// Where unit files are read from (systemd.unit(5)), and the scripts that systemd makes units of.
const DIRECTORIES: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/etc/init.d",
];

fn names(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Unit(name) = query {
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
    text.push_str("o units\n");
    text.push_str(&format!(
        "if [ -d /run/systemd/system ]; then LC_ALL=C TZ=UTC systemctl show --no-pager -p {PROPERTIES} --"
    ));
    for name in names {
        text.push(' ');
        text.push_str(&quote(name));
    }
    text.push_str(" 2>&1; else echo none; fi\n");
}

/// A block of `key=value` for each unit, parted by empty lines.
pub(super) fn parse(queries: &[Query], reply: &Reply<'_>, answers: &mut Vec<(Query, Answer)>) {
    let rows = lines(reply.section("units"));
    let units: Vec<Vec<(&str, &str)>> = rows
        .split(|row| row.is_empty())
        .map(|block| block.iter().filter_map(|row| row.split_once('=')).collect())
        .collect();
    for name in names(queries) {
        let unit = units.iter().find(|unit| {
            unit.iter()
                .any(|(key, value)| *key == "Names" && value.split(' ').any(|n| n == name))
        });
        let answer = match unit {
            _ if rows == ["none"] => Answer::Unknowable("the host does not run systemd".to_owned()),
            Some(unit) => Answer::Table(
                unit.iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            // Printed outside the blocks: what went wrong.
            None => Answer::Unknowable(
                rows.iter()
                    .find(|row| !row.contains('=') && !row.is_empty())
                    .map_or_else(
                        || format!("systemctl does not tell of {name}"),
                        |said| format!("systemctl says: {said}"),
                    ),
            ),
        };
        answers.push((Query::Unit(name.to_owned()), answer));
    }
}

/// Whether a change can alter what is found of a unit. A package may bring one or start one. What one unit
/// does to another is the business of the task that starts or stops it: see `alters` of a change.
pub(super) fn depends_on(unit: &str, altered: &Resource) -> bool {
    match altered {
        Resource::Path(path) | Resource::Entry(path) => DIRECTORIES.iter().any(|directory| {
            let within = path
                .trim_end_matches('/')
                .strip_prefix(directory)
                .and_then(|rest| rest.strip_prefix('/'));
            match within {
                Some(name) => is_part_of(unit, name),
                None => altered.overlaps(&Resource::Entry((*directory).to_owned())),
            }
        }),
        altered => altered.overlaps(&Resource::Service(unit.to_owned())),
    }
}

/// Whether a file of this name below a directory of units may belong to the unit: its own file, that of its
/// template, a drop-in, or a link by which another wants it.
fn is_part_of(unit: &str, name: &str) -> bool {
    let name = name.split('/').next().unwrap_or_default();
    let stem =
        |text: &str| -> String { text.split(['@', '.']).next().unwrap_or_default().to_owned() };
    let is_directory_of_links = [".d", ".wants", ".requires"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    is_directory_of_links || stem(name) == stem(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_own_files_matter_to_it() {
        let path = |p: &str| Resource::Path(p.to_owned());
        let on = |p: &str| depends_on("shop@1.service", &path(p));
        assert!(on("/etc/systemd/system/shop@.service"));
        assert!(on("/etc/systemd/system/shop@1.service.d/override.conf"));
        assert!(on("/etc/systemd/system/service.d/all.conf"));
        assert!(on("/etc/systemd"));
        assert!(on("/lib/systemd/system/"));
        assert!(!on("/etc/systemd/system/other.service"));
        assert!(!on("/etc/shop.conf"));
        assert!(depends_on("a.service", &Resource::Package("x".into())));
        assert!(depends_on(
            "a.service",
            &Resource::Service("a.service".into())
        ));
        assert!(!depends_on(
            "a.service",
            &Resource::Service("b.service".into())
        ));
    }
}
