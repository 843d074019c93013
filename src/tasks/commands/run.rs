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
    /// Runs a command, if its guards let it.
    ///
    /// A text is run by the host's `sh`. A list is a program and its arguments: no shell looks at them.
    /// The command gets a session of its own, nothing on its standard input, and its output is shown.
    ///
    /// A command without a guard is run every time and counts as a change; say `changed_when: false` of one
    /// that only looks. In check mode it is not run: its outcome is *unknown*, for nothing tells. One with
    /// a guard would change the host, or would not. Guards run in check mode too, so they may only look. In
    /// a `cwd` that is not there a guard fails.
    ///
    /// `pg_dump shop | gzip >dump.gz` succeeds when `pg_dump` fails: a shell looks at the last command of a
    /// pipe alone. `pipefail: true` is for such a command, not for its guards and undos. It takes the
    /// host's `sh` where that knows `set -o pipefail`, else bash; a host with neither refuses.
    ///
    /// Without `undo` or `undo_last` the command cannot be undone. A restart or a reload wants `undo_last`:
    /// it reads what has been put back.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(commands::run("make install", #{ cwd: "/usr/src/shop", creates: "/usr/local/bin/shop" }));
    ///     h.apply(commands::run(["createdb", "shop"], #{ unless: "psql -lqt | grep -qw shop", undo: "dropdb shop" }));
    ///     h.apply(commands::run("shopctl restart", #{ unless: "shopctl is-current", undo_last: "shopctl restart" }));
    ///     h.apply(commands::run("uptime", #{ changed_when: false }));
    ///     h.apply(commands::run("pg_dump shop | gzip >/var/backups/shop.sql.gz", #{ name: "dump the shop", pipefail: true }));
    /// });
    /// ```
    commands::run(command: OneOrMany; Options) => Command::new
}

options! {
    #[derive(Debug)]
    pub struct Options {
        /// what the user reads in place of the command
        name: Option<String>,
        /// a path: the command is run only if nothing is there, and has to bring it
        creates: Option<HostPath>,
        /// a path: the command is run only if something is there, and has to take it away
        removes: Option<HostPath>,
        /// a command: the other one is run only if this one fails, and this one has to succeed afterwards
        unless: Option<OneOrMany>,
        /// a command: the other one is run only if this one succeeds
        only_if: Option<OneOrMany>,
        /// `true`, `false`, or a regular expression: it changed something if a line that it prints matches
        changed_when: Option<ChangedWhen>,
        /// the directory that it runs in, the guards too
        cwd: Option<HostPath>,
        /// variables for it and the guards; they stand in no list of processes
        #[serde(default)]
        env: IndexMap<String, Scalar>,
        /// what it reads
        stdin: Option<String>,
        /// with `true`, a pipe fails when any of its commands does, not only the last
        #[serde(default)]
        pipefail: bool,
        /// the exit codes that are a success, `[0]` if it is not given
        ok: Option<Vec<u8>>,
        /// how long it may take, `"5m"`
        timeout: Option<Span>,
        /// the paths that it may write; without it, it may write anything, and what follows is looked at
        /// after it has run
        writes: Option<Vec<HostPath>>,
        /// the paths that its guards depend on; without it, they may depend on anything that an earlier
        /// task changes
        #[serde(default)]
        reads: Vec<HostPath>,
        /// the command that takes back what it did
        undo: Option<OneOrMany>,
        /// a command that runs when all else that the run did on the host has been undone
        undo_last: Option<OneOrMany>,
    }
}

