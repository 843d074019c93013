//! Directories that only their owner can access. One that is open to others is closed, and one of another
//! user is not used: its files determine what `ops history`, `ops show` and `ops resume` do.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use super::StoreError;

/// The permissions of the group and of others.
const OTHERS: u32 = 0o077;

/// Ensures that `ops/NAME` and the directory `ops` above it exist and are closed to other users.
///
/// # Errors
/// When the directory cannot be created or closed, or belongs to another user.
pub(super) fn state_dir(path: &Path) -> Result<(), StoreError> {
    new_dir(path, true).map_err(StoreError::io("create", path))?;
    close(path)?;
    path.parent().map_or(Ok(()), close)
}

/// Creates a directory that only its owner can access.
pub(super) fn new_dir(path: &Path, with_parents: bool) -> io::Result<()> {
    DirBuilder::new()
        .recursive(with_parents)
        .mode(0o700)
        .create(path)
}

/// Creates (or empties) a file that only its owner can read.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Whether something belongs to this user.
pub(super) fn is_ours(meta: &Metadata) -> bool {
    meta.uid() == rustix::process::geteuid().as_raw()
}

fn close(dir: &Path) -> Result<(), StoreError> {
    let meta = std::fs::metadata(dir).map_err(StoreError::io("read", dir))?;
    if !is_ours(&meta) {
        return Err(StoreError::Foreign {
            path: dir.to_owned(),
            owner: meta.uid(),
        });
    }
    let mode = meta.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    // First, so that nobody can replace its entries in the meantime.
    set_mode(dir, 0o700).map_err(StoreError::io("close", dir))?;
    let mut foreign = 0;
    close_below(dir, &mut foreign);
    tracing::warn!(
        "{} was open to other users (mode {mode:04o}); its mode is now 0700{}",
        dir.display(),
        match foreign {
            0 => String::new(),
            _ => format!(
                ". Other users have put {foreign} files or directories there, which are ignored"
            ),
        }
    );
    Ok(())
}

/// Closes the entries of a directory if that is possible: the directory itself is already closed.
fn close_below(dir: &Path, foreign: &mut usize) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        // The metadata of a link, not of its target.
        let Ok(meta) = entry.metadata() else { continue };
        if !is_ours(&meta) {
            *foreign += 1;
            continue;
        }
        let mode = match () {
            () if meta.is_dir() => 0o700,
            () if meta.is_file() => 0o600,
            () => continue,
        };
        if meta.mode() & OTHERS != 0
            && let Err(error) = set_mode(&path, mode)
        {
            tracing::debug!("cannot close {}: {error}", path.display());
        }
        if meta.is_dir() {
            close_below(&path, foreign);
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").mode() & 0o777
    }

    #[test]
    fn an_open_directory_and_everything_in_it_is_closed() {
        let dir = tempfile::tempdir().expect("a directory");
        let runs = dir.path().join("ops/runs");
        fs::create_dir_all(runs.join("r1/output")).expect("directories");
        fs::write(dir.path().join("outside"), "").expect("a file");
        let inside = runs.join("r1/events.jsonl");
        fs::write(&inside, "").expect("a file");
        std::os::unix::fs::symlink(dir.path().join("outside"), runs.join("r1/link"))
            .expect("a link");
        for open in [0o777, 0o770, 0o720, 0o755, 0o1777] {
            for path in [&runs, &runs.join("r1"), &runs.join("r1/output")] {
                set_mode(path, open).expect("ours");
            }
            for path in [&inside, &dir.path().join("outside")] {
                set_mode(path, 0o664).expect("ours");
            }
            state_dir(&runs).expect("it can be closed");
            for path in [&runs, &runs.join("r1"), &runs.join("r1/output")] {
                assert_eq!(mode(path), 0o700, "{open:o}: {}", path.display());
            }
            assert_eq!(mode(&inside), 0o600);
            assert_eq!(mode(&dir.path().join("outside")), 0o664);
        }
        set_mode(&dir.path().join("ops"), 0o775).expect("ours");
        state_dir(&runs).expect("it can be closed");
        assert_eq!(mode(&dir.path().join("ops")), 0o700);
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        for which in ["ops", "ops/runs"] {
            let dir = tempfile::tempdir().expect("a directory");
            let runs = dir.path().join("ops/runs");
            fs::create_dir_all(&runs).expect("directories");
            std::os::unix::fs::chown(dir.path().join(which), Some(65534), None).expect("root may");
            let error = state_dir(&runs).expect_err("it belongs to another user");
            assert!(
                matches!(&error, StoreError::Foreign { owner: 65534, .. }),
                "{error}"
            );
        }
    }
}
