//! Files beside the playbook, and what the operator names on the command line: all that a script may read on the machine that ops
//! runs on.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The real path of what stands at `path`, relative to the playbook's directory, or is one of `granted` or below one.
///
/// # Errors
/// When it leads elsewhere (through a link, too), or is not there. A lower-case fragment.
pub fn find(directory: &Path, granted: &[PathBuf], path: &str) -> Result<PathBuf, String> {
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
        return Err("it lies outside of the playbook's directory".to_owned());
    }
    let root = directory
        .canonicalize()
        .map_err(|error| error.to_string())?;
    let file = root
        .join(relative)
        .canonicalize()
        .map_err(|error| error.to_string())?;
    if !file.starts_with(&root) {
        return Err("it leads out of the playbook's directory".to_owned());
    }
    Ok(file)
}

/// The bytes of the file at `path`, relative to the playbook's directory.
///
/// # Errors
/// Those of [`find`], or when it cannot be read.
pub fn read(directory: &Path, path: &str) -> Result<Arc<[u8]>, String> {
    std::fs::read(find(directory, &[], path)?)
        .map(Into::into)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_in_the_directory() {
        let outside = tempfile::tempdir().expect("a directory");
        let inside = outside.path().join("playbook");
        std::fs::create_dir(&inside).expect("a directory");
        std::fs::write(outside.path().join("secret"), "no").expect("a file");
        std::fs::write(inside.join("a"), "yes").expect("a file");
        std::os::unix::fs::symlink("../secret", inside.join("link")).expect("a link");
        assert_eq!(read(&inside, "a").as_deref(), Ok(&b"yes"[..]));
        let granted = [outside.path().canonicalize().expect("there").join("secret")];
        assert!(find(&inside, &granted, granted[0].to_str().expect("UTF-8")).is_ok());
        assert!(find(&inside, &granted, "/etc/passwd").is_err());
        for wrong in ["../secret", "link", "/etc/passwd", "missing"] {
            assert!(read(&inside, wrong).is_err(), "{wrong}");
        }
    }
}
