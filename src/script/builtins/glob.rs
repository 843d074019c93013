//! `glob`: the files next to the playbook whose paths match a pattern.

use std::path::{Path, PathBuf};

use regex::Regex;
use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::declare;
use crate::declare::function;
use crate::script::error::argument;
use crate::script::frame::Frame;
use crate::script::local::Unavailable;

/// The maximum number of files and directories that a search visits.
const MAX_VISITED: usize = 100_000;

function! {
    /// Returns the paths of the files next to the playbook that match a pattern, in alphabetical order. No
    /// match is not an error. `*` and `?` match any characters except `/`, `[a-z]` matches one of these
    /// characters, and `**` matches any number of directories. A name that starts with a dot matches only a
    /// pattern that also starts with a dot. The paths have the form that `read_file` and the tasks take:
    /// relative to the playbook's directory, or below a parameter of type `path`.
    ///
    /// ```rhai
    /// for path in glob("conf.d/*.conf") {
    ///     log::info(path);
    /// }
    /// ```
    GLOB = glob {
        (pattern: String) -> Array,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&GLOB, 0).register_into_engine(
        engine,
        |context: NativeCallContext, pattern: &str| -> Result<Array, Box<EvalAltResult>> {
            let frame = Frame::of(&context)?;
            let world = frame.world();
            let found = find(pattern, |path| world.find(path));
            let mut found =
                found.map_err(|why| argument(&context, format!("`{pattern}`: {why}")))?;
            found.sort();
            Ok(found.into_iter().map(Dynamic::from).collect())
        },
    );
}

/// The files that match a pattern, as the paths that a script would use. `resolve` returns the real path of
/// a file that a script may read, and refuses any other.
fn find(
    pattern: &str,
    resolve: impl Fn(&str) -> Result<PathBuf, Unavailable>,
) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts
        .iter()
        .take_while(|part| !part.contains(['*', '?', '[']))
        .count()
        .min(parts.len() - 1);
    let (start, wanted) = parts.split_at(fixed);
    let wanted = wanted
        .iter()
        .map(|part| Part::of(part))
        .collect::<Result<Vec<_>, _>>()?;
    let shown = start.join("/");
    // A missing directory means no matches; a path that may not be read is an error.
    let here = if shown.is_empty() { "." } else { &shown };
    let real = match resolve(here) {
        Ok(real) => real,
        Err(Unavailable::Io(_)) => return Ok(Vec::new()),
        Err(why) => return Err(why.to_string()),
    };
    let mut search = Search {
        resolve: &resolve,
        found: Vec::new(),
        seen: 0,
    };
    let prefix = if fixed == 0 {
        String::new()
    } else {
        shown + "/"
    };
    search.below(&real, &prefix, &wanted)?;
    search.found.dedup();
    Ok(search.found)
}

/// One part of a pattern, between slashes.
enum Part {
    AnyDirectories,
    Name { name: Regex, hidden: bool },
}

impl Part {
    fn of(text: &str) -> Result<Self, String> {
        if text == "**" {
            return Ok(Self::AnyDirectories);
        }
        let mut pattern = String::from("^");
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                '[' => {
                    let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                    let class = class.replace('\\', "\\\\").replace('[', "\\[");
                    let class = class
                        .strip_prefix('!')
                        .map_or_else(|| class.clone(), |not| format!("^{not}"));
                    pattern.push_str(&format!("[{class}]"));
                }
                other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        Ok(Self::Name {
            name: Regex::new(&pattern).map_err(|_| format!("invalid pattern: `{text}`"))?,
            hidden: text.starts_with('.'),
        })
    }
}

struct Search<'a, R> {
    resolve: &'a R,
    found: Vec<String>,
    seen: usize,
}

impl<R: Fn(&str) -> Result<PathBuf, Unavailable>> Search<'_, R> {
    fn below(&mut self, real: &Path, shown: &str, wanted: &[Part]) -> Result<(), String> {
        let Some((part, rest)) = wanted.split_first() else {
            return Ok(());
        };
        if let Part::AnyDirectories = part {
            self.below(real, shown, rest)?;
        }
        let Ok(entries) = std::fs::read_dir(real) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            self.seen += 1;
            if self.seen > MAX_VISITED {
                return Err(format!(
                    "there are more than {MAX_VISITED} files and directories"
                ));
            }
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = format!("{shown}{name}");
            match part {
                Part::AnyDirectories => {
                    // Following links could loop forever.
                    if !name.starts_with('.') && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        self.below(&entry.path(), &format!("{path}/"), wanted)?;
                    }
                }
                Part::Name { name: fits, hidden } => {
                    if !fits.is_match(&name) || name.starts_with('.') && !hidden {
                        continue;
                    }
                    // A link to a file that the script may not read is skipped.
                    let Ok(real) = (self.resolve)(&path) else {
                        continue;
                    };
                    if rest.is_empty() {
                        if real.is_file() {
                            self.found.push(path);
                        }
                    } else if real.is_dir() {
                        self.below(&real, &format!("{path}/"), rest)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::local;

    #[test]
    fn finds_only_files_that_a_script_may_read() {
        let outside = tempfile::tempdir().expect("a directory");
        let book = outside.path().join("book");
        std::fs::create_dir_all(book.join("conf.d/deep/er")).expect("directories");
        std::fs::write(outside.path().join("x.conf"), "").expect("a file");
        for name in [
            "a.conf",
            "b.conf",
            ".c.conf",
            "d.txt",
            "deep/e.conf",
            "deep/er/f.conf",
        ] {
            std::fs::write(book.join("conf.d").join(name), "").expect("a file");
        }
        std::os::unix::fs::symlink("../../x.conf", book.join("conf.d/z.conf")).expect("a link");
        std::os::unix::fs::symlink("..", book.join("conf.d/loop")).expect("a link");
        let granted = [outside
            .path()
            .canonicalize()
            .expect("a directory")
            .join("x.conf")];
        let found = |pattern: &str| {
            let found = find(pattern, |path| local::find(&book, &granted, path));
            found.map(|mut found| {
                found.sort();
                found.join(" ")
            })
        };
        let is = |text: &str| Ok(text.to_owned());
        assert_eq!(found("conf.d/*.conf"), is("conf.d/a.conf conf.d/b.conf"));
        assert_eq!(found("conf.d/[!b].conf"), is("conf.d/a.conf"));
        assert_eq!(found("conf.d/.*"), is("conf.d/.c.conf"));
        assert_eq!(found("conf.?/d.txt"), is("conf.d/d.txt"));
        assert_eq!(found("conf.d/a.conf"), is("conf.d/a.conf"));
        assert_eq!(
            found("**/*.conf"),
            is("conf.d/a.conf conf.d/b.conf conf.d/deep/e.conf conf.d/deep/er/f.conf")
        );
        assert_eq!(found("conf.d/*/e.conf"), is("conf.d/deep/e.conf"));
        assert_eq!(found("nothing/*"), is(""));
        assert_eq!(found("*"), is(""));
        for wrong in ["../*.conf", "/etc/*", "conf.d/../../*", "conf.d/[z-a]"] {
            assert!(found(wrong).is_err(), "{wrong}");
        }
    }
}
