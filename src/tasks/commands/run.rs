//! `commands::run`.

use std::sync::Arc;

use indexmap::IndexMap;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::declare::{ArgumentError, OneOrMany, Span, options};
use crate::model::Diff;
use crate::shell::{has_nul, pipefail, quote_str as quote};
use crate::task::{Change, Effect, Found, Need, Plan, Query, Ran, Resource, Task, Touches, Undoes};
use crate::tasks::entry::task;
use crate::tasks::fs::HostPath;

task! {
    /// Runs a command, unless its guards prevent it.
    ///
    /// A string is run by the host's `sh`. A list is a program and its arguments and runs without a shell.
    /// The command runs in its own session with empty standard input, and its output is shown.
    ///
    /// A command without a guard runs every time and counts as a change; set `changed_when: false` if it
    /// only reads. In check mode it does not run, and its outcome is *unknown*, because ops cannot
    /// determine what it would do. For a command with a guard, check mode reports whether it would change
    /// the host. Guards run in check mode too, so they must be read-only. A guard fails if `cwd` does not
    /// exist.
    ///
    /// By default, `pg_dump shop | gzip >dump.gz` succeeds even if `pg_dump` fails, because a shell uses
    /// only the exit code of the last command in a pipe. `pipefail: true` changes that for the command
    /// itself, not for its guards and undo commands. It uses the host's `sh` if that supports `set -o
    /// pipefail`, else bash; the task fails on a host with neither.
    ///
    /// Without `undo` or `undo_last` the command cannot be undone. Use `undo_last` for a restart or a
    /// reload, so that the program reads the restored files.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(commands::run("make install", #{ cwd: "/usr/src/shop", creates: "/usr/local/bin/shop" }));
    ///     h.apply(commands::run(["createdb", "shop"], #{
    ///         unless: "psql -lqt | grep -qw shop",
    ///         undo: "dropdb shop",
    ///     }));
    ///     h.apply(commands::run("shopctl restart", #{
    ///         unless: "shopctl is-current",
    ///         undo_last: "shopctl restart",
    ///     }));
    ///     h.apply(commands::run("uptime", #{ changed_when: false }));
    ///     h.apply(commands::run("pg_dump shop | gzip >/var/backups/shop.sql.gz", #{
    ///         name: "dump the shop",
    ///         pipefail: true,
    ///     }));
    /// });
    /// ```
    commands::run(command: OneOrMany; Options) => Command::new
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// the name to show instead of the command
        name: Option<String>,
        /// if `true`, it may run twice: `ops resume` runs it again if nobody knows whether it ran
        #[serde(default)]
        repeatable: bool,
        /// a path: the command runs only if nothing exists there, and must create it
        creates: Option<HostPath>,
        /// a path: the command runs only if something exists there, and must remove it
        removes: Option<HostPath>,
        /// a guard command: the command runs only if the guard fails, and the guard must succeed afterwards
        unless: Option<OneOrMany>,
        /// a guard command: the command runs only if the guard succeeds
        only_if: Option<OneOrMany>,
        /// `true`, `false`, or a regular expression: the command counts as a change if a line of its output
        /// matches
        changed_when: Option<ChangedWhen>,
        /// the working directory of the command and its guards
        cwd: Option<HostPath>,
        /// environment variables for the command and its guards; they do not appear in process lists
        #[serde(default)]
        env: IndexMap<String, Scalar>,
        /// text to pass on standard input
        stdin: Option<String>,
        /// if `true`, a pipe fails if any of its commands fails, not only the last
        #[serde(default)]
        pipefail: bool,
        /// the exit codes that count as success; default `[0]`
        ok: Option<Vec<u8>>,
        /// how long it may take, such as `"5m"`
        timeout: Option<Span>,
        /// the paths that the command may write; if omitted, it may write anything, so later tasks are
        /// probed after it has run
        writes: Option<Vec<HostPath>>,
        /// the paths that its guards depend on; if omitted, they may depend on anything that an earlier
        /// task changes
        #[serde(default)]
        reads: Vec<HostPath>,
        /// the command that undoes its effects
        undo: Option<OneOrMany>,
        /// a command to run after everything else that the run did on the host has been undone
        undo_last: Option<OneOrMany>,
    }
}

