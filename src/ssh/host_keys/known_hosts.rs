//! The `known_hosts` files of a run. Each is read once, new keys are known immediately, and lookups of a
//! thousand hosts are fast.
//!
//! Plain names and keys are looked up in maps, so that the usual lookup (this key is known for this host)
//! hashes only the names in that key's lines. Only if no map has the answer is every line with a hashed name
//! checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::key::{HostKey, KeyKind};
use super::line::{Line, Marker, Names};
use super::revocation::Revoked;

/// Shared by all hosts of a run.
#[derive(Debug, Default)]
pub struct KnownHosts {
    files: Mutex<HashMap<PathBuf, Arc<File>>>,
    revoked: Mutex<HashMap<PathBuf, Arc<Result<Revoked, String>>>>,
    /// Held while a key is learnt, from the last lookup to the end of the write.
    pub(super) learning: Mutex<()>,
}

#[derive(Debug)]
struct File {
    path: Arc<Path>,
    read: Lines,
    learnt: RwLock<Lines>,
}

/// A matching line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: KeyKind,
    pub file: Arc<Path>,
    /// Counted from 1; 0 for a key learnt in this run.
    pub line: u32,
    /// The line has wildcards, so it applies to other hosts too.
    pub wildcard: bool,
}

/// The result of looking up a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Known(Found),
    /// The host has no known key that this key could be compared with.
    New,
    /// The host is known with other keys. This is one of them, of the same kind if possible.
    Changed(Found),
    Revoked(Found),
}

/// What a host presents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presented<'a> {
    Key(&'a HostKey),
    Certificate {
        key: &'a HostKey,
        authority: &'a HostKey,
    },
}

