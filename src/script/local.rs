//! Files next to the playbook, and those that the operator gives on the command line: all that a script may
//! read on the controller.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The maximum size in bytes of a file that is read into memory as a whole: a playbook, a module, a
/// template, or a file for `read_file`. Files that are copied to hosts unchanged may have any size.
pub(crate) const MAX_FILE: usize = 64 << 20;

/// Why a script may not read a path. The texts are lower-case fragments.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("it is outside the playbook's directory")]
    Outside,
    #[error("it leads out of the playbook's directory")]
    LeadsOut,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Unavailable> for String {
    fn from(why: Unavailable) -> Self {
        why.to_string()
    }
}

/// The real path of `path`, which must be below the playbook's directory and is relative to it, or be one of
/// `granted` or below one of them.
///
/// # Errors
/// It leads elsewhere (even through a link), or does not exist.
pub(crate) fn find(
    directory: &Path,
    granted: &[PathBuf],
    path: &str,
) -> Result<PathBuf, Unavailable> {
    let relative = Path::new(path);
    if relative.is_absolute()
        && let Ok(real) = relative.canonicalize()
        && granted.iter().any(|granted| real.starts_with(granted))
    {
        return Ok(real);
    }
    if relative
        .components()
        .any(|part| matches!(part, Component::ParentDir | Component::RootDir))
    {
        return Err(Unavailable::Outside);
    }
    let root = directory.canonicalize()?;
    let file = root.join(relative).canonicalize()?;
    if !file.starts_with(&root) {
        return Err(Unavailable::LeadsOut);
    }
    Ok(file)
}

/// The bytes of the file at `path`, relative to the playbook's directory.
///
/// # Errors
/// Those of [`find`], or it cannot be read.
pub(crate) fn read(directory: &Path, path: &str) -> Result<Arc<[u8]>, String> {
    read_bounded(&find(directory, &[], path)?).map(Into::into)
}

/// The bytes of a file, or of a pipe.
///
/// # Errors
/// It cannot be read, or is larger than [`MAX_FILE`]. A lower-case fragment.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = |file: File| file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes);
    File::open(path)
        .and_then(read)
        .map_err(|error| error.to_string())?;
    if bytes.len() > MAX_FILE {
        return Err(format!("it is larger than {} MiB", MAX_FILE >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_endless_file() {
        let read = read_bounded(Path::new("/dev/zero"));
        assert_eq!(read, Err("it is larger than 64 MiB".to_owned()));
    }

    #[test]
    fn stays_in_the_directory() {
        let outside = tempfile::tempdir().expect("a directory");
        let inside = outside.path().join("playbook");
        std::fs::create_dir(&inside).expect("a directory");
        std::fs::write(outside.path().join("secret"), "no").expect("a file");
        std::fs::write(inside.join("a"), "yes").expect("a file");
        std::os::unix::fs::symlink("../secret", inside.join("link")).expect("a link");
        assert_eq!(read(&inside, "a").as_deref(), Ok(&b"yes"[..]));
        let granted = [outside
            .path()
            .canonicalize()
            .expect("a directory")
            .join("secret")];
        assert!(find(&inside, &granted, granted[0].to_str().expect("UTF-8")).is_ok());
        assert!(find(&inside, &granted, "/etc/passwd").is_err());
        for wrong in ["../secret", "link", "/etc/passwd", "missing"] {
            assert!(read(&inside, wrong).is_err(), "{wrong}");
        }
    }
}
