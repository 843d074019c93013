//! Sources that were read and are not in the journal yet. They are written with the next intent, so they cost
//! no write of their own.

use std::collections::HashMap;

use super::entry::{Source, SourceKind};

type Digest = Box<dyn Fn() -> Option<String> + Send>;

#[derive(Default)]
pub(super) struct Pending {
    /// The latest digest of each path that has been written or is in `sources`.
    seen: HashMap<String, String>,
    sources: Vec<Source>,
    later: HashMap<String, (SourceKind, Digest)>,
}

impl Pending {
    /// Adds a source, unless the same content was added before.
    pub(super) fn add(&mut self, source: Source) {
        if self.seen.get(&source.path) != Some(&source.sha256) {
            self.is_written(&source);
            self.sources.push(source);
        }
    }

    /// Adds one whose digest is not known yet. Each is read only once.
    pub(super) fn add_later(&mut self, kind: SourceKind, path: &str, digest: Digest) {
        if !self.seen.contains_key(path) && !self.later.contains_key(path) {
            self.later.insert(path.to_owned(), (kind, digest));
        }
    }

    /// Remembers a source that is in the header.
    pub(super) fn is_written(&mut self, source: &Source) {
        self.seen.insert(source.path.clone(), source.sha256.clone());
    }

    /// Takes all whose digests are known.
    pub(super) fn take(&mut self) -> Vec<Source> {
        let known = |(path, (kind, digest)): (&String, &(SourceKind, Digest))| {
            let (path, kind) = (path.clone(), *kind);
            digest().map(|sha256| Source { kind, path, sha256 })
        };
        let mut known: Vec<Source> = self.later.iter().filter_map(known).collect();
        known.sort_by(|one, other| one.path.cmp(&other.path));
        for source in known {
            self.later.remove(&source.path);
            self.add(source);
        }
        std::mem::take(&mut self.sources)
    }
}
