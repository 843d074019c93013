//! Paths and hashes: one `stat` and one `sha256sum` for all of them.

use super::question::Query;
use super::sections::Sections;
use crate::shell::quote_str as quote;
use crate::task::{Answer, PathKind, PathState, Stat};

/// The limit of argument bytes for one process; Linux allows 128 KiB in one argument and 2 MiB in total,
/// BusyBox less.
const ARGUMENTS: usize = 96 * 1024;

/// `/` separates the fields, because it cannot occur in a user or group name. The name of the file comes
/// last, so it may contain anything.
const FORMAT: &str = "%f/%u/%g/%s/%h/%Z/%U/%G/%n";

fn paths(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Path(path) = query {
                Some(path.as_str())
            } else {
                None
            }
        })
        .collect()
}

fn hashed(queries: &[Query]) -> Vec<&str> {
    queries
        .iter()
        .filter_map(|query| {
            if let Query::Sha256(path) = query {
                Some(path.as_str())
            } else {
                None
            }
        })
        .collect()
}

pub(super) fn render(queries: &[Query], text: &mut String) {
    let paths = paths(queries);
    if !paths.is_empty() {
        text.push_str("o stat\n");
        for arguments in chunked(&paths) {
            text.push_str(&format!("stat -c '{FORMAT}' --{arguments} 2>/dev/null\n"));
        }
        // A path that does not exist, or that this user may not access: a parent without search permission
        // distinguishes them. Builtins only.
        text.push_str(concat!(
            "o denied\n",
            "d() { if [ -h \"$2\" ]; then l=\"$l $1\"; return; fi; [ -e \"$2\" ] && return; p=$2; ",
            "while p=${p%/*}; [ -n \"$p\" ] && ! [ -e \"$p\" ]; do :; done; p=${p:-/}; ! [ -d \"$p\" ] || [ \
             -x \"$p\" ] || echo \"$1\"; }\n",
            "l=\n"
        ));
        for (at, path) in paths.iter().enumerate() {
            text.push_str(&format!("d {at} {}\n", quote(path)));
        }
        text.push_str("command -v stat >/dev/null || echo nostat\n");
        text.push_str("set --\nfor i in $l; do o \"link.$i\"; case $i in\n");
        for (at, path) in paths.iter().enumerate() {
            text.push_str(&format!(
                "{at}) set -- \"$@\" {0}; readlink -- {0} 2>/dev/null || readlink {0};;\n",
                quote(path)
            ));
        }
        // Most paths are not links, so this usually saves a process.
        text.push_str(&format!(
            "esac; done\no target\n[ $# -eq 0 ] || stat -L -c '{FORMAT}' -- \"$@\" 2>/dev/null\n"
        ));
    }
    let hashed = hashed(queries);
    if !hashed.is_empty() {
        // The session may know the checksum of a file that it has just received.
        text.push_str(concat!(
            "o hashed\nset --\nh() { f=; if [ -f \"$2\" ] && [ -r \"$2\" ]; then ",
            "if [ -n \"$ops_sums\" ] && k=$(ops_known \"$2\"); then echo \"$1 $k\"; else echo \"$1\"; f=1; \
             fi; fi; }\n"
        ));
        for (at, path) in hashed.iter().enumerate() {
            let path = quote(path);
            text.push_str(&format!(
                "h {at} {path}; [ -z \"$f\" ] || set -- \"$@\" {path}\n"
            ));
        }
        text.push_str("o sha256\n[ $# -eq 0 ] || sha256sum -- \"$@\" 2>/dev/null\n");
    }
}

