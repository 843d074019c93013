//! Where a run is kept: the machine, and the directory on it. The lock of the directory shows whether the
//! process of the run is alive. The lock of a copy shows nothing.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where a run is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// The name of the machine.
    pub name: String,
    /// Equal for the same directory on the same machine: 16 hexadecimal digits.
    place: String,
}

impl Controller {
    /// The directory of a run on this machine.
    #[must_use]
    pub fn here(dir: &Path) -> Self {
        let name = rustix::system::uname();
        let name = name.nodename().to_string_lossy().into_owned();
        let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
        // A copy has another number, on the same machine too.
        let lock = std::fs::metadata(dir.join("lock"));
        let number = lock.map_or(0, |lock| lock.ino());
        let mut hasher = Sha256::new();
        for part in [name.as_bytes(), &machine, &number.to_le_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let digest = hasher.finalize();
        let place = digest[..8].iter().map(|byte| format!("{byte:02x}"));
        Self {
            place: place.collect(),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_another_place() {
        let dirs = tempfile::tempdir().expect("a directory");
        let (one, other) = (dirs.path().join("1"), dirs.path().join("2"));
        for dir in [&one, &other] {
            std::fs::create_dir(dir).expect("a directory");
            std::fs::write(dir.join("lock"), "").expect("a file");
        }
        assert_eq!(Controller::here(&one), Controller::here(&one));
        assert_ne!(Controller::here(&one), Controller::here(&other));
        let moved = dirs.path().join("3");
        let before = Controller::here(&one);
        std::fs::rename(&one, &moved).expect("it moves");
        assert_eq!(Controller::here(&moved), before);
    }
}
