//! A tree of files: created, and read.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use serde::Deserialize;

use super::bytes::Bytes;

/// An entry of a tree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub path: String,
    /// It is a file with this content.
    pub file: Option<Bytes>,
    /// It is a symbolic link to this path.
    pub link: Option<String>,
    /// It is a hard link to this file.
    pub hard_link: Option<String>,
    /// Otherwise it is a directory.
    mode: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
}

/// Returns the content of a tree: a line for each entry by its path.
pub(crate) type Snapshot = BTreeMap<String, String>;

pub(crate) fn build(root: &Path, entries: &[Entry]) {
    for entry in entries {
        let path = root.join(&entry.path);
        if let Some(content) = &entry.file {
            std::fs::write(&path, &content.0).expect("written");
        } else if let Some(target) = &entry.link {
            let target = target.replace("$root", root.to_str().expect("UTF-8"));
            symlink(target, &path).expect("linked");
            continue;
        } else if let Some(other) = &entry.hard_link {
            std::fs::hard_link(root.join(other), &path).expect("linked");
            continue;
        } else {
            std::fs::create_dir(&path).expect("it was created");
        }
        if entry.uid.is_some() || entry.gid.is_some() {
            chown(&path, entry.uid, entry.gid).expect("owned");
        }
        let usual = if entry.file.is_some() { "644" } else { "755" };
        let mode = u32::from_str_radix(entry.mode.as_deref().unwrap_or(usual), 8).expect("a mode");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    }
    // Old enough for a change to show in the times.
    for entry in entries.iter().filter(|entry| entry.file.is_some()) {
        let file = std::fs::File::options()
            .append(true)
            .open(root.join(&entry.path));
        let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        file.and_then(|file| file.set_modified(then)).expect("set");
    }
}

/// What is compared of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Inodes and all times too: nothing has been written.
    Untouched,
    /// Kinds, modes, owners, contents, targets, and when the contents of files changed.
    Same,
}

pub(crate) fn snapshot(root: &Path, look: Look) -> Snapshot {
    let mut snapshot = Snapshot::new();
    walk(root, root, look, &mut snapshot);
    snapshot
}

fn walk(root: &Path, path: &Path, look: Look, snapshot: &mut Snapshot) {
    let found = std::fs::symlink_metadata(path).expect("it exists");
    let name = path
        .strip_prefix(root)
        .expect("below")
        .to_string_lossy()
        .into_owned();
    let owner = format!("{}:{}", found.uid(), found.gid());
    let mut line = if found.is_symlink() {
        let target = std::fs::read_link(path).expect("a link");
        format!("link {owner} -> {}", target.display())
    } else if found.is_dir() {
        format!("directory {:04o} {owner}", found.mode() & 0o7777)
    } else {
        let content = std::fs::read(path).expect("readable");
        let content = if content.len() > 200 {
            let mut hasher = std::hash::DefaultHasher::new();
            std::hash::Hasher::write(&mut hasher, &content);
            let hash = std::hash::Hasher::finish(&hasher);
            format!("{} bytes, {hash:x}", content.len())
        } else {
            String::from_utf8_lossy(&content).into_owned()
        };
        let mode = found.mode() & 0o7777;
        format!("file {mode:04o} {owner} {} {content:?}", found.mtime())
    };
    if look == Look::Untouched {
        let times = (
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        );
        line.push_str(&format!(" {} {times:?}", found.ino()));
    }
    snapshot.insert(name, line);
    if found.is_dir() {
        for entry in std::fs::read_dir(path).expect("a directory") {
            walk(root, &entry.expect("an entry").path(), look, snapshot);
        }
    }
}
