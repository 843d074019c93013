//! The `known_hosts` files of a run: each is read once, and what is learnt is known at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::file::Lines;
use super::key::{Key, Kind};
use super::line::{Line, Marker};
use super::names::Names;
use super::revoked::Revoked;

/// Shared by all hosts of a run.
#[derive(Debug, Default)]
pub struct KnownHosts {
    files: Mutex<HashMap<PathBuf, Arc<File>>>,
    revoked: Mutex<HashMap<PathBuf, Arc<Result<Revoked, String>>>>,
    /// Held while a key is learnt, from the last look at what is known to the end of the writing.
    pub(super) learning: Mutex<()>,
}

#[derive(Debug)]
struct File {
    path: Arc<Path>,
    read: Lines,
    learnt: RwLock<Lines>,
}

/// A line that says something of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: Kind,
    pub file: Arc<Path>,
    /// From 1; 0 for a line that was learnt in this run.
    pub line: u32,
    /// The line has wildcards, so that it is for other hosts too.
    pub wildcard: bool,
}

/// What is known of a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Known(Found),
    /// Nothing is known of the host that a key of this sort could be compared with.
    New,
    /// The host is known by other keys; this is one, of the same kind if there is one.
    Changed(Found),
    Revoked(Found),
}

/// As what a host shows itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    Key(&'a Key),
    Certificate { key: &'a Key, authority: &'a Key },
}

impl KnownHosts {
    /// What these files say of the key of the host that is looked up by this name.
    pub(super) fn status(&self, files: &[PathBuf], name: &str, shown: Shown<'_>) -> Status {
        let files: Vec<_> = files.iter().map(|path| self.file(path)).collect();
        let revoked = |key| {
            let mut found = files
                .iter()
                .map(|file| file.find(|lines| first(lines.with_key(Marker::Revoked, name, key))));
            found.find_map(|found| found)
        };
        let (key, authority) = match shown {
            Shown::Key(key) => (key, None),
            Shown::Certificate { key, authority } => (key, Some(authority)),
        };
        if let Some(found) = revoked(key).or_else(|| authority.and_then(revoked)) {
            return Status::Revoked(found);
        }
        let known = files.iter().find_map(|file| {
            file.find(|lines| match authority {
                None => first(
                    lines
                        .with_key(Marker::Host, name, key)
                        .filter(|line| !line.certified),
                ),
                Some(authority) => first(
                    lines
                        .authorities(name)
                        .filter(|line| line.key == *authority),
                ),
            })
        });
        if let Some(found) = known {
            return Status::Known(found);
        }
        let mut others = files.iter().flat_map(|file| {
            file.collect(|lines| match authority {
                None => lines.of_host(name),
                Some(_) => lines.authorities(name).collect(),
            })
        });
        let mut other = others.next();
        for next in others {
            let better = other
                .as_ref()
                .is_none_or(|other| other.kind != key.kind() || next.kind == key.kind());
            if better {
                other = Some(next);
            }
        }
        other.map_or(Status::New, Status::Changed)
    }

    /// Whether a key of this kind is known for the host.
    pub(super) fn has_kind(&self, files: &[PathBuf], name: &str, kind: Kind) -> bool {
        files.iter().any(|path| {
            let file = self.file(path);
            file.read.has_kind(name, kind) || file.learnt().has_kind(name, kind)
        })
    }

    /// Whether an authority may certify the host.
    pub(super) fn has_authority(&self, files: &[PathBuf], name: &str) -> bool {
        files
            .iter()
            .any(|path| self.file(path).read.authorities(name).next().is_some())
    }

    /// From now on the key is known for these names, as if it had been read from the file.
    pub(super) fn learn(&self, path: &Path, names: &str, key: &Key) {
        let line = Line {
            marker: Marker::Host,
            names: Names::parse(names),
            key: key.clone(),
            certified: false,
            number: 0,
        };
        self.file(path)
            .learnt
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// What a file of `RevokedHostKeys` revokes, or why that cannot be told.
    pub(super) fn revoked(&self, path: &Path) -> Arc<Result<Revoked, String>> {
        let mut files = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(revoked) = files.get(path) {
            return revoked.clone();
        }
        let revoked = Arc::new(Revoked::read(path));
        files.insert(path.to_owned(), revoked.clone());
        revoked
    }

    /// Reads a file that was not read yet. One that cannot be read holds nothing, as for `ssh`.
    fn file(&self, path: &Path) -> Arc<File> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path) {
            return file.clone();
        }
        let bytes = std::fs::read(path).unwrap_or_else(|error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::debug!(path = %path.display(), "known hosts are not read: {error}");
            }
            Vec::new()
        });
        let file = Arc::new(File {
            path: path.into(),
            read: Lines::parse(&bytes),
            learnt: RwLock::default(),
        });
        files.insert(path.to_owned(), file.clone());
        file
    }
}

impl File {
    fn learnt(&self) -> std::sync::RwLockReadGuard<'_, Lines> {
        self.learnt.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, find: impl for<'a> Fn(&'a Lines) -> Option<&'a Line>) -> Option<Found> {
        find(&self.read)
            .map(|line| self.found(line))
            .or_else(|| find(&self.learnt()).map(|line| self.found(line)))
    }

    fn collect(&self, collect: impl for<'a> Fn(&'a Lines) -> Vec<&'a Line>) -> Vec<Found> {
        let mut found: Vec<_> = collect(&self.read)
            .into_iter()
            .map(|line| self.found(line))
            .collect();
        found.extend(
            collect(&self.learnt())
                .into_iter()
                .map(|line| self.found(line)),
        );
        found
    }

    fn found(&self, line: &Line) -> Found {
        Found {
            kind: line.key.kind(),
            file: self.path.clone(),
            line: line.number,
            wildcard: matches!(line.names, Names::Patterns(_)),
        }
    }
}

fn first<'a>(mut lines: impl Iterator<Item = &'a Line>) -> Option<&'a Line> {
    lines.next()
}
