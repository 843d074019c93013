//! `files::line`.

use regex::bytes::Regex;
use serde::Deserialize;

use super::attributes::Attributes;
use super::content::{Before, Content, sha256};
use super::file::{no_file, planned};
use super::landing::{Landing, Validation};
use super::line_edit::{Anchor, Fallback, LineEdit};
use super::ownership::Principal;
use super::{ArgumentError, HostPath, Mode, Surroundings, task};
use crate::task::{Found, PathKind, Plan, Query, Task, Touches};

task! {
    /// Keeps a line in a file, or keeps it out. A missing file is made.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `matching` | a regular expression: the last line that matches is replaced |
    /// | `after` | a regular expression: a new line goes behind the last line that matches |
    /// | `before` | the same, in front of it |
    /// | `at` | `"end"` or `"start"`: where a new line goes that has no such place; `"end"` if not given |
    /// | `absent` | with `true`, the line goes, and every line that matches `matching` |
    /// | `create` | with `false`, a missing file is an error |
    /// | `mode` | permission bits, as text: `"0644"`, `"u=rw,go=r"`, `"a+x"` |
    /// | `owner` | the owner, by name or by number |
    /// | `group` | the group, by name or by number |
    /// | `validate` | a command that must accept the new file before it takes its place; `%s` stands for its path, quoted |
    /// | `secret` | with `true`, no diff is shown, and a new file gets mode 0600 |
    ///
    /// Lines are compared whole, without what ends them. Regular expressions are those of the Rust crate `regex`; `^` and `$` are the ends of
    /// the line. If `matching` does not match the line itself, a file in which the line stands is left alone.
    ///
    /// A new line ends as the first line of the file does. A file of more than 4 MiB is refused. Else it is
    /// written as `files::file` writes, and undone the same way.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::line("/etc/ssh/sshd_config", "PermitRootLogin no", #{
    ///         matching: "^#?PermitRootLogin",
    ///         validate: "sshd -tf %s",
    ///     }));
    /// });
    /// ```
    LINE = files::line(path: HostPath, line: String; Options) => FileLine::new
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    matching: Option<String>,
    after: Option<String>,
    before: Option<String>,
    at: Option<At>,
    #[serde(default)]
    absent: bool,
    #[serde(default = "yes")]
    create: bool,
    mode: Option<Mode>,
    owner: Option<Principal>,
    group: Option<Principal>,
    validate: Option<String>,
    #[serde(default)]
    secret: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum At {
    Start,
    End,
}

const fn yes() -> bool {
    true
}

/// A line that is to stand in a file, or not to.
pub struct FileLine {
    landing: Landing,
    edit: LineEdit,
    create: bool,
}

impl FileLine {
    fn new(
        path: HostPath,
        line: String,
        options: Options,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        if path.as_str() == "/" {
            return Err(ArgumentError::parameter(0, "`/` is a directory"));
        }
        if line.contains(['\n', '\r']) {
            return Err(ArgumentError::parameter(1, "the line holds a line break")
                .hint("Keep several lines with several tasks."));
        }
        let fallback = match options.at {
            Some(At::Start) => Fallback::Start,
            Some(At::End) | None => Fallback::End,
        };
        let anchor = match (&options.after, &options.before) {
            (Some(_), Some(_)) => {
                let message = "a line cannot have both `after` and `before`";
                return Err(ArgumentError::option("before", message));
            }
            (Some(after), None) => Anchor::After(regex("after", after)?, fallback),
            (None, Some(before)) => Anchor::Before(regex("before", before)?, fallback),
            (None, None) if fallback == Fallback::Start => Anchor::Start,
            (None, None) => Anchor::End,
        };
        Ok(Self {
            landing: Landing {
                path,
                attributes: Attributes::new(options.mode, options.owner, options.group),
                validate: options.validate.map(Validation::new).transpose()?,
                secret: options.secret,
                compressed: None,
            },
            edit: LineEdit {
                line,
                matching: options
                    .matching
                    .map(|pattern| regex("matching", &pattern))
                    .transpose()?,
                anchor,
                absent: options.absent,
            },
            create: options.create,
        })
    }

    fn path(&self) -> &str {
        self.landing.path.as_str()
    }

    fn decide(&self, found: &Found) -> Result<Plan, String> {
        let state = found.path(self.path())?;
        let stat = match (&state.own, &state.target) {
            (None, _) => return Ok(self.make()),
            (Some(_), Some(stat)) if stat.kind == PathKind::File => stat,
            (Some(_), target) => {
                return Ok(Plan::Impossible(no_file(self.path(), target.is_some())));
            }
        };
        let Some(content) = found.content(self.path())? else {
            return Err(format!("may not read {}", self.path()));
        };
        let Some(edited) = self.edit.edit(content) else {
            return Ok(planned(self.landing.adjust(state, stat)?));
        };
        let before = Before {
            size: content.len() as u64,
            sha256: &sha256(content),
            bytes: Some(content),
        };
        let edited = Content::new(edited);
        let change = self.landing.replace(state, stat, before, &edited)?;
        Ok(planned(Some(change)))
    }

    fn make(&self) -> Plan {
        match self.edit.edit(b"") {
            None => Plan::Unchanged,
            Some(_) if !self.create => Plan::Impossible(format!("{} is not there", self.path())),
            Some(content) => planned(Some(self.landing.create(&Content::new(content)))),
        }
    }
}

fn regex(key: &str, pattern: &str) -> Result<Regex, ArgumentError> {
    Regex::new(pattern).map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
            // The last line of a syntax error says what it is; those before it draw the place.
            error => error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        };
        ArgumentError::option(
            key,
            format!("`{pattern}` is no regular expression: {reason}"),
        )
    })
}

impl Task for FileLine {
    fn label(&self) -> String {
        format!("files::line {}", self.path())
    }

    fn queries(&self) -> Vec<Query> {
        vec![self.landing.query(), Query::Content(self.path().to_owned())]
    }

    fn touches(&self) -> Touches {
        Touches::writes(self.landing.entry())
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        self.decide(found).unwrap_or_else(Plan::Unknown)
    }
}
