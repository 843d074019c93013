//! A configuration file, parsed once for all hosts: its blocks with their conditions, and the files that it
//! includes.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::condition::Condition;
use super::keyword::{Keyword, Known};
use super::local::Local;
use super::{lexer, value};
use crate::ssh::pattern;

/// The limit of `ssh` (`READCONF_MAX_DEPTH`).
const MAX_DEPTH: usize = 16;

/// Larger than any real file, in bytes.
const MAX_SIZE: u64 = 8 << 20;

/// Whose file it is. This determines what a relative `Include` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    User,
    System,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub owner: Owner,
    pub blocks: Vec<Block>,
}

/// Lines up to the next `Host` or `Match`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub condition: Condition,
    /// The location of its `Host` or `Match`.
    pub place: Place,
    pub lines: Vec<Line>,
    /// Whether it has lines that matter even if its condition is not met.
    pub always: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub content: Content,
    pub place: Place,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Setting(Setting),
    Include(Vec<File>),
    /// An unknown keyword: an error, unless `IgnoreUnknown` names it.
    Unknown(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub keyword: Keyword,
    /// At least one, except for keywords that take the rest of the line.
    pub arguments: Vec<String>,
    pub rest: String,
}

impl Setting {
    pub(crate) fn first(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// The value as a command: the rest of the line, without a leading `=`.
    pub(crate) fn command(&self) -> &str {
        self.rest.trim_start_matches([' ', '\t', '\r', '\n', '='])
    }
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, in the form used in messages, and the line.
    File(Arc<str>, usize),
    CommandLine,
    /// An option that the program itself adds.
    Program,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::CommandLine => f.write_str("ssh_args"),
            Self::Program => f.write_str("ops"),
        }
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub local: &'a Local,
    pub owner: Owner,
    /// Refuse the file if others can write it.
    pub permissions: bool,
    /// How many files deep the includes are.
    pub depth: usize,
}

/// Parses a file and the files that it includes. `None` if it cannot be opened.
///
/// # Errors
/// If `ssh` would refuse it too, or only `ssh` can read it.
pub(super) fn read(path: &Path, reading: Reading<'_>) -> Result<Option<File>, String> {
    let shown = reading.local.shown(path);
    if reading.depth > MAX_DEPTH {
        return Err(format!("{shown} is included too deeply"));
    }
    let Ok(mut file) = std::fs::File::open(path) else {
        return Ok(None);
    };
    let metadata = file
        .metadata()
        .map_err(|error| format!("cannot read {shown}: {error}"))?;
    if reading.permissions {
        let owned = metadata.uid() == 0 || metadata.uid() == reading.local.uid;
        if !owned || metadata.mode() & 0o022 != 0 {
            return Err(format!("bad owner or permissions on {shown}"));
        }
    }
    let mut text = Vec::new();
    // `ssh` reads a directory as an empty file.
    if !metadata.is_dir() {
        file.by_ref()
            .take(MAX_SIZE + 1)
            .read_to_end(&mut text)
            .map_err(|error| format!("cannot read {shown}: {error}"))?;
        if text.len() as u64 > MAX_SIZE {
            return Err(format!("{shown} is too large"));
        }
    }
    parse(&text, &shown, reading).map(Some)
}

fn parse(text: &[u8], shown: &str, reading: Reading<'_>) -> Result<File, String> {
    let name: Arc<str> = shown.into();
    let mut blocks = vec![Block {
        condition: Condition::Outer,
        place: Place::File(Arc::clone(&name), 1),
        lines: Vec::new(),
        always: false,
    }];
    for (number, bytes) in (1..).zip(text.split(|&b| b == b'\n')) {
        let place = Place::File(Arc::clone(&name), number);
        let wrong = |what: &str| format!("{what}, {place}");
        let Ok(text) = std::str::from_utf8(bytes) else {
            if bytes.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            return Err(wrong("a line is not UTF-8"));
        };
        if text.contains('\0') {
            return Err(wrong("a line contains a NUL byte"));
        }
        let Some(words) = lexer::split(text).map_err(|error| wrong(&format!("a line {error}")))?
        else {
            continue;
        };
        let content = match Keyword::find(words.keyword) {
            Known::Ignored => continue,
            Known::No => Content::Unknown(words.keyword.to_ascii_lowercase()),
            Known::Keyword(keyword) => {
                if keyword != Keyword::Match {
                    value::check(keyword, &words.arguments)
                        .map_err(|error| wrong(&format!("`{}` {error}", keyword.name())))?;
                }
                let condition = match keyword {
                    Keyword::Host => Some(Condition::host(words.arguments.clone())),
                    Keyword::Match => Some(
                        Condition::parse(words.rest, &words.arguments)
                            .map_err(|error| wrong(&error))?,
                    ),
                    _ => None,
                };
                if let Some(condition) = condition {
                    blocks.push(Block {
                        condition,
                        place,
                        lines: Vec::new(),
                        always: false,
                    });
                    continue;
                }
                if keyword == Keyword::Include {
                    Content::Include(
                        included(&words.arguments, reading).map_err(|error| wrong(&error))?,
                    )
                } else {
                    Content::Setting(Setting {
                        keyword,
                        rest: words.rest.to_owned(),
                        arguments: words.arguments,
                    })
                }
            }
        };
        if let Some(block) = blocks.last_mut() {
            block.always |= !matches!(content, Content::Setting(_));
            block.lines.push(Line { content, place });
        }
    }
    Ok(File {
        owner: reading.owner,
        blocks,
    })
}