/// A value with only one textual form.
#[derive(Debug, Deserialize)]
#[serde(from = "Plain")]
struct Scalar(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a string, an integer, true or false")]
enum Plain {
    Text(String),
    Int(i64),
    Bool(bool),
}

impl From<Plain> for Scalar {
    fn from(plain: Plain) -> Self {
        Self(match plain {
            Plain::Text(text) => text,
            Plain::Int(number) => number.to_string(),
            Plain::Bool(value) => value.to_string(),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "true, false or a regular expression")]
enum ChangedWhen {
    Always(bool),
    Matches(String),
}

/// A command with its guards.
pub(crate) struct Command {
    name: Option<String>,
    shown: String,
    script: String,
    unless: Option<String>,
    only_if: Option<String>,
    undo: Option<String>,
    undo_last: Option<String>,
    effect: Effect,
    ok: Vec<u8>,
    repeatable: bool,
    creates: Option<HostPath>,
    removes: Option<HostPath>,
    cwd: Option<HostPath>,
    timeout: Option<Span>,
    writes: Option<Vec<HostPath>>,
    reads: Vec<HostPath>,
    /// The program of a list, which must exist on the host.
    program: Option<Need>,
}

impl Command {
    fn new(command: OneOrMany, options: Options) -> Result<Self, ArgumentError> {
        let ok = options.ok.unwrap_or_else(|| vec![0]);
        if ok.is_empty() {
            return Err(ArgumentError::option(
                "ok",
                "must list at least one exit code",
            ));
        }
        // With its own `PATH` it may find another program, and a shell exits with 127 if it finds none.
        let is_usual = !options.env.contains_key("PATH") && !ok.contains(&127);
        let program = match &command {
            OneOrMany::Many(words) if is_usual => {
                words.first().and_then(|word| Need::program(word))
            }
            _ => None,
        };
        let place = Setting::new(options.cwd.as_ref(), &options.env, &ok)?;
        let shown = shown(&command);
        let mut text =
            script_text(&command).map_err(|message| ArgumentError::parameter(0, message))?;
        if options.pipefail {
            if matches!(command, OneOrMany::Many(_)) {
                let message = "a list runs without a shell, so it cannot contain a pipe";
                return Err(ArgumentError::option("pipefail", message));
            }
            text = pipefail(&text, &ok);
        }
        if let Some(name) = &options.name
            && (name.trim().is_empty() || name.contains(char::is_control))
        {
            return Err(ArgumentError::option(
                "name",
                "must be a single line of text",
            ));
        }
        let part = |key: &str, command: &Option<OneOrMany>| -> Result<_, ArgumentError> {
            let text = command.as_ref().map(script_text).transpose();
            let text = text.map_err(|message| ArgumentError::option(key, message))?;
            Ok(text.map(|text| place.script(&text, None)))
        };
        if options.stdin.as_deref().is_some_and(has_nul) {
            return Err(ArgumentError::option("stdin", "contains a NUL byte"));
        }
        Ok(Self {
            name: options.name,
            shown,
            script: place.script(&text, options.stdin.as_deref()),
            unless: part("unless", &options.unless)?,
            only_if: part("only_if", &options.only_if)?,
            undo: part("undo", &options.undo)?,
            undo_last: part("undo_last", &options.undo_last)?,
            effect: effect(options.changed_when)?,
            ok,
            repeatable: options.repeatable,
            creates: options.creates,
            removes: options.removes,
            cwd: options.cwd,
            timeout: options.timeout,
            writes: options.writes,
            reads: options.reads,
            program,
        })
    }

    /// Whether the guards let the command run. `Err`: this cannot be determined.
    fn is_wanted(&self, found: &Found) -> Result<bool, String> {
        if let Some(path) = &self.creates
            && found.path(path.as_str())?.own.is_some()
        {
            return Ok(false);
        }
        if let Some(path) = &self.removes
            && found.path(path.as_str())?.own.is_none()
        {
            return Ok(false);
        }
        if let Some(guard) = &self.unless
            && found.command(&self.guard(guard))?.code == 0
        {
            return Ok(false);
        }
        match &self.only_if {
            Some(guard) => Ok(found.command(&self.guard(guard))?.code == 0),
            None => Ok(true),
        }
    }

    /// A guard as a query. Its answer depends on the paths in `reads`.
    fn guard(&self, guard: &str) -> Query {
        let script = guard.to_owned();
        if self.reads.is_empty() {
            return Query::Shell(script);
        }
        Query::Probe {
            script,
            reads: self.reads.iter().map(path).collect(),
        }
    }

    /// Whether a guard must give another result after the command, which proves that the command worked.
    const fn has_proof(&self) -> bool {
        self.creates.is_some() || self.removes.is_some() || self.unless.is_some()
    }

    fn change(&self) -> Change {
        let diff = vec![Diff::Note {
            text: format!("runs {}", self.shown),
        }];
        Change {
            undo: self
                .undo
                .clone()
                .or_else(|| nothing(self.undo_last.as_ref())),
            undo_last: self.undo_last.clone(),
            provable: matches!(self.effect, Effect::Changes) && self.has_proof(),
            undoes: Undoes::Change,
            command: true,
            bare: true,
            repeatable: self.repeatable,
            shown: Some(self.shown.clone()),
            timeout: self.timeout.map(|span| span.0),
            ok: self.ok.clone(),
            effect: self.effect.clone(),
            ..Change::new(diff, self.script.clone(), "")
        }
    }
}

impl Task for Command {
    fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("commands::run {name}"),
            None => format!("commands::run {}", one_line(&self.shown)),
        }
    }

    fn sent(&self) -> Option<&str> {
        Some(&self.script)
    }

    fn queries(&self) -> Vec<Query> {
        let paths = self.creates.iter().chain(&self.removes);
        let paths = paths.map(|path| Query::Path(path.to_string()));
        let guards = self.unless.iter().chain(&self.only_if);
        paths.chain(guards.map(|guard| self.guard(guard))).collect()
    }

    fn touches(&self) -> Touches {
        let writes = match &self.writes {
            _ if matches!(self.effect, Effect::Nothing) => Vec::new(),
            // The path that it creates or removes has to be queried again, and so has its guard.
            Some(paths)
                if !(paths.is_empty() && self.unless.is_some() && self.reads.is_empty()) =>
            {
                let guarded = self.reads.iter().filter(|_| self.unless.is_some());
                let own = self.creates.iter().chain(&self.removes);
                paths.iter().chain(own).chain(guarded).map(path).collect()
            }
            _ => vec![Resource::Any],
        };
        Touches {
            reads: Vec::new(),
            writes,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let cwd = self.cwd.iter().map(ToString::to_string);
        let cwd = cwd.map(Need::Directory);
        cwd.chain(self.program.clone()).collect()
    }

    fn plan(&self, found: &Found) -> Plan {
        match self.is_wanted(found) {
            Err(reason) => Plan::Unknown(reason),
            Ok(false) => Plan::Unchanged,
            Ok(true) => Plan::Change(Box::new(self.change())),
        }
    }
}

fn path(path: &HostPath) -> Resource {
    Resource::Path(path.to_string())
}

/// The ordinary undo of a command that has only `undo_last`: it does nothing, but marks the command as
/// undoable.
fn nothing(undo_last: Option<&String>) -> Option<String> {
    undo_last.map(|_| ":".to_owned())
}

fn effect(changed_when: Option<ChangedWhen>) -> Result<Effect, ArgumentError> {
    match changed_when {
        None | Some(ChangedWhen::Always(true)) => Ok(Effect::Changes),
        Some(ChangedWhen::Always(false)) => Ok(Effect::Nothing),
        Some(ChangedWhen::Matches(pattern)) => {
            let regex: Regex = RegexBuilder::new(&pattern)
                .multi_line(true)
                .build()
                .map_err(|error| ArgumentError::option("changed_when", error.to_string()))?;
            let judge = move |ran: &Ran| Ok(regex.is_match(&ran.stdout));
            Ok(Effect::Judged(Arc::new(judge)))
        }
    }
}

/// The working directory and environment of commands.
struct Setting(String);

impl Setting {
    fn new(
        cwd: Option<&HostPath>,
        env: &IndexMap<String, Scalar>,
        ok: &[u8],
    ) -> Result<Self, ArgumentError> {
        let mut text = String::new();
        for (name, Scalar(value)) in env {
            let key = || format!("env.{name}");
            if !is_variable(name) {
                return Err(ArgumentError::option(key(), "is not a valid variable name"));
            }
            if has_nul(value) {
                return Err(ArgumentError::option(key(), "contains a NUL byte"));
            }
            text.push_str(&format!("export {name}={}\n", quote(value)));
        }
        if let Some(cwd) = cwd {
            // An exit code that does not count as success.
            let code = (1..=125).rev().find(|code| !ok.contains(code)).unwrap_or(1);
            let message = quote(&format!("ops: there is no directory {cwd}"));
            text.push_str(&format!(
                "[ -d {0} ] || {{ echo {message} >&2; exit {code}; }}\ncd {0} || exit {code}\n",
                cwd.quoted()
            ));
        }
        Ok(Self(text))
    }

    fn script(&self, text: &str, stdin: Option<&str>) -> String {
        let before = &self.0;
        match stdin {
            None => format!("{before}{text}"),
            // A command need not read all of its input.
            Some(stdin) => format!(
                "{before}printf %s {} 2>/dev/null | eval {}",
                quote(stdin),
                quote(text)
            ),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text for the host's shell.
fn script_text(command: &OneOrMany) -> Result<String, String> {
    let is_bad = match command {
        OneOrMany::One(text) => has_nul(text),
        OneOrMany::Many(words) => words.iter().any(|word| has_nul(word)),
    };
    if is_bad {
        return Err("a command contains a NUL byte".to_owned());
    }
    match command {
        OneOrMany::One(text) if text.trim().is_empty() => Err("the command is empty".to_owned()),
        OneOrMany::One(text) => Ok(text.clone()),
        OneOrMany::Many(words) => match words.first().map(String::as_str) {
            None | Some("") => Err("the list is empty: it must name a program".to_owned()),
            Some(program) if program.starts_with('-') => {
                Err(format!("{program:?} is not a valid program name"))
            }
            Some(_) => Ok(format!("exec {}", shown(command))),
        },
    }
}

/// As the user would type it.
fn shown(command: &OneOrMany) -> String {
    match command {
        OneOrMany::One(text) => text.clone(),
        OneOrMany::Many(words) => words
            .iter()
            .map(|word| quote(word))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// A command on one line. The run shortens it later, after it has removed secrets.
fn one_line(command: &str) -> String {
    let command = command.trim();
    let first = command.lines().next().unwrap_or_default();
    if first.len() < command.len() {
        format!("{first} ...")
    } else {
        first.to_owned()
    }
}