fn chunked(paths: &[&str]) -> Vec<String> {
    let mut chunks = vec![String::new()];
    for path in paths {
        let quoted = quote(path);
        if chunks
            .last()
            .is_some_and(|chunk| chunk.len() + quoted.len() > ARGUMENTS)
        {
            chunks.push(String::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(' ');
            chunk.push_str(&quoted);
        }
    }
    chunks
}

pub(super) fn parse(
    queries: &[Query],
    sections: &Sections<'_>,
    answers: &mut Vec<(Query, Answer)>,
) {
    let paths = paths(queries);
    if !paths.is_empty() {
        let denied = lines(sections.section("denied"));
        let own = stats(sections.section("stat").unwrap_or_default(), &paths);
        let links: Vec<Option<&[u8]>> = (0..paths.len())
            .map(|at| sections.section(&format!("link.{at}")))
            .collect();
        let linked: Vec<&str> = (paths.iter().zip(&links))
            .filter_map(|(path, link)| link.map(|_| *path))
            .collect();
        let targets = sections.section("target").unwrap_or_default();
        let mut targets = stats(targets, &linked).into_iter();
        for (at, ((path, own), link)) in paths.iter().zip(own).zip(links).enumerate() {
            let target = match link {
                Some(_) => targets.next().flatten(),
                None => own.clone(),
            };
            let answer = if denied.contains(&"nostat") {
                Answer::Unknowable("the host has no stat command".to_owned())
            } else if denied.contains(&at.to_string().as_str()) {
                Answer::Unknowable(format!("no permission to access {path}"))
            } else {
                let link = link.map(|link| {
                    let link = link.strip_suffix(b"\n").unwrap_or(link);
                    String::from_utf8_lossy(link).into_owned()
                });
                Answer::Path(PathState { own, target, link })
            };
            answers.push((Query::Path((*path).to_owned()), answer));
        }
    }
    let hashed = hashed(queries);
    if !hashed.is_empty() {
        let mut digests = vec![None; hashed.len()];
        let mut sums = lines(sections.section("sha256")).into_iter();
        for line in lines(sections.section("hashed")) {
            let (at, known) = match line.split_once(' ') {
                Some((at, known)) => (at, Some(known)),
                None => (line, None),
            };
            // GNU prints a backslash before the checksum of a file whose name it had to escape.
            let sum = known.or_else(|| sums.next().map(|sum| sum.trim_start_matches('\\')));
            let sum = sum
                .and_then(|sum| sum.split(' ').next())
                .unwrap_or_default();
            if let Some(hash) = at.parse().ok().and_then(|at: usize| digests.get_mut(at)) {
                *hash = (sum.len() == 64).then(|| sum.to_owned());
            }
        }
        for (path, hash) in hashed.iter().zip(digests) {
            answers.push((Query::Sha256((*path).to_owned()), Answer::Sha256(hash)));
        }
    }
}

pub(super) fn lines(section: Option<&[u8]>) -> Vec<&str> {
    std::str::from_utf8(section.unwrap_or_default())
        .map(|text| text.lines().collect())
        .unwrap_or_default()
}

/// The output of `stat` for `paths`, in their order; it prints nothing for a path that it cannot access.
/// The names are known, so a newline in one is no problem.
fn stats(printed: &[u8], paths: &[&str]) -> Vec<Option<Stat>> {
    let mut rest = printed;
    paths
        .iter()
        .map(|path| {
            let (stat, after) = stat(rest, path)?;
            rest = after;
            Some(stat)
        })
        .collect()
}

fn stat<'a>(printed: &'a [u8], path: &str) -> Option<(Stat, &'a [u8])> {
    let mut fields = printed.splitn(9, |&b| b == b'/');
    let mut text = || {
        fields
            .next()
            .and_then(|field| std::str::from_utf8(field).ok())
    };
    let mode = u32::from_str_radix(text()?, 16).ok()?;
    let (uid, gid) = (text()?, text()?);
    let size = text()?.parse().ok()?;
    let links = text()?.parse().ok()?;
    let modified = text()?.parse().ok()?;
    let (owner, group) = (text()?, text()?);
    let rest = fields
        .next()?
        .strip_prefix(path.as_bytes())?
        .strip_prefix(b"\n")?;
    let named = |name: &str, id: &str| {
        if name == "UNKNOWN" {
            id.to_owned()
        } else {
            name.to_owned()
        }
    };
    let stat = Stat {
        kind: match mode & 0o170_000 {
            0o100_000 => PathKind::File,
            0o040_000 => PathKind::Directory,
            0o120_000 => PathKind::Link,
            _ => PathKind::Other,
        },
        mode: mode & 0o7777,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        owner: named(owner, uid),
        group: named(group, gid),
        size,
        links,
        modified,
    };
    Some((stat, rest))
}
