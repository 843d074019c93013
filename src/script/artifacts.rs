//! Files and directories that are copied to hosts unchanged; directories are packed as tar files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledData;

use crate::tasks::{Artifact, Content, LARGEST_HELD};

/// The artifacts of a run by their real paths. Each is read only once. So every host gets the same bytes,
/// even if a rollout takes long and the file is rebuilt meanwhile, and fifty hosts need no more memory than
/// one.
#[derive(Default)]
pub(crate) struct Artifacts {
    read: Mutex<HashMap<PathBuf, Arc<Artifact>>>,
}

impl Artifacts {
    /// The file or directory at `path`.
    ///
    /// # Errors
    /// It cannot be read. A lower-case fragment.
    pub(crate) fn get(&self, path: &Path) -> Result<Arc<Artifact>, String> {
        // Locked while it is read, because other threads want the same artifact.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(artifact) = read.get(path) {
            return Ok(artifact.clone());
        }
        let artifact = Arc::new(load(path).map_err(|error| error.to_string())?);
        read.insert(path.to_owned(), artifact.clone());
        Ok(artifact)
    }
}

fn load(path: &Path) -> std::io::Result<Artifact> {
    let name = path.display().to_string();
    if std::fs::metadata(path)?.is_dir() {
        return pack(path, &name).map(Artifact::packed);
    }
    let file = File::open(path)?;
    let executable = file.metadata()?.permissions().mode() & 0o100 != 0;
    Content::of_file(file, &name).map(|content| Artifact::file(content, executable))
}

/// Packs a directory as a tar file. Equal trees yield equal files: names are sorted, times and owners are
/// left out, and of the mode only the owner's execute bit is kept. A large one goes to an unnamed temporary
/// file.
fn pack(directory: &Path, name: &str) -> std::io::Result<Content> {
    let limit = usize::try_from(LARGEST_HELD).unwrap_or(usize::MAX);
    let mut tar = tar::Builder::new(tempfile::spooled_tempfile(limit));
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    add(&mut tar, directory, Path::new(""))?;
    match tar.into_inner()?.into_inner() {
        SpooledData::InMemory(cursor) => Ok(Content::new(cursor.into_inner())),
        SpooledData::OnDisk(mut file) => {
            file.rewind()?;
            Content::of_file(file, name)
        }
    }
}

fn add<W: Write>(tar: &mut tar::Builder<W>, directory: &Path, name: &Path) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            tar.append_dir(&name, &path)?;
            add(tar, &path, &name)?;
        } else if kind.is_file() || kind.is_symlink() {
            tar.append_path_with_name(&path, &name)?;
        } else {
            let message = format!("{} is not a file, a directory or a link", name.display());
            return Err(std::io::Error::other(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_trees_yield_equal_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let tree = |name: &str, order: [&str; 3]| {
            let root = dir.path().join(name);
            std::fs::create_dir_all(root.join("bin")).expect("created");
            for file in order {
                std::fs::write(root.join(file), file).expect("written");
            }
            std::os::unix::fs::symlink("a", root.join("link")).expect("linked");
            root
        };
        let pack = |tree: &Path| pack(tree, "tree").expect("packed").bytes().cloned();
        let one = pack(&tree("one", ["a", "bin/é", "b c"]));
        let two = tree("two", ["b c", "bin/é", "a"]);
        assert!(one.is_some());
        assert_eq!(one, pack(&two));
        let run = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(two.join("a"), run).expect("set");
        assert_ne!(one, pack(&two));
    }

    #[test]
    fn an_artifact_is_read_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("shop");
        std::fs::write(&path, "1").expect("written");
        let artifacts = Artifacts::default();
        let first = artifacts.get(&path).expect("read");
        std::fs::write(&path, "2").expect("written");
        assert!(Arc::ptr_eq(&first, &artifacts.get(&path).expect("read")));
    }
}
