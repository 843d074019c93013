//! The lines of a `known_hosts` file, ready to be asked about a thousand hosts.
//!
//! A plain name is looked up in a map, and a key too, so that the usual answer (this key is known for this host) hashes
//! the names of that key's lines alone. Only a question that no map answers is put to every line whose name is hashed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::{Key, Kind};
use super::line::{Line, Marker};
use super::names::Names;

type Index = usize;

/// How far hosts that connect at the same time may be out of their order, in lines.
const OUT_OF_TURN: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Line>,
    /// Lines of hosts by their plain names.
    by_name: HashMap<Box<str>, Vec<Index>>,
    /// Lines of hosts with wildcards or negation.
    patterns: Vec<Index>,
    /// Lines of hosts whose names are hashed.
    hashed: HashMap<Kind, HashedLines>,
    /// Lines of hosts, and those that revoke.
    by_key: HashMap<Key, Vec<Index>>,
    authorities: Vec<Index>,
}

/// Those of one kind of key.
#[derive(Debug, Default)]
struct HashedLines {
    lines: Vec<Index>,
    /// One of them holds a certificate.
    certified: bool,
    /// Where the search for the next host begins: hosts tend to be asked for in the order in which they were learnt.
    next: AtomicUsize,
    /// What a search through all lines has found.
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

    /// Lines that give this host this key, or revoke it for this host.
    pub(super) fn with_key(
        &self,
        marker: Marker,
        name: &str,
        key: &Key,
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
    pub(super) fn has_kind(&self, name: &str, kind: Kind) -> bool {
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

    /// All keys that are known for the host, in the order of the file.
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
            .saturating_sub(OUT_OF_TURN);
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
