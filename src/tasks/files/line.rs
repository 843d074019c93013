//! `files::line`.

use serde::Deserialize;

use super::file::{no_file, planned};
use super::line_edit::{Anchor, Fallback, LineEdit};
use super::line_pattern::{matching, pattern};
use crate::declare::{ArgumentError, options};
use crate::task::{Found, Need, PathKind, Plan, Query, Task, Touches};
use crate::tasks::entry::task;
use crate::tasks::fs::{
    Attributes, Before, Content, EntryPath, HostPath, Landing, Mode, Principal, Validation, sha256,
};

task! {
    /// Ensures the line is in the file, or with `absent: true` that it is not. A missing file is created.
    ///
    /// Lines are compared whole, without their line endings. Regular expressions use the syntax of the Rust
    /// crate `regex`; `^` and `$` match the ends of the line. If `matching` does not match the line itself,
    /// a file that already contains the line is left alone. An empty expression is refused, and so is a
    /// `matching` that matches every line.
    ///
    /// Without `unique`, other lines that match stay, and the outcome says how many. Programs differ: many
    /// use only the first such line (`sshd`), others use all of them.
    ///
    /// A new line gets the line ending of the first line in the file. The task fails for a file of more
    /// than 4 MiB. The file is written and undone in the same way as by `files::file`.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::line("/etc/ssh/sshd_config", "PermitRootLogin no", #{
    ///         matching: "^#?\\s*PermitRootLogin\\s",
    ///         unique: true,
    ///         before: "^Match",
    ///         validate: "sshd -tf %s",
    ///     }));
    /// });
    /// ```
    files::line(path: EntryPath, line: String; Options) => FileLine::new
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// a regular expression: the last line that matches is replaced
        matching: Option<String>,
        /// if `true`, the first line that matches `matching` is replaced, and all others that match are
        /// removed
        #[serde(default)]
        unique: bool,
        /// a regular expression: a new line is added after the last line that matches; after the first with
        /// `unique`
        after: Option<String>,
        /// the same, but the new line is added before the matching line
        before: Option<String>,
        /// `"end"` or `"start"`: where to add a new line if `after` and `before` match nothing or are not
        /// given; default `"end"`
        at: Option<At>,
        /// if `true`, the line is removed, and so is every line that matches `matching`
        #[serde(default)]
        absent: bool,
        /// if `false`, a missing file is an error
        #[serde(default = "yes")]
        create: bool,
        /// permission bits, as text: `"0644"`, `"u=rw,go=r"`, `"a+x"`
        mode: Option<Mode>,
        /// the owner, by name or id
        owner: Option<Principal>,
        /// the group, by name or id
        group: Option<Principal>,
        /// a command that must accept the new file before it replaces the old one; `%s` stands for its
        /// path, quoted
        validate: Option<String>,
        /// if `true`, no diff is shown, and a new file gets mode 0600
        #[serde(default)]
        secret: bool,
    }
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

/// The desired state: a line is in a file, or is not.
pub(crate) struct FileLine {
    landing: Landing,
    edit: LineEdit,
    create: bool,
}

impl FileLine {
    fn new(path: EntryPath, line: String, options: Options) -> Result<Self, ArgumentError> {
        let path = HostPath::from(path);
        if path.as_str() == "/" {
            return Err(ArgumentError::parameter(0, "`/` is a directory"));
        }
        if line.contains(['\n', '\r']) {
            return Err(
                ArgumentError::parameter(1, "the line contains a line break")
                    .hint("Use one task for each line."),
            );
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
            (Some(after), None) => Anchor::After(pattern("after", after)?, fallback),
            (None, Some(before)) => Anchor::Before(pattern("before", before)?, fallback),
            (None, None) if fallback == Fallback::Start => Anchor::Start,
            (None, None) => Anchor::End,
        };
        let matching = options.matching.as_deref().map(matching).transpose()?;
        if options.unique && (matching.is_none() || options.absent) {
            let message = "requires `matching`, and cannot be combined with `absent`";
            return Err(ArgumentError::option("unique", message)
                .hint("With `unique: true` the line replaces all lines that match."));
        }
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
                matching,
                unique: options.unique,
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
        let others = self.edit.others(&edited);
        let lines = |text: &[u8]| text.split_inclusive(|&b| b == b'\n').count();
        let gone = lines(content).saturating_sub(lines(&edited));
        let edited = Content::new(edited);
        let change = self.landing.replace(state, stat, before, &edited)?;
        Ok(planned(Some(match others.as_slice() {
            [] if self.edit.absent && gone > 1 => change.noting(format!("removes {gone} lines")),
            [] => change,
            others => change.noting(stay(others)),
        })))
    }

    fn make(&self) -> Plan {
        match self.edit.edit(b"") {
            None => Plan::Unchanged,
            Some(_) if !self.create => Plan::Impossible(format!("{} does not exist", self.path())),
            Some(content) => planned(Some(self.landing.create(&Content::new(content)))),
        }
    }
}

/// The note about lines that match and are not replaced, with their line numbers.
fn stay(others: &[usize]) -> String {
    const SHOWN: usize = 5;
    let mut numbers: Vec<String> = others.iter().take(SHOWN).map(usize::to_string).collect();
    if others.len() > SHOWN {
        numbers.push("...".to_owned());
    }
    let numbers = numbers.join(", ");
    match others.len() {
        1 => {
            format!("1 other line matches and was kept: line {numbers} (`unique: true` removes it)")
        }
        count => format!(
            "{count} other lines match and were kept: lines {numbers} (`unique: true` removes them)"
        ),
    }
}

impl Task for FileLine {
    fn label(&self) -> String {
        let (path, edit) = (self.path(), &self.edit);
        let absent = if edit.absent { " absent" } else { "" };
        // What distinguishes this line from others in the file. The run removes the secrets that it knows,
        // and truncates long text.
        match &edit.matching {
            _ if !self.landing.secret => format!("files::line {path}{absent} \"{}\"", edit.line),
            Some(matching) => {
                format!("files::line {path}{absent} (a secret line, matching \"{matching}\")")
            }
            None => format!("files::line {path}{absent} (a secret line)"),
        }
    }

    fn queries(&self) -> Vec<Query> {
        vec![self.landing.query(), Query::Content(self.path().to_owned())]
    }

    fn touches(&self) -> Touches {
        Touches::writes(self.landing.entry())
    }

    fn needs(&self) -> Vec<Need> {
        self.landing.needs()
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        let plan = self.decide(found).unwrap_or_else(Plan::Unknown);
        self.landing.possible(plan)
    }
}
