//! What has changed of the sources of a run since they were read.

use std::path::Path;

use super::artifacts::Artifacts;
use super::source::{Sources, sha256};
use crate::store::{Source, SourceKind};

/// Compares the recorded sources with what is there now, and says of each that differs what is so.
#[must_use]
pub fn changes(recorded: &[&Source], sources: &Sources) -> Vec<String> {
    let loaded = sources.digests();
    let artifacts = Artifacts::default();
    let change = |source: &&Source| -> Option<String> {
        let path = Path::new(&source.path);
        let now = match source.kind {
            // One that is no longer imported makes no difference; what imported it does.
            SourceKind::Playbook | SourceKind::Module => {
                let now = loaded.iter().find(|now| now.path == source.path)?;
                now.sha256.clone()
            }
            SourceKind::File => match std::fs::read(path) {
                Ok(bytes) => sha256(&bytes),
                Err(error) => return Some(format!("{} cannot be read: {error}", source.path)),
            },
            SourceKind::Artifact => match artifacts.get(path) {
                Ok(artifact) => artifact.sha256().to_owned(),
                Err(error) => return Some(format!("{} cannot be read: {error}", source.path)),
            },
        };
        (now != source.sha256).then(|| format!("{} has changed", source.path))
    };
    recorded.iter().filter_map(change).collect()
}
