//! The name of a kept connection: a digest of everything that determines its target and the user.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::model::Connection;

/// Changes when the input of the digest changes.
const VERSION: &str = "1";

/// 80 bits: the path of a socket must be short, and only the user can create names here.
const BYTES: usize = 10;

/// The maximum depth of `Include`s; ssh_config(5) gives `ssh` the same limit.
const MAX_DEPTH: usize = 16;

pub(super) fn name(connection: &Connection, persist: Duration) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    part(VERSION.as_bytes());
    part(connection.address.as_bytes());
    part(format!("{:?} {:?}", connection.port, connection.host_keys).as_bytes());
    part(connection.user.as_deref().unwrap_or_default().as_bytes());
    part(&persist.as_secs().to_le_bytes());
    for argument in &connection.ssh_args {
        part(argument.as_bytes());
    }
    // Another agent has other keys.
    let agent = std::env::var_os("SSH_AUTH_SOCK").unwrap_or_default();
    part(agent.as_encoded_bytes());
    // The same relative path is another key in another directory.
    let key_is_relative = connection
        .key_file
        .as_deref()
        .is_some_and(Path::is_relative);
    if key_is_relative || names_keys(&connection.ssh_args) {
        let here = std::env::current_dir().unwrap_or_default();
        part(here.as_os_str().as_encoded_bytes());
    }
    if let Some(key) = &connection.key_file {
        part(key.as_os_str().as_encoded_bytes());
        if let Ok(found) = std::fs::metadata(key) {
            let stamp = (
                found.dev(),
                found.ino(),
                found.len(),
                found.mtime(),
                found.mtime_nsec(),
            );
            part(format!("{stamp:?}").as_bytes());
        }
    }
    let mut seen = BTreeSet::new();
    for file in configurations(&connection.ssh_args) {
        read(&file, MAX_DEPTH, &mut seen, &mut part);
    }
    let digest = digest.finalize();
    digest
        .iter()
        .take(BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether arguments of `ssh` name key files.
fn names_keys(arguments: &[String]) -> bool {
    arguments
        .iter()
        .any(|word| word.starts_with("-i") || word.to_ascii_lowercase().contains("identityfile"))
}

/// The files that `ssh` reads first: that of `-F` alone, or those of the user and of the system.
fn configurations(arguments: &[String]) -> Vec<PathBuf> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "-F" {
            return words.next().map(PathBuf::from).into_iter().collect();
        }
        if let Some(file) = word.strip_prefix("-F") {
            return vec![file.into()];
        }
    }
    let mut files: Vec<PathBuf> = homes()
        .iter()
        .map(|home| home.join(".ssh/config"))
        .collect();
    files.push("/etc/ssh/ssh_config".into());
    files
}

/// The home directories of the user: `ssh` uses the user database, but `~` elsewhere is `$HOME`. Both are
/// read.
fn homes() -> BTreeSet<PathBuf> {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&user.as_str())).then(|| fields.get(5).map(PathBuf::from))?
    });
    listed.into_iter().chain(std::env::home_dir()).collect()
}

/// Adds a file and everything that it includes, regardless of the hosts to which an `Include` applies.
fn read(file: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, part: &mut impl FnMut(&[u8])) {
    if depth == 0 || !seen.insert(file.to_owned()) {
        return;
    }
    let Ok(content) = std::fs::read(file) else {
        return;
    };
    part(file.as_os_str().as_encoded_bytes());
    part(&content);
    let near = file.parent().unwrap_or(Path::new("/"));
    for pattern in included(&String::from_utf8_lossy(&content)) {
        for path in expand(&pattern, near) {
            read(&path, depth - 1, seen, part);
        }
    }
}

/// The patterns of the `Include`s of a configuration.
fn included(content: &str) -> Vec<String> {
    let mut patterns = Vec::new();
    for line in content.lines() {
        let line = line.trim_start();
        let end = line
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(line.len());
        let (keyword, rest) = line.split_at(end);
        if keyword.eq_ignore_ascii_case("include") {
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
            patterns.extend(shlex::split(rest).unwrap_or_default());
        }
    }
    patterns
}

