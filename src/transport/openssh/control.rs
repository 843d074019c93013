//! The directory of a connection: its control socket and its log.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

/// A socket's path may have 107 bytes, and `ssh` adds 17 to it while it creates the socket.
const MAX_BASE: usize = 60;

/// Creates a directory that only this user can enter. It is removed when dropped.
pub(super) fn directory() -> std::io::Result<TempDir> {
    static SWEPT: Once = Once::new();
    let base = base();
    SWEPT.call_once(|| sweep(&base));
    tempfile::Builder::new()
        .prefix(&format!("ops-{}-", std::process::id()))
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(base)
}

/// The directory for sockets: the user's own runtime directory, or a shared one.
pub(super) fn base() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute() && dir.as_os_str().len() <= MAX_BASE && dir.is_dir())
        .unwrap_or_else(|| "/tmp".into())
}

/// Removes what dead processes left behind.
fn sweep(base: &Path) {
    let Ok(entries) = base.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("ops-")?.split_once('-')?.0.parse().ok());
        let Some(pid) = owner.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        let gone = rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
        if gone && entry.path().join(LOG).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The contents of a connection's directory.
pub(super) const LOG: &str = "log";
pub(super) const SOCKET: &str = "c";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_directories_of_dead_processes() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let dir = base.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            std::fs::write(dir.join(LOG), "").unwrap();
            dir
        };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = make(&format!("ops-{}-abc", child.id()));
        let alive = make(&format!("ops-{}-abc", std::process::id()));
        let other = make("ops-fleet-x");
        child.wait().unwrap();
        sweep(base.path());
        assert!(!dead.exists());
        assert!(alive.exists() && other.exists());
    }
}
