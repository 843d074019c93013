//! A configuration file, parsed once for all hosts: blocks with their conditions, files that it includes.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::condition::Condition;
use super::keyword::{Keyword, Known};
use super::local::Local;
use super::{include, value, words};

/// As deep as `ssh` goes (`READCONF_MAX_DEPTH`).
const MAX_DEPTH: usize = 16;

/// Larger than any that somebody wrote.
const MAX_SIZE: u64 = 8 << 20;

/// Whose file it is, which decides what a relative `Include` means.
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
    pub lines: Vec<Line>,
    /// It has lines that count even where its condition is not met.
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
    /// A keyword that is an error, unless `IgnoreUnknown` has it.
    Unknown(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub keyword: Keyword,
    /// At least one, but for keywords that take the rest of the line.
    pub arguments: Vec<String>,
    pub rest: String,
}

impl Setting {
    pub fn first(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// A command: the rest of the line, without an `=` before it.
    pub fn command(&self) -> &str {
        self.rest.trim_start_matches([' ', '\t', '\r', '\n', '='])
    }
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, as it is shown, and its line.
    File(Arc<str>, usize),
    CommandLine,
    /// What ops itself adds.
    Ops,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::CommandLine => f.write_str("ssh_args"),
            Self::Ops => f.write_str("ops"),
        }
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub local: &'a Local,
    pub owner: Owner,
    /// Others may not be able to write it.
    pub permissions: bool,
    /// How many files include this one.
    pub depth: usize,
}

/// Parses a file, and those that it includes. `None` where it cannot be opened.
///
/// # Errors
/// What `ssh` would end with, or what only `ssh` can read.
pub(super) fn read(path: &Path, reading: Reading<'_>) -> Result<Option<File>, String> {
    let shown = reading.local.shown(path);
    if reading.depth > MAX_DEPTH {
        return Err(format!("{shown} is included too deep"));
    }
    let Ok(mut file) = std::fs::File::open(path) else {
        return Ok(None);
    };
    let metadata = file
        .metadata()
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if reading.permissions {
        let owned = metadata.uid() == 0 || metadata.uid() == reading.local.uid;
        if !owned || metadata.mode() & 0o022 != 0 {
            return Err(format!("bad owner or permissions on {shown}"));
        }
    }
    let mut text = Vec::new();
    // Of a directory `ssh` reads nothing.
    if !metadata.is_dir() {
        file.by_ref()
            .take(MAX_SIZE + 1)
            .read_to_end(&mut text)
            .map_err(|error| format!("{shown} cannot be read: {error}"))?;
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
            return Err(wrong("a line holds a NUL byte"));
        }
        let Some(words) = words::split(text).map_err(|error| wrong(&format!("a line {error}")))?
        else {
            continue;
        };
        let content = match Keyword::find(words.keyword) {
            Known::PassedOver => continue,
            Known::No => Content::Unknown(words.keyword.to_ascii_lowercase()),
            Known::Keyword(keyword) => {
                if keyword != Keyword::Match {
                    value::check(keyword, &words.arguments)
                        .map_err(|error| wrong(&format!("`{}` {error}", keyword.name())))?;
                }
                let condition = match keyword {
                    Keyword::Host => Some(Condition::host(words.arguments.clone())),
                    Keyword::Match => Some(
                        Condition::parse(words.rest, &words.arguments, &place)
                            .map_err(|error| wrong(&error))?,
                    ),
                    _ => None,
                };
                if let Some(condition) = condition {
                    blocks.push(Block {
                        condition,
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
        for path in include::paths(pattern, reading)? {
            let reading = Reading {
                permissions: true,
                depth: reading.depth + 1,
                ..reading
            };
            match read(&path, reading)? {
                Some(file) => files.push(file),
                None if path.exists() => {
                    return Err(format!("{} cannot be opened", reading.local.shown(&path)));
                }
                // Removed just now, or a link to nothing.
                None => {}
            }
        }
    }
    Ok(files)
}

/// A line of the command line, `-o`.
///
/// # Errors
/// What `ssh` would end with.
pub(super) fn option(text: &str, place: Place) -> Result<Option<Line>, String> {
    let wrong = |what: &str| format!("{what}, {place}");
    let Some(words) = words::split(text).map_err(|error| wrong(&format!("`{text}` {error}")))?
    else {
        return Ok(None);
    };
    let content = match Keyword::find(words.keyword) {
        Known::PassedOver => return Ok(None),
        Known::No => Content::Unknown(words.keyword.to_ascii_lowercase()),
        Known::Keyword(keyword @ (Keyword::Host | Keyword::Match | Keyword::Include)) => {
            return Err(wrong(&format!("`{}` is no option", keyword.name())));
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

/// Where the files are: the user's and the system's, unless `-F` names another.
pub(super) fn of_user(local: &Local) -> PathBuf {
    local.home.join(".ssh/config")
}

pub(super) fn of_system() -> PathBuf {
    PathBuf::from("/etc/ssh/ssh_config")
}
