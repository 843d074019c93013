//! Installed packages: one `dpkg-query` for all of them. Only if one of the names is unknown, a second one
//! looks for packages that provide it.

use super::files::lines;
use super::question::Query;
use super::sections::Sections;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Installed};

const FIELDS: &str =
    "${db:Status-Want} ${db:Status-Status} ${Package} ${Architecture} ${Version}\\n";

/// `Provides` comes last because it contains spaces.
const PROVIDED: &str = "${db:Status-Status} ${Package} ${Provides}\\n";

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

/// `libc6:i386` is the package `libc6` for `i386`.
fn architecture(name: &str) -> (&str, Option<&str>) {
    name.split_once(':')
        .map_or((name, None), |(name, architecture)| {
            (name, Some(architecture))
        })
}

pub(super) fn render(queries: &[Query], text: &mut String) {
    let names = names(queries);
    if names.is_empty() {
        return;
    }
    text.push_str("o packages\nif command -v dpkg-query >/dev/null; then\n");
    text.push_str(&format!("p=$(dpkg-query -W -f '{FIELDS}' --"));
    for name in names {
        text.push(' ');
        text.push_str(&quote(architecture(name).0));
    }
    // A name that is provided may also have a row, as a package that is not installed.
    text.push_str(&format!(
        " 2>/dev/null); c=$?; printf '%s\\n' \"$p\"\n\
         case $c$p in [!0]*|*' not-installed '*) o provided; dpkg-query -W -f '{PROVIDED}';; esac\n\
         else echo none; fi\n"
    ));
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    let rows = lines(sections.section("packages"));
    let provided = lines(sections.section("provided"));
    for name in names(queries) {
        let answer = if rows == ["none"] {
            Answer::Unknowable(
                "the host has no dpkg: apt is the only supported package manager so far".to_owned(),
            )
        } else {
            Answer::Package(installed(name, &rows).or_else(|| provider(name, &provided)))
        };
        answers.push((Query::Package(name.to_owned()), answer));
    }
}

fn installed(name: &str, rows: &[&str]) -> Option<Installed> {
    let (name, architecture) = architecture(name);
    rows.iter().find_map(|row| {
        let mut fields = row.split(' ');
        let held = fields.next()? == "hold";
        let installed = fields.next()? == "installed" && fields.next()? == name;
        let found = fields.next()?;
        // A package for all architectures counts for each of them.
        let fits = architecture.is_none_or(|wanted| found == wanted || found == "all");
        (installed && fits).then(|| Installed {
            version: fields.next().unwrap_or_default().to_owned(),
            held,
            provider: None,
        })
    })
}

fn provider(name: &str, rows: &[&str]) -> Option<Installed> {
    rows.iter().find_map(|row| {
        let mut fields = row.splitn(3, ' ');
        let installed = fields.next()? == "installed";
        let provider = fields.next()?;
        // `mail-transport-agent, httpd (= 1.0)`
        let has_name = fields.next()?.split(',').any(|entry| {
            let entry = entry.trim().split(' ').next().unwrap_or_default();
            architecture(entry).0 == name
        });
        (installed && has_name).then(|| Installed {
            version: String::new(),
            held: false,
            provider: Some(provider.to_owned()),
        })
    })
}
