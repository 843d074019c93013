//! The state of the inputs of a service when it last started or reloaded.
//!
//! The host keeps a stamp for each unit: which start it is about, and a fingerprint of each input at that
//! time. ops writes it after it starts, restarts or reloads the unit, and it is valid for that start only.
//! For any other start (by a user, or at boot) the start time is compared with the time at which the input
//! last changed.

use sha2::{Digest, Sha256};

use super::unit::Unit;
use crate::task::{Found, PathKind, PathState, Query, Stat};
use crate::tasks::fs::HostPath;

/// The current state of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub path: String,
    fingerprint: String,
    /// When it last changed, in seconds since the epoch; `None` if nothing exists there.
    changed: Option<i64>,
}

/// The rows of a stamp: [`START`], and for each input its fingerprint as the key.
pub(crate) struct Stamp<'a>(pub &'a [(String, String)]);

/// The key of the row that says which start the stamp is about.
pub(crate) const START: &str = "start";

impl Input {
    pub(crate) fn queries(path: &HostPath) -> [Query; 2] {
        [
            Query::Path(path.to_string()),
            Query::Sha256(path.to_string()),
        ]
    }

    /// A file by its content, a link by its target (and the file that it points to), a directory by its
    /// metadata, which change when an entry is added or removed.
    pub(crate) fn of(path: &HostPath, found: &Found) -> Result<Self, String> {
        let state = found.path(path.as_str())?;
        let content = || match found.sha256(path.as_str())? {
            Some(hash) => Ok(format!("file-{hash}")),
            None => Err(format!("{path} cannot be read")),
        };
        let (fingerprint, changed) = match (state, &state.own) {
            (_, None) => ("absent".to_owned(), None),
            (
                PathState {
                    link: Some(link),
                    target,
                    ..
                },
                Some(own),
            ) => {
                let digest = hex(&Sha256::digest(link.as_bytes()));
                match target {
                    Some(file) if file.kind == PathKind::File => (
                        format!("link-{digest}-{}", content()?),
                        Some(own.modified.max(file.modified)),
                    ),
                    _ => (format!("link-{digest}"), Some(own.modified)),
                }
            }
            (_, Some(own)) if own.kind == PathKind::File => (content()?, Some(own.modified)),
            (_, Some(own)) => (metadata(own), Some(own.modified)),
        };
        Ok(Self {
            path: path.to_string(),
            fingerprint,
            changed,
        })
    }

    /// Whether the input has changed since the unit started. `Err`: this cannot be determined.
    pub(crate) fn is_newer(&self, unit: Unit<'_>, stamp: &Stamp<'_>) -> Result<bool, String> {
        if let Some(recorded) = stamp.recorded(unit, &self.path) {
            return Ok(recorded != self.fingerprint);
        }
        let Some(changed) = self.changed else {
            return Ok(false);
        };
        let started = unit
            .started()
            .ok_or_else(|| format!("systemd does not report when {} started", unit.get("Id")))?;
        // Within one second the order is unknown.
        Ok(changed >= started)
    }
}

impl Stamp<'_> {
    /// The recorded fingerprint of a path, if the stamp is about this start of the unit.
    fn recorded(&self, unit: Unit<'_>, path: &str) -> Option<&str> {
        self.is_about(unit).then_some(())?;
        let path = escaped(path);
        self.inputs()
            .find(|row| row.1 == path)
            .map(|row| row.0.as_str())
    }

    /// The start that the stamp is about.
    pub(crate) fn start(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|row| row.0 == START)
            .map(|row| row.1.as_str())
    }

    pub(crate) fn is_about(&self, unit: Unit<'_>) -> bool {
        !unit.start().is_empty() && self.start() == Some(unit.start())
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|row| row.0 != START)
    }

    /// The rows of the inputs for a new stamp. If the service keeps running, fingerprints of other inputs
    /// are kept, because another playbook may name those.
    pub(crate) fn renewed(
        &self,
        unit: Unit<'_>,
        inputs: &[Input],
        same_start: bool,
    ) -> Vec<(String, String)> {
        let is_other = |row: &&(String, String)| inputs.iter().all(|i| escaped(&i.path) != row.1);
        let others = self.inputs().filter(is_other);
        inputs
            .iter()
            .map(|input| (input.fingerprint.clone(), escaped(&input.path)))
            .chain(
                others
                    .filter(|_| same_start && self.is_about(unit))
                    .cloned(),
            )
            .collect()
    }
}

/// On one line, whatever the path contains.
fn escaped(path: &str) -> String {
    path.escape_default().to_string()
}

fn metadata(stat: &Stat) -> String {
    let kind = if stat.kind == PathKind::Directory {
        "directory"
    } else {
        "other"
    };
    format!(
        "{kind}-{:o}-{}-{}-{}",
        stat.mode, stat.uid, stat.gid, stat.modified
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
