//! The directory of the sockets: anyone who can enter it can act as the user on every host with a kept
//! connection.

use std::fs::{DirBuilder, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::super::control;

/// Returns the directory, and creates it if it does not exist.
pub(super) fn ensure() -> Result<PathBuf> {
    let dir = path();
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::new(
                error.kind(),
                format!("failed to create {}: {error}", dir.display()),
            ));
        }
        _ => {}
    }
    check(&dir)?;
    Ok(dir)
}

/// The directory, if it exists.
pub(super) fn existing() -> Result<Option<PathBuf>> {
    let dir = path();
    match check(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `$XDG_RUNTIME_DIR/ops`, or `/tmp/ops-UID` if that variable is not set.
fn path() -> PathBuf {
    let base = control::base();
    if base == Path::new("/tmp") {
        base.join(format!("ops-{}", rustix::process::geteuid().as_raw()))
    } else {
        base.join("ops")
    }
}

/// Checks that no other user can reach it or replace it. Another user may have created it.
fn check(dir: &Path) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("{} {why}", dir.display()),
        ))
    };
    let user = rustix::process::geteuid().as_raw();
    // Without following a symlink.
    let found = std::fs::symlink_metadata(dir)?;
    if !found.is_dir() {
        return refuse("is not a directory");
    }
    if found.uid() != user {
        return refuse("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refuse("can be entered by other users");
    }
    let above = dir.parent().map(std::fs::metadata).transpose()?;
    if above.is_some_and(|above| others_may_rename_in(&above, user)) {
        return refuse("is in a directory whose entries other users can rename");
    }
    Ok(())
}

fn others_may_rename_in(dir: &Metadata, user: u32) -> bool {
    let sticky = dir.mode() & 0o1000 != 0;
    !(dir.uid() == user || dir.uid() == 0) || (dir.mode() & 0o022 != 0 && !sticky)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn accepts_only_a_private_directory() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("ops");
        let said = || check(&dir).unwrap_err().to_string();
        assert_eq!(check(&dir).unwrap_err().kind(), ErrorKind::NotFound);

        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        check(&dir).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o710)).unwrap();
        assert!(said().contains("entered by other users"), "{}", said());
        std::fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();

        std::fs::set_permissions(base.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(said().contains("rename"), "{}", said());
        std::fs::set_permissions(base.path(), Permissions::from_mode(0o1777)).unwrap();
        check(&dir).unwrap();

        let real = base.path().join("real");
        std::fs::rename(&dir, &real).unwrap();
        symlink(&real, &dir).unwrap();
        assert!(said().contains("not a directory"), "{}", said());
    }

    #[test]
    fn refuses_a_directory_of_another_user() {
        // One of root, or, if the test runs as root, one that was given to another user.
        let base = tempfile::tempdir().unwrap();
        let mut dir = PathBuf::from("/root");
        if rustix::process::geteuid().is_root() {
            dir = base.path().join("ops");
            DirBuilder::new().mode(0o700).create(&dir).unwrap();
            std::os::unix::fs::chown(&dir, Some(65534), None).unwrap();
        }
        let said = check(&dir).unwrap_err().to_string();
        assert!(said.contains("another user"), "{said}");
    }
}
