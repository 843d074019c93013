//! What a package may add to or change on a host, judging by its name. In check mode, anything that it
//! cannot plausibly touch is planned from the current state.
//!
//! The rule: a package touches what has its name (paths in system directories, units, users, groups), any
//! unit that does not exist, and anything that a query with undeclared dependencies may depend on. It does
//! not remove or alter what has another name: that is not certain, so a plan that relies on it says so.

use super::resource::is_of_system;
use super::{Answer, Query, Resource};

/// Whether the answer to a query may change when the package is installed or removed. `answer` is the
/// current answer of the host, if known.
pub(super) fn brings(package: &str, query: &Query, answer: Option<&Answer>) -> bool {
    let is_there = !matches!(answer, Some(Answer::Table(rows)) if rows.is_empty());
    match query {
        Query::Path(path) | Query::Sha256(path) | Query::Content(path) => owns(package, path),
        Query::Package(name) => name == package,
        Query::Unit(name) => {
            let is_known = matches!(answer, Some(Answer::Table(rows))
                if !rows.iter().any(|(key, value)| key == "LoadState" && value == "not-found"));
            !is_known || is_named_after(stem(name), package)
        }
        Query::Stamp(name) => is_named_after(stem(name), package),
        Query::User(name) | Query::Group(name) | Query::Password(name) => {
            !is_there && is_named_after(name, package)
        }
        Query::Script { reads, .. } | Query::Probe { reads, .. } => {
            reads.iter().any(|read| touches(package, read))
        }
        Query::Shell(_) => true,
    }
}

/// Whether the package may touch something that a task declares to read.
pub(super) fn touches(package: &str, read: &Resource) -> bool {
    match read {
        Resource::Any => true,
        Resource::Path(path) | Resource::Entry(path) | Resource::Above(path) => owns(package, path),
        Resource::Package(name) => name == package,
        Resource::Service(name) => is_named_after(stem(name), package),
        Resource::User(name) | Resource::Group(name) | Resource::GroupAlone(name) => {
            is_named_after(name, package)
        }
        Resource::Accounts => false,
    }
}

/// Names of directories that many packages share: they do not identify a package.
const SHARED: [&str; 24] = [
    "bin",
    "boot",
    "cache",
    "cron.d",
    "default",
    "etc",
    "init.d",
    "lib",
    "lib64",
    "local",
    "log",
    "logrotate.d",
    "opt",
    "run",
    "sbin",
    "share",
    "spool",
    "src",
    "ssl",
    "system",
    "systemd",
    "tmp",
    "usr",
    "var",
];

/// Whether a path in a system directory contains the name of the package.
fn owns(package: &str, path: &str) -> bool {
    is_of_system(path)
        && path
            .split('/')
            .filter(|part| !part.is_empty() && !SHARED.contains(part))
            .any(|part| is_named_after(part, package))
}

/// A unit name without its suffix and instance.
fn stem(unit: &str) -> &str {
    unit.split(['@', '.']).next().unwrap_or(unit)
}

/// Whether a name begins with that of the package, or vice versa: `nginx-shop.conf` and nginx, `postgres`
/// and postgresql-15.
fn is_named_after(name: &str, package: &str) -> bool {
    let package = package.split([':', '/', '=']).next().unwrap_or(package);
    let name = name.trim_start_matches('.');
    // `postgresql-15`, `php8.2-fpm`, `docker.io`: the part before the first version or variant.
    let short = package
        .split(['-', '.', '_', '+'])
        .next()
        .unwrap_or(package)
        .trim_end_matches(|c: char| c.is_ascii_digit());
    let begins = |name: &str, with: &str| {
        name.strip_prefix(with)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    begins(name, package)
        || (short.len() > 2 && begins(name, short))
        || (name.len() > 3 && short.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::PathState;

    fn path(package: &str, path: &str) -> bool {
        let absent = Answer::Path(PathState::ABSENT);
        brings(package, &Query::Path(path.to_owned()), Some(&absent))
    }

    #[test]
    fn a_package_touches_what_has_its_name() {
        for (package, path_of_it) in [
            ("nginx", "/etc/nginx/nginx.conf"),
            ("nginx", "/etc/nginx/sites-available/shop"),
            ("nginx-core", "/etc/logrotate.d/nginx"),
            ("haproxy", "/etc/haproxy/haproxy.cfg"),
            ("redis-server", "/etc/redis/redis.conf"),
            ("postgresql-15", "/var/lib/postgresql/15/main"),
            ("php8.2-fpm", "/etc/php/8.2/fpm/php.ini"),
            ("docker.io", "/etc/docker/daemon.json"),
            (
                "nginx:amd64",
                "/etc/systemd/system/nginx.service.d/limits.conf",
            ),
        ] {
            assert!(path(package, path_of_it), "{package} {path_of_it}");
        }
        for (package, other) in [
            ("nginx", "/etc/motd"),
            ("nginx", "/etc/systemd/system/shop.service"),
            ("nginx", "/srv/nginx/x"),
            ("nginx", "/usr/local/bin/nginx"),
            ("systemd-timesyncd", "/etc/systemd/system/shop.service"),
            ("ca-certificates", "/etc/cache/x"),
            ("rsync", "/etc/rsyslog.conf"),
            ("ops-hello", "/etc/hosts"),
        ] {
            assert!(!path(package, other), "{package} {other}");
        }
    }

    #[test]
    fn does_not_touch_existing_units_and_users() {
        let table = |rows: &[(&str, &str)]| {
            let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            Answer::Table(rows.iter().map(own).collect())
        };
        let unit = |name: &str, state: &str| {
            let answer = table(&[("LoadState", state)]);
            brings("nginx", &Query::Unit(name.to_owned()), Some(&answer))
        };
        assert!(unit("nginx.service", "loaded"));
        assert!(unit("other.service", "not-found"));
        assert!(!unit("ssh.service", "loaded"));
        let user = |package, name: &str, answer: &Answer| {
            brings(package, &Query::User(name.to_owned()), Some(answer))
        };
        let nobody = table(&[]);
        assert!(user("postgresql", "postgres", &nobody));
        assert!(!user(
            "postgresql",
            "postgres",
            &table(&[("name", "postgres")])
        ));
        assert!(!user("postgresql", "shop", &nobody));
        assert!(brings("nginx", &Query::Shell("true".to_owned()), None));
        let script = |reads| Query::Script {
            script: String::new(),
            reads,
        };
        assert!(brings("nginx", &script(vec![Resource::Any]), None));
        let srv = vec![Resource::Path("/srv".to_owned())];
        assert!(!brings("nginx", &script(srv), None));
    }
}
