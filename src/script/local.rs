//! Files beside the playbook: all that a script may read on the machine that ops runs on.

use std::path::{Component, Path};
use std::sync::Arc;

/// The bytes of the file at `path`, relative to the playbook's directory.
///
/// # Errors
/// When it leads out of the directory (through a link, too), or cannot be read. A lower-case fragment.
pub fn read(directory: &Path, path: &str) -> Result<Arc<[u8]>, String> {
    let relative = Path::new(path);
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
    std::fs::read(file)
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
        for wrong in ["../secret", "link", "/etc/passwd", "missing"] {
            assert!(read(&inside, wrong).is_err(), "{wrong}");
        }
    }
}
