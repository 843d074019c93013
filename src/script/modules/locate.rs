//! Which file an `import` means. Nothing outside the playbook's directory is ever read.

use std::path::{Component, Path, PathBuf};

use super::stdlib;
use crate::model::suggest::{listed, nearest};
use crate::script::local;
use crate::script::mark::without_mark;

/// A module that was found: its name for the user, and its text.
#[derive(Debug, PartialEq, Eq)]
pub struct Located {
    pub name: String,
    pub text: String,
}

/// Why an import cannot be followed. The message is a lower-case fragment, the hint a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
}

/// Where the playbook stands.
#[derive(Debug)]
pub struct Root {
    /// The directory of the playbook, without symbolic links in it.
    dir: PathBuf,
    /// The same as the user named it: the empty path for the working directory.
    shown: PathBuf,
}

impl Root {
    /// # Errors
    /// If the directory of the playbook cannot be resolved.
    pub fn of(playbook: &Path) -> std::io::Result<Self> {
        let shown = playbook.parent().unwrap_or(Path::new("")).to_path_buf();
        let dir = if shown.as_os_str().is_empty() {
            Path::new(".").canonicalize()?
        } else {
            shown.canonicalize()?
        };
        Ok(Self { dir, shown })
    }

    /// Finds what `import "PATH"` in the module of the name `importer` means.
    ///
    /// # Errors
    /// If it leaves the playbook's directory, or is not there.
    pub fn locate(&self, importer: &str, path: &str) -> Result<Located, Refused> {
        if let Some(name) = path.strip_prefix("std/") {
            return standard(name);
        }
        if importer.starts_with("std/") {
            return Err(refused(format!(
                "a module of ops imports only others of `std/`: `{path}`"
            )));
        }
        let relative = self.relative(importer, path)?;
        let file = self.dir.join(&relative);
        let real = file.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.missing(&relative, path),
            _ => refused(format!("cannot read {}: {error}", self.show(&relative))),
        })?;
        // The name is that of the file itself, so that a module which is reached through a link is the same one.
        let inside = real.strip_prefix(&self.dir).map_err(|_| {
            refused(format!(
                "`{path}` is a link that leads out of the playbook's directory"
            ))
        })?;
        let name = self.show(inside);
        let bytes = local::read_bounded(&real)
            .map_err(|error| refused(format!("cannot read {name}: {error}")))?;
        let text =
            String::from_utf8(bytes).map_err(|_| refused(format!("{name} is not UTF-8 text")))?;
        let text = without_mark(text);
        Ok(Located { name, text })
    }

    /// The path below the root, without `.` and `..`, with its extension.
    fn relative(&self, importer: &str, path: &str) -> Result<PathBuf, Refused> {
        if path.is_empty() {
            return Err(refused("an import needs a path".into()));
        }
        let importer = Path::new(importer);
        let from = importer.strip_prefix(&self.shown).unwrap_or(importer);
        let mut relative = from.parent().unwrap_or(Path::new("")).to_path_buf();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(part) => relative.push(part),
                Component::CurDir => {}
                Component::ParentDir if relative.pop() => {}
                Component::ParentDir => {
                    return Err(refused(format!("`{path}` leaves the playbook's directory")));
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(Refused {
                        message: format!(
                            "an import is relative to the file it stands in: `{path}`"
                        ),
                        hint: Some("Put the module beside the playbook.".into()),
                    });
                }
            }
        }
        if relative
            .extension()
            .is_none_or(|extension| extension != "rhai")
        {
            relative.as_mut_os_string().push(".rhai");
        }
        Ok(relative)
    }

    fn show(&self, relative: &Path) -> String {
        self.shown.join(relative).to_string_lossy().into_owned()
    }

    fn missing(&self, relative: &Path, path: &str) -> Refused {
        let dir = self.dir.join(relative.parent().unwrap_or(Path::new("")));
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
                "no module `{path}`: there is no file {}",
                self.show(relative)
            ),
            hint: near
                .map(|name| format!("Did you mean `{}`?", in_dir(name)))
                .or_else(|| stdlib::text(path).map(|_| format!("Did you mean `std/{path}`?"))),
        }
    }
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
                None => format!("`std/` has {}.", listed(stdlib::names())),
            }),
        }),
    }
}

const fn refused(message: String) -> Refused {
    Refused {
        message,
        hint: None,
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
        std::fs::write(book.join("bytes.rhai"), b"\xff").unwrap();
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
        let book = root.show(Path::new("site.rhai"));
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
    fn never_leaves_the_playbooks_directory() {
        let (_dir, root) = tree();
        let book = root.show(Path::new("site.rhai"));
        assert!(message(&root, &book, "../outside").contains("leaves the playbook's directory"));
        assert!(message(&root, &book, "lib/../../outside").contains("leaves"));
        assert!(message(&root, &book, "/etc/passwd").contains("relative to the file"));
        assert!(message(&root, &book, "link").contains("leads out of"));
        assert!(message(&root, &book, "").contains("needs a path"));
        assert!(message(&root, &book, "bytes").contains("not UTF-8"));
        assert!(message(&root, "std/versions", "top").contains("only others of `std/`"));
    }

    #[test]
    fn suggests_what_is_there() {
        let (_dir, root) = tree();
        let book = root.show(Path::new("site.rhai"));
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
