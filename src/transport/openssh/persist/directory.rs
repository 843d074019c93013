//! The directory of the sockets: whoever can enter it can be the user on every host that a connection is kept
//! to.

use std::fs::{DirBuilder, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::super::control;

/// The directory, made if it is not there.
pub(super) fn ensure() -> Result<PathBuf> {
    let dir = path();
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::new(
                error.kind(),
                format!("failed to make {}: {error}", dir.display()),
            ));
        }
        _ => {}
    }
    check(&dir)?;
    Ok(dir)
}

/// The directory, if it is there.
pub(super) fn existing() -> Result<Option<PathBuf>> {
    let dir = path();
    match check(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `$XDG_RUNTIME_DIR/ops`, or `/tmp/ops-UID` where there is none.
fn path() -> PathBuf {
    let base = control::base();
    if base == Path::new("/tmp") {
        base.join(format!("ops-{}", rustix::process::geteuid().as_raw()))
    } else {
        base.join("ops")
    }
}

/// That nobody else can reach it, nor put another in its place. Somebody else may have made it.
fn check(dir: &Path) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("{} {why}", dir.display()),
        ))
    };
    let user = rustix::process::geteuid().as_raw();
    // Not through a link.
    let found = std::fs::symlink_metadata(dir)?;
    if !found.is_dir() {
        return refuse("is no directory");
    }
    if found.uid() != user {
        return refuse("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refuse("can be entered by others");
    }
    let above = dir.parent().map(std::fs::metadata).transpose()?;
    if above.is_some_and(|above| others_may_rename_in(&above, user)) {
        return refuse("is in a directory whose entries others can rename");
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
    fn only_a_directory_of_ones_own_is_taken() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("ops");
        let said = || check(&dir).unwrap_err().to_string();
        assert_eq!(check(&dir).unwrap_err().kind(), ErrorKind::NotFound);

        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        check(&dir).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o710)).unwrap();
        assert!(said().contains("entered by others"), "{}", said());
        std::fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();

        std::fs::set_permissions(base.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(said().contains("rename"), "{}", said());
        std::fs::set_permissions(base.path(), Permissions::from_mode(0o1777)).unwrap();
        check(&dir).unwrap();

        let real = base.path().join("real");
        std::fs::rename(&dir, &real).unwrap();
        symlink(&real, &dir).unwrap();
        assert!(said().contains("no directory"), "{}", said());
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        // Root's, or, to root, one that it has given away.
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
