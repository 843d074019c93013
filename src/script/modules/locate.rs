//! Finds the file that an `import` refers to. Nothing outside the playbook's project is ever read.
//!
//! The project is the nearest directory at or above the playbook that contains an `ops.toml` or a `.git`,
//! else the nearest one that contains an `inventory.toml`, else the directory of the playbook.

use std::path::{Component, Path, PathBuf};

use super::stdlib;
use crate::model::suggest::{listed, nearest};
use crate::model::{Position, decode};
use crate::script::local;

/// A module that was found: its name for the user, and its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub name: String,
    pub text: String,
}

/// Why an import cannot be resolved. The message is a lower-case fragment, the hint a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub message: String,
    pub hint: Option<String>,
    /// A position in the module itself, if it exists but cannot be read.
    pub at: Option<Position>,
}

/// The files that mark a directory as a project, the most reliable first.
const MARKS: [&[&str]; 2] = [&["ops.toml", ".git"], &["inventory.toml"]];

/// The location of the playbook.
#[derive(Debug)]
pub(crate) struct Root {
    /// The directory of the playbook, without symbolic links in it.
    dir: PathBuf,
    /// The same directory as the user named it: the empty path for the working directory.
    shown: PathBuf,
    /// The directory of the project, without symbolic links in it: `dir` or one above.
    project: PathBuf,
}

impl Root {
    /// # Errors
    /// If the directory of the playbook cannot be resolved.
    pub(crate) fn of(playbook: &Path) -> std::io::Result<Self> {
        let shown = playbook.parent().unwrap_or(Path::new("")).to_path_buf();
        let dir = if shown.as_os_str().is_empty() {
            Path::new(".").canonicalize()?
        } else {
            shown.canonicalize()?
        };
        let project = project(&dir).unwrap_or(&dir).to_path_buf();
        Ok(Self {
            dir,
            shown,
            project,
        })
    }

