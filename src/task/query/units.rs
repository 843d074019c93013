//! systemd units: one `systemctl show` for all of them.

use super::files::lines;
use super::question::Query;
use super::sections::Sections;
use crate::shell::quote_str as quote;
use crate::task::Answer;

/// A row in the table of a unit: missing links that its `[Install]` section requires.
pub const MISSING_LINKS: &str = "MissingLinks";

/// Another row: the uptime of the host at the time of the query, in seconds.
pub const UPTIME: &str = "Uptime";

/// The properties queried for each unit. Times are in UTC.
const PROPERTIES: &str = "\
    Id,Names,LoadState,ActiveState,SubState,Type,RemainAfterExit,UnitFileState,FragmentPath,\
    NeedDaemonReload,CanReload,InvocationID,ActiveEnterTimestamp,ExecMainStartTimestamp,TriggeredBy,\
    DropInPaths,NRestarts,ActiveEnterTimestampMonotonic,\
    Requires,Requisite,Wants,BindsTo,PartOf,Upholds,Conflicts,\
    RequiredBy,RequisiteOf,BoundBy,ConsistsOf,ConflictedBy";

/// Prints, for each enabled unit, the missing links that its `[Install]` section requires
/// (systemd.unit(5)). Reads the output of `systemctl show`. Names with specifiers are left out, and so are
/// units whose drop-ins reset a list. Builtins only.
const LINKS: &str = r#"w() { case $1 in *%*|'\') return;; esac
for d in /etc /run /usr/local/lib /usr/lib /lib; do [ ! -h "$d/systemd/system/$1" ] || return 0; done
m="$m /etc/systemd/system/$1"; }
k() { m=; for f in $p; do [ -r "$f" ] || continue; s=
while IFS= read -r l || [ -n "$l" ]; do case $l in
'['*) s=$l;;
WantedBy*=*|RequiredBy*=*|UpheldBy*=*|Alias*=*) [ "$s" = '[Install]' ] || continue
v=${l#*=}; case ${l%%[ =]*} in WantedBy) x=wants;; RequiredBy) x=requires;; UpheldBy) x=upholds;; *) x=;; esac
z=; for t in $v; do z=1; if [ -n "$x" ]; then w "$t.$x/$n"; else case $n in *@*) ;; *) w "$t";; esac; fi; done
[ -n "$z" ] || return 0;;
esac; done <"$f"; done; [ -z "$m" ] || printf '%s%s\n' "$n" "$m"; }
{ set -f; n= p= q= e=; while IFS= read -r l; do case $l in
Id=*) n=${l#*=};; FragmentPath=*) q=${l#*=};; DropInPaths=*) p=${l#*=};; UnitFileState=enabled) e=1;;
'') p="$q $p"; [ -z "$e" ] || k; n= p= q= e=;;
esac; done; }
"#;

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
        "if [ -d /run/systemd/system ]; then u=$(LC_ALL=C TZ=UTC systemctl show --no-pager -p {PROPERTIES} --"
    ));
    for name in names {
        text.push(' ');
        text.push_str(&quote(name));
    }
    text.push_str(&format!(
        " 2>&1); printf '%s\\n' \"$u\"; o uptime; read -r u_up u_idle </proc/uptime; echo \"$u_up\"\n\
         case $u in *UnitFileState=enabled*) o links; printf '%s\\n\\n' \"$u\" | {{\n{LINKS}}};; esac\n\
         else echo none; fi\n"
    ));
}

/// A block of `key=value` for each unit, separated by empty lines.
pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    let rows = lines(sections.section("units"));
    let units: Vec<Vec<(&str, &str)>> = rows
        .split(|row| row.is_empty())
        .map(|block| block.iter().filter_map(|row| row.split_once('=')).collect())
        .collect();
    let uptime = lines(sections.section("uptime"));
    let links = lines(sections.section("links"));
    for name in names(queries) {
        let unit = units.iter().find(|unit| {
            unit.iter()
                .any(|(key, value)| *key == "Names" && value.split(' ').any(|n| n == name))
        });
        let answer = match unit {
            _ if rows == ["none"] => Answer::Unknowable("the host does not run systemd".to_owned()),
            Some(unit) => {
                let id = unit.iter().find(|(key, _)| *key == "Id");
                let missing = links
                    .iter()
                    .filter_map(|row| row.split_once(' '))
                    .find(|(of, _)| id.is_some_and(|(_, id)| id == of));
                let more = [
                    missing.map(|(_, links)| (MISSING_LINKS, links)),
                    uptime.first().map(|up| (UPTIME, *up)),
                ];
                let rows = unit.iter().copied().chain(more.into_iter().flatten());
                Answer::Table(
                    rows.map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .collect(),
                )
            }
            // An error message, printed outside the blocks.
            None => Answer::Unknowable(
                rows.iter()
                    .find(|row| !row.contains('=') && !row.is_empty())
                    .map_or_else(
                        || format!("systemctl returned nothing about {name}"),
                        |message| format!("systemctl failed: {message}"),
                    ),
            ),
        };
        answers.push((Query::Unit(name.to_owned()), answer));
    }
}