/// The files of a pattern, in order. A relative one is resolved in the directories of the user's and the
/// system's files.
fn expand(pattern: &str, near: &Path) -> BTreeSet<PathBuf> {
    let homes = homes();
    let from: Vec<PathBuf> = match pattern.strip_prefix("~/") {
        Some(rest) => homes.iter().map(|home| home.join(rest)).collect(),
        None if pattern.starts_with('/') => vec![pattern.into()],
        None => homes
            .iter()
            .map(|home| home.join(".ssh"))
            .chain(["/etc/ssh".into(), near.to_owned()])
            .map(|dir| dir.join(pattern))
            .collect(),
    };
    from.iter().flat_map(|path| matching(path)).collect()
}

/// The entries that match, with `*`, `?` and `[...]` in the last component; a pattern in an earlier
/// component is taken literally.
fn matching(path: &Path) -> Vec<PathBuf> {
    let (Some(dir), Some(name)) = (
        path.parent(),
        path.file_name().and_then(|name| name.to_str()),
    ) else {
        return Vec::new();
    };
    if !name.contains(['*', '?', '[']) {
        return vec![path.to_owned()];
    }
    // Broader than the pattern: one file too many costs a handshake, one too few a wrong connection.
    let begins = name.split(['*', '?', '[']).next().unwrap_or_default();
    let Ok(entries) = dir.read_dir() else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(begins.as_bytes())
        })
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostKeys, Via};

    fn connection(config: &Path) -> Connection {
        Connection {
            port: Some(22),
            user: Some("amy".into()),
            ssh_args: vec!["-F".into(), config.display().to_string()],
            ..Connection::new(Via::Ssh, "web1")
        }
    }

    #[test]
    fn the_name_depends_on_everything_that_matters() {
        let dir = tempfile::tempdir().unwrap();
        let (config, more, key) = (
            dir.path().join("config"),
            dir.path().join("more.d"),
            dir.path().join("id"),
        );
        std::fs::create_dir(&more).unwrap();
        std::fs::write(
            &config,
            format!("Host x\n  include = \"{}/*.conf\"\n", more.display()),
        )
        .unwrap();
        std::fs::write(&key, "a key").unwrap();
        let usual = connection(&config);
        let minute = Duration::from_mins(1);
        let mut names = BTreeSet::new();
        let mut is_new = |connection: &Connection, persist| names.insert(name(connection, persist));
        assert!(is_new(&usual, minute));
        assert!(!is_new(&usual.clone(), minute));
        // Settings that only affect how a run uses a connection do not matter.
        assert!(!is_new(
            &Connection {
                state_dir: Some("/x".into()),
                ..usual.clone()
            },
            minute
        ));
        assert!(is_new(&usual, 2 * minute));
        for other in [
            Connection {
                address: "web2".into(),
                ..usual.clone()
            },
            Connection {
                port: None,
                ..usual.clone()
            },
            Connection {
                user: None,
                ..usual.clone()
            },
            Connection {
                host_keys: HostKeys::AcceptNew,
                ..usual.clone()
            },
            Connection {
                ssh_args: Vec::new(),
                ..usual.clone()
            },
            Connection {
                key_file: Some(key.clone()),
                ..usual.clone()
            },
        ] {
            assert!(is_new(&other, minute), "{other:?}");
        }
        std::fs::write(&key, "another key").unwrap();
        assert!(is_new(
            &Connection {
                key_file: Some(key),
                ..usual.clone()
            },
            minute
        ));
        std::fs::write(more.join("a.conf"), "User bob\n").unwrap();
        assert!(is_new(&usual, minute));
        std::fs::write(more.join("a.conf"), "User eve\n").unwrap();
        assert!(is_new(&usual, minute));
    }
}