fn included(patterns: &[String], reading: Reading<'_>) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        for path in included_paths(pattern, reading)? {
            let reading = Reading {
                permissions: true,
                depth: reading.depth + 1,
                ..reading
            };
            match read(&path, reading)? {
                Some(file) => files.push(file),
                None if path.exists() => {
                    return Err(format!("cannot open {}", reading.local.shown(&path)));
                }
                // Removed in the meantime, or a dangling link.
                None => {}
            }
        }
    }
    Ok(files)
}

/// The files that an `Include` names: a path with `*` and `?`, relative to the directory of configurations.
/// They are in byte order, like `glob` of libc in the locale of `ssh`.
///
/// # Errors
/// If only `ssh` can read it.
fn included_paths(pattern: &str, reading: Reading<'_>) -> Result<Vec<PathBuf>, String> {
    // Newer versions expand tokens here, older versions do not.
    if let Some(bad) = pattern
        .chars()
        .find(|c| matches!(c, '%' | '[' | '\\' | '$'))
    {
        return Err(format!("`Include` has a `{bad}`, which is left to ssh"));
    }
    let anchored = match reading.owner {
        Owner::System if pattern.starts_with('~') => {
            return Err(format!("`Include` cannot be `{pattern}`"));
        }
        Owner::User if pattern.starts_with('~') => reading
            .local
            .expand_home(pattern)
            .ok_or_else(|| format!("`Include` names `{pattern}`, in the home of another user"))?,
        _ if pattern.starts_with('/') => pattern.to_owned(),
        Owner::User => format!("{}/.ssh/{pattern}", reading.local.home.display()),
        Owner::System => format!("/etc/ssh/{pattern}"),
    };
    let mut found = vec![PathBuf::from("/")];
    for part in anchored.split('/').filter(|part| !part.is_empty()) {
        if part.contains(['*', '?']) {
            found = found.iter().flat_map(|dir| entries(dir, part)).collect();
        } else {
            for path in &mut found {
                path.push(part);
            }
        }
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort_by(|a, b| {
        a.as_os_str()
            .as_encoded_bytes()
            .cmp(b.as_os_str().as_encoded_bytes())
    });
    Ok(found)
}

/// The matching entries of a directory. Hidden entries match only if the pattern begins with a dot.
fn entries(dir: &Path, part: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let hidden = part.starts_with('.');
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.starts_with('.') == hidden && pattern::matches(name, part))
        })
        .map(|entry| entry.path())
        .collect()
}

/// Parses a setting from the command line (`-o`).
///
/// # Errors
/// If `ssh` would refuse it too.
pub(super) fn option(text: &str, place: Place) -> Result<Option<Line>, String> {
    let wrong = |what: &str| format!("{what}, {place}");
    let Some(words) = lexer::split(text).map_err(|error| wrong(&format!("`{text}` {error}")))?
    else {
        return Ok(None);
    };
    let content = match Keyword::find(words.keyword) {
        Known::Ignored => return Ok(None),
        Known::No => Content::Unknown(words.keyword.to_ascii_lowercase()),
        Known::Keyword(keyword @ (Keyword::Host | Keyword::Match | Keyword::Include)) => {
            return Err(wrong(&format!("`{}` is not an option", keyword.name())));
        }
        Known::Keyword(keyword) => {
            value::check(keyword, &words.arguments)
                .map_err(|error| wrong(&format!("`{}` {error}", keyword.name())))?;
            Content::Setting(Setting {
                keyword,
                rest: words.rest.to_owned(),
                arguments: words.arguments,
            })
        }
    };
    Ok(Some(Line { content, place }))
}

/// The user's file. Like the system's file, it is not read if `-F` names another.
pub(super) fn of_user(local: &Local) -> PathBuf {
    local.home.join(".ssh/config")
}

pub(super) fn of_system() -> PathBuf {
    PathBuf::from("/etc/ssh/ssh_config")
}