impl KnownHosts {
    /// Looks up the key of the host with this name in these files.
    pub(super) fn status(&self, files: &[PathBuf], name: &str, shown: Presented<'_>) -> Status {
        let files: Vec<_> = files.iter().map(|path| self.file(path)).collect();
        let revoked = |key| {
            let mut found = files
                .iter()
                .map(|file| file.find(|lines| first(lines.with_key(Marker::Revoked, name, key))));
            found.find_map(|found| found)
        };
        let (key, authority) = match shown {
            Presented::Key(key) => (key, None),
            Presented::Certificate { key, authority } => (key, Some(authority)),
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
    pub(super) fn has_kind(&self, files: &[PathBuf], name: &str, kind: KeyKind) -> bool {
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

    /// Adds the key for these names, as if it were in the file.
    pub(super) fn learn(&self, path: &Path, names: &str, key: &HostKey) {
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

    /// The contents of a `RevokedHostKeys` file, or why they are unknown.
    pub(super) fn revoked(&self, path: &Path) -> Arc<Result<Revoked, String>> {
        let mut files = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(revoked) = files.get(path) {
            return revoked.clone();
        }
        let revoked = Arc::new(Revoked::read(path));
        files.insert(path.to_owned(), revoked.clone());
        revoked
    }

    /// A file, read on first use. A file that cannot be read counts as empty, as in `ssh`.
    fn file(&self, path: &Path) -> Arc<File> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path) {
            return file.clone();
        }
        let bytes = std::fs::read(path).unwrap_or_else(|error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::debug!(path = %path.display(), "cannot read known hosts: {error}");
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

type Index = usize;

/// By how many lines hosts that connect at the same time may be out of order.
const MAX_DISORDER: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Line>,
    /// Lines of hosts, by plain name.
    by_name: HashMap<Box<str>, Vec<Index>>,
    /// Lines of hosts whose names have wildcards or negation.
    patterns: Vec<Index>,
    /// Lines of hosts with hashed names.
    hashed: HashMap<KeyKind, HashedLines>,
    /// Lines of hosts, and lines that revoke.
    by_key: HashMap<HostKey, Vec<Index>>,
    authorities: Vec<Index>,
}

/// The lines with hashed names for one kind of key.
#[derive(Debug, Default)]
struct HashedLines {
    lines: Vec<Index>,
    /// Whether one of the lines contains a certificate.
    certified: bool,
    /// Where the search for the next host starts: hosts tend to be looked up in the order in which they were
    /// learnt.
    next: AtomicUsize,
    /// The results of searches through all lines.
    searched: Mutex<HashMap<Box<str>, Vec<Index>>>,
}

impl Lines {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut lines = Self::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if let Some(line) = Line::parse(&String::from_utf8_lossy(line), number) {
                lines.push(line);
            }
        }
        lines
    }

    pub(super) fn push(&mut self, line: Line) {
        let index = self.all.len();
        if line.marker == Marker::Authority {
            self.authorities.push(index);
        } else {
            self.by_key.entry(line.key.clone()).or_default().push(index);
        }
        if line.marker == Marker::Host {
            match &line.names {
                Names::Plain(names) => {
                    for name in names.split(',') {
                        self.by_name.entry(name.into()).or_default().push(index);
                    }
                }
                Names::Patterns(_) => self.patterns.push(index),
                Names::Hashed(_) => {
                    let hashed = self.hashed.entry(line.key.kind()).or_default();
                    hashed.lines.push(index);
                    hashed.certified |= line.certified;
                    hashed
                        .searched
                        .get_mut()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clear();
                }
                Names::Nothing => {}
            }
        }
        self.all.push(line);
    }

    /// Lines that assign this key to this host, or revoke it for this host.
    pub(super) fn with_key(
        &self,
        marker: Marker,
        name: &str,
        key: &HostKey,
    ) -> impl Iterator<Item = &Line> {
        let indices = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        self.at(indices)
            .filter(move |line| line.marker == marker && line.names.contain(name))
    }

    /// Authorities that may certify this host.
    pub(super) fn authorities(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.at(&self.authorities)
            .filter(move |line| line.names.contain(name))
    }

    /// Whether a key of this kind is known for the host.
    pub(super) fn has_kind(&self, name: &str, kind: KeyKind) -> bool {
        let plain = self.by_name.get(name).into_iter().flatten();
        let patterns = self.patterns.iter();
        plain.chain(patterns).any(|index| {
            let line = &self.all[*index];
            line.key.kind() == kind && !line.certified && line.names.contain(name)
        }) || self
            .hashed
            .get(&kind)
            .is_some_and(|hashed| hashed.has_plain(name, &self.all))
    }

    /// All keys known for the host, in the order of the file.
    pub(super) fn of_host(&self, name: &str) -> Vec<&Line> {
        let mut found: Vec<Index> = self.by_name.get(name).cloned().unwrap_or_default();
        found.extend(&self.patterns);
        found.retain(|index| self.all[*index].names.contain(name));
        for hashed in self.hashed.values() {
            found.extend(hashed.search(name, &self.all));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| &self.all[index]).collect()
    }

    fn at<'a>(&'a self, indices: &'a [Index]) -> impl Iterator<Item = &'a Line> {
        indices.iter().map(|index| &self.all[*index])
    }
}

impl HashedLines {
    fn has_plain(&self, name: &str, lines: &[Line]) -> bool {
        if let Some(found) = self.known(name) {
            return found.iter().any(|index| !lines[*index].certified);
        }
        let begin = self
            .next
            .load(Ordering::Relaxed)
            .saturating_sub(MAX_DISORDER);
        let (before, behind) = self.lines.split_at(begin);
        for (step, index) in behind.iter().chain(before).enumerate() {
            let line = &lines[*index];
            if !line.certified && line.names.contain(name) {
                self.next
                    .store((begin + step) % self.lines.len(), Ordering::Relaxed);
                return true;
            }
        }
        if !self.certified {
            self.keep(name, Vec::new());
        }
        false
    }

    fn search(&self, name: &str, lines: &[Line]) -> Vec<Index> {
        if let Some(found) = self.known(name) {
            return found;
        }
        let mut found = self.lines.clone();
        found.retain(|index| lines[*index].names.contain(name));
        self.keep(name, found.clone());
        found
    }

    fn known(&self, name: &str) -> Option<Vec<Index>> {
        self.searched().get(name).cloned()
    }

    fn keep(&self, name: &str, found: Vec<Index>) {
        self.searched().insert(name.into(), found);
    }

    fn searched(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Index>>> {
        self.searched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