    /// Finds the module that `import "PATH"` in the module `importer` refers to.
    ///
    /// # Errors
    /// It is outside the project, or does not exist.
    pub(crate) fn locate(&self, importer: &str, path: &str) -> Result<Located, Refused> {
        if let Some(name) = path.strip_prefix("std/") {
            return standard(name);
        }
        if importer.starts_with("std/") {
            return Err(refused(format!(
                "a standard module can import only modules of `std/`: `{path}`"
            )));
        }
        let file = self.file(importer, path)?;
        let real = file.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.missing(&file, path),
            _ => refused(format!("cannot read {}: {error}", self.show(&file))),
        })?;
        if !real.starts_with(&self.project) {
            return Err(refused(format!(
                "`{path}` is a link that leads out of {}",
                self.project_shown()
            )));
        }
        // The name is that of the real file, so that a module has one name even if it is reached through a
        // link.
        let name = self.show(&real);
        let bytes = local::read_bounded(&real)
            .map_err(|error| refused(format!("cannot read {name}: {error}")))?;
        let text = decode(bytes).map_err(|error| Refused {
            message: format!("cannot read {name}: {error}"),
            hint: Some(error.hint(&name)),
            at: Some(error.position(&name)),
        })?;
        Ok(Located { name, text })
    }

    /// The path that is meant, without `.` and `..`, and with its extension. It need not exist.
    fn file(&self, importer: &str, path: &str) -> Result<PathBuf, Refused> {
        if path.is_empty() {
            return Err(refused("an import needs a path".into()));
        }
        // The importer was found before, so its name leads to it.
        let importer = Path::new(importer)
            .canonicalize()
            .map_err(|error| refused(format!("cannot read {importer}: {error}")))?;
        let mut file = importer.parent().unwrap_or(&self.dir).to_path_buf();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(part) => file.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    file.pop();
                    if !file.starts_with(&self.project) {
                        return Err(self.leaves(path));
                    }
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(Refused {
                        message: format!(
                            "the path of an import must be relative to the importing file: `{path}`"
                        ),
                        hint: Some(
                            "Put the module next to the playbook, or elsewhere in the project."
                                .into(),
                        ),
                        at: None,
                    });
                }
            }
        }
        if file.extension().is_none_or(|extension| extension != "rhai") {
            file.as_mut_os_string().push(".rhai");
        }
        Ok(file)
    }

    fn leaves(&self, path: &str) -> Refused {
        Refused {
            message: format!("`{path}` is outside {}", self.project_shown()),
            hint: Some(
                "A project is the nearest directory at or above the playbook with an `ops.toml` or a `.git`, \
                 else with an `inventory.toml`, else the directory of the playbook."
                    .into(),
            ),
            at: None,
        }
    }

    fn project_shown(&self) -> String {
        if self.project == self.dir {
            "the playbook's directory".to_owned()
        } else {
            format!("the project {}", self.project.display())
        }
    }

    /// A path in the project, relative to the directory that the user named for the playbook.
    fn show(&self, real: &Path) -> String {
        if let Ok(below) = real.strip_prefix(&self.dir) {
            return self.shown.join(below).to_string_lossy().into_owned();
        }
        let mut shown = self.shown.clone();
        let mut above: &Path = &self.dir;
        while !real.starts_with(above) {
            let Some(parent) = above.parent() else { break };
            above = parent;
            let last = shown.components().next_back();
            if !matches!(last, Some(Component::Normal(_))) || !shown.pop() {
                shown.push("..");
            }
        }
        let Ok(below) = real.strip_prefix(above) else {
            return real.to_string_lossy().into_owned();
        };
        let shown = shown.join(below);
        // If the user named the directory through a link, its parent directory is a different one.
        let is_it = !real.exists() || shown.canonicalize().is_ok_and(|there| there == real);
        let name = if is_it { &shown } else { real };
        name.to_string_lossy().into_owned()
    }

    fn missing(&self, file: &Path, path: &str) -> Refused {
        let dir = file.parent().unwrap_or(&self.dir);
        let siblings: Vec<String> = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".rhai").map(ToOwned::to_owned))
            .collect();
        let (dir, last) = path.rsplit_once('/').unwrap_or(("", path));
        let near = nearest(last, siblings.iter().map(String::as_str));
        let in_dir = |name: &str| {
            if dir.is_empty() {
                name.to_owned()
            } else {
                format!("{dir}/{name}")
            }
        };
        Refused {
            message: format!(
                "module `{path}` not found: {} does not exist",
                self.show(file)
            ),
            hint: near
                .map(|name| format!("Did you mean `{}`?", in_dir(name)))
                .or_else(|| stdlib::text(path).map(|_| format!("Did you mean `std/{path}`?"))),
            at: None,
        }
    }
}

/// The project that contains a directory.
fn project(dir: &Path) -> Option<&Path> {
    MARKS.iter().find_map(|marks| {
        dir.ancestors()
            .find(|above| marks.iter().any(|mark| above.join(mark).exists()))
    })
}

fn standard(name: &str) -> Result<Located, Refused> {
    let name = name.strip_suffix(".rhai").unwrap_or(name);
    match stdlib::text(name) {
        Some(text) => Ok(Located {
            name: format!("std/{name}"),
            text: text.to_owned(),
        }),
        None => Err(Refused {
            message: format!("ops has no module `std/{name}`"),
            hint: Some(match nearest(name, stdlib::names()) {
                Some(near) => format!("Did you mean `std/{near}`?"),
                None => format!("The standard modules are {}.", listed(stdlib::names())),
            }),
            at: None,
        }),
    }
}