/// A value that has one way to be written as text.
#[derive(Debug, Deserialize)]
#[serde(from = "Plain")]
struct Scalar(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a whole number, true or false")]
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
pub struct Command {
    name: Option<String>,
    shown: String,
    script: String,
    unless: Option<String>,
    only_if: Option<String>,
    undo: Option<String>,
    undo_last: Option<String>,
    effect: Effect,
    ok: Vec<u8>,
    creates: Option<HostPath>,
    removes: Option<HostPath>,
    cwd: Option<HostPath>,
    timeout: Option<Span>,
    writes: Option<Vec<HostPath>>,
    reads: Vec<HostPath>,
    /// The program of a list, which must be there.
    program: Option<Need>,
}

impl Command {
    fn new(command: OneOrMany, options: Options) -> Result<Self, ArgumentError> {
        let ok = options.ok.unwrap_or_else(|| vec![0]);
        if ok.is_empty() {
            return Err(ArgumentError::option("ok", "no exit code is a success"));
        }
        // With a `PATH` of its own it may find another program, and a shell exits with 127 if it finds none.
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
                let message = "a list runs without a shell, so it has no pipe";
                return Err(ArgumentError::option("pipefail", message));
            }
            text = pipefail(&text, &ok);
        }
        if let Some(name) = &options.name
            && (name.trim().is_empty() || name.contains(char::is_control))
        {
            return Err(ArgumentError::option("name", "is not one line of text"));
        }
        let part = |key: &str, command: &Option<OneOrMany>| -> Result<_, ArgumentError> {
            let text = command.as_ref().map(script_text).transpose();
            let text = text.map_err(|message| ArgumentError::option(key, message))?;
            Ok(text.map(|text| place.script(&text, None)))
        };
        if options.stdin.as_deref().is_some_and(has_nul) {
            return Err(ArgumentError::option("stdin", "holds a NUL byte"));
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
            creates: options.creates,
            removes: options.removes,
            cwd: options.cwd,
            timeout: options.timeout,
            writes: options.writes,
            reads: options.reads,
            program,
        })
    }

    /// Whether the guards let it run. `Err`: nothing tells.
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

    /// A guard as a question. What its answer depends on is what `reads` says.
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

    /// Whether it has to come out differently after the command: what the command does has to show there.
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

    fn queries(&self) -> Vec<Query> {
        let paths = self.creates.iter().chain(&self.removes);
        let paths = paths.map(|path| Query::Path(path.to_string()));
        let guards = self.unless.iter().chain(&self.only_if);
        paths.chain(guards.map(|guard| self.guard(guard))).collect()
    }

    fn touches(&self) -> Touches {
        let writes = match &self.writes {
            _ if matches!(self.effect, Effect::Nothing) => Vec::new(),
            // What it brings or takes has to be looked at again, and so has its guard.
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

/// What is undone last alone has nothing to do in its turn, and can be undone.
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

/// The directory and the variables that commands run with.
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
                return Err(ArgumentError::option(
                    key(),
                    "is not the name of a variable",
                ));
            }
            if has_nul(value) {
                return Err(ArgumentError::option(key(), "holds a NUL byte"));
            }
            text.push_str(&format!("export {name}={}\n", quote(value)));
        }
        if let Some(cwd) = cwd {
            // A code that cannot be taken for a success.
            let code = (1..=125).rev().find(|code| !ok.contains(code)).unwrap_or(1);
            let told = quote(&format!("ops: there is no directory {cwd}"));
            text.push_str(&format!(
                "[ -d {0} ] || {{ echo {told} >&2; exit {code}; }}\ncd {0} || exit {code}\n",
                cwd.quoted()
            ));
        }
        Ok(Self(text))
    }

    fn script(&self, text: &str, stdin: Option<&str>) -> String {
        let before = &self.0;
        match stdin {
            None => format!("{before}{text}"),
            // A command need not read all of it.
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
        return Err("a command holds a NUL byte".to_owned());
    }
    match command {
        OneOrMany::One(text) if text.trim().is_empty() => Err("the command is empty".to_owned()),
        OneOrMany::One(text) => Ok(text.clone()),
        OneOrMany::Many(words) => match words.first().map(String::as_str) {
            None | Some("") => Err("the list names no program".to_owned()),
            Some(program) if program.starts_with('-') => {
                Err(format!("{program:?} is not the name of a program"))
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

/// A command in one line. Whoever runs it shortens that, when secrets are out of it.
fn one_line(command: &str) -> String {
    let command = command.trim();
    let first = command.lines().next().unwrap_or_default();
    if first.len() < command.len() {
        format!("{first} ...")
    } else {
        first.to_owned()
    }
}