const fn refused(message: String) -> Refused {
    Refused {
        message,
        hint: None,
        at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let book = dir.path().join("book");
        std::fs::create_dir_all(book.join("lib")).unwrap();
        std::fs::write(dir.path().join("outside.rhai"), "").unwrap();
        std::fs::write(book.join("lib/web.rhai"), "1").unwrap();
        std::fs::write(book.join("top.rhai"), "2").unwrap();
        std::fs::write(book.join("site.rhai"), "").unwrap();
        std::fs::write(book.join("bytes.rhai"), b"let a;\n// \xc3\xa9 \xe9").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside.rhai"), book.join("link.rhai"))
            .unwrap();
        std::os::unix::fs::symlink(book.join("lib/web.rhai"), book.join("alias.rhai")).unwrap();
        let root = Root::of(&book.join("site.rhai")).unwrap();
        (dir, root)
    }

    fn message(root: &Root, importer: &str, path: &str) -> String {
        root.locate(importer, path).unwrap_err().message
    }

    #[test]
    fn is_relative_to_the_importing_file() {
        let (_dir, root) = tree();
        let book = root.show(&root.dir.join("site.rhai"));
        let web = root.locate(&book, "lib/web").unwrap();
        assert_eq!(web.text, "1");
        assert!(web.name.ends_with("book/lib/web.rhai"), "{}", web.name);
        assert_eq!(root.locate(&book, "lib/web.rhai").unwrap().name, web.name);
        assert_eq!(
            root.locate(&book, "./lib/../lib/web").unwrap().name,
            web.name
        );
        assert_eq!(root.locate(&web.name, "../top").unwrap().text, "2");
        assert_eq!(root.locate(&web.name, "web").unwrap().name, web.name);
        assert_eq!(root.locate(&book, "alias").unwrap().name, web.name);
    }

    #[test]
    fn stays_in_the_playbooks_directory() {
        let (_dir, root) = tree();
        let book = root.show(&root.dir.join("site.rhai"));
        assert!(
            message(&root, &book, "../outside").contains("is outside the playbook's directory")
        );
        assert!(message(&root, &book, "lib/../../outside").contains("is outside"));
        assert!(message(&root, &book, "/etc/passwd").contains("relative to the importing file"));
        assert!(message(&root, &book, "link").contains("leads out of"));
        assert!(message(&root, &book, "").contains("needs a path"));
        let refused = root.locate(&book, "bytes").unwrap_err();
        assert!(
            refused
                .message
                .ends_with("bytes.rhai: it is not UTF-8: byte 7 of the line is 0xe9")
        );
        let at = refused.at.unwrap();
        assert!(at.file.ends_with("book/bytes.rhai"), "{}", at.file);
        assert_eq!((at.line, at.column), (2, 7));
        assert!(message(&root, "std/versions", "top").contains("only modules of `std/`"));
    }

    #[test]
    fn reads_only_files_of_the_project() {
        let (dir, _) = tree();
        let main = dir.path().join("book/site.rhai");
        std::fs::create_dir(dir.path().join("shared")).unwrap();
        std::fs::write(dir.path().join("shared/x.rhai"), "3").unwrap();
        std::fs::write(dir.path().join("shared/y.rhai"), "4").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("shared/out.rhai")).unwrap();
        let main_name = main.display().to_string();
        for mark in ["inventory.toml", ".git"] {
            std::fs::write(dir.path().join(mark), "").unwrap();
            let root = Root::of(&main).unwrap();
            let found = root.locate(&main_name, "../shared/x").unwrap();
            assert_eq!(found.text, "3");
            assert!(
                found.name.ends_with("shared/x.rhai") && !found.name.contains(".."),
                "{}",
                found.name
            );
            assert_eq!(root.locate(&found.name, "y").unwrap().text, "4");
            assert_eq!(
                root.locate(&found.name, "../book/lib/web").unwrap().text,
                "1"
            );
            assert!(message(&root, &main_name, "../../x").contains("is outside the project"));
            assert!(
                message(&root, &main_name, "../shared/out").contains("leads out of the project")
            );
            assert!(message(&root, &main_name, "../shared/z").contains("not found"));
            // The more reliable mark takes precedence, although it is further up.
            std::fs::write(dir.path().join("book/inventory.toml"), "").unwrap();
            if mark == "inventory.toml" {
                let root = Root::of(&main).unwrap();
                assert!(
                    message(&root, &main_name, "../shared/x").contains("is outside the playbook's")
                );
                std::fs::remove_file(dir.path().join("book/inventory.toml")).unwrap();
            }
        }
    }

    #[test]
    fn suggests_existing_modules() {
        let (_dir, root) = tree();
        let book = root.show(&root.dir.join("site.rhai"));
        let hint = |path| root.locate(&book, path).unwrap_err().hint.unwrap();
        assert_eq!(hint("lib/wep"), "Did you mean `lib/web`?");
        assert_eq!(hint("std/version"), "Did you mean `std/versions`?");
        assert_eq!(hint("versions"), "Did you mean `std/versions`?");
        assert_eq!(
            root.locate(&book, "std/versions").unwrap().name,
            "std/versions"
        );
    }
}
