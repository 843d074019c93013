//! `process`: the number of processes with a name.

use regex::Regex;

use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};

kind! {
    /// Checks how many processes with a name are running.
    ///
    /// The name is the kernel's, as shown by `ps -e`. The kernel keeps only the first 15 bytes of a name,
    /// so only these are compared. The shell that checks and the processes that it starts are never
    /// counted, and neither are zombies.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(process("nginx", #{ min: 2 })));
    /// each(hosts("app"), |h| h.check(process("java", #{ command: "-jar /srv/shop/shop\\.jar", max: 1 })));
    /// ```
    process(name: String; Options) => Process::new
}

options! {
    pub(crate) struct Options {
        /// the minimum number; default `1`, or `0` if `max` is `0`
        min: Option<usize>,
        /// the maximum number
        max: Option<usize>,
        /// a regular expression: only processes whose command line matches are counted
        command: Option<String>,
    }
}

pub(crate) struct Process {
    name: String,
    min: usize,
    max: Option<usize>,
    command: Option<Regex>,
}

/// The number of bytes that the kernel keeps of a name: `TASK_COMM_LEN` without the NUL. See proc(5),
/// `/proc/pid/comm`.
const KEPT: usize = 15;

impl Process {
    fn new(name: String, options: Options) -> Result<Self, ArgumentError> {
        if name.is_empty() || name.contains(['\0', '\n', '/']) {
            let message = format!("`name`: {name:?} is not a valid process name");
            let hint = "Give the name only, and match the rest of the command line with `command`.";
            return Err(ArgumentError::parameter(0, message).hint(hint));
        }
        let min = options.min.unwrap_or(usize::from(options.max != Some(0)));
        if options.max.is_some_and(|max| max < min) {
            let message = format!("must not be less than `min`, which is {min}");
            return Err(ArgumentError::option("max", message));
        }
        let command = options.command.as_deref().map(Regex::new).transpose();
        Ok(Self {
            name,
            min,
            max: options.max,
            command: command
                .map_err(|error| ArgumentError::option("command", error.to_string()))?,
        })
    }
}

/// Separates the parts of the answer.
const MARK: &str = "ops-command-lines";

impl Observe for Process {
    fn label(&self) -> String {
        match &self.command {
            Some(command) => format!("process {} {command}", self.name),
            None => format!("process {}", self.name),
        }
    }

    /// One process reads the tables of all processes, and a second one their command lines, each after a
    /// line with its path. `$$` is the shell of the session.
    fn script(&self) -> String {
        let mut script =
            "[ -r /proc/self/stat ] || exit 9\necho $$\ncat /proc/[0-9]*/stat 2>/dev/null\n"
                .to_owned();
        if self.command.is_some() {
            script.push_str(&format!(
                "echo {MARK}\nhead -v -c 4096 /proc/[0-9]*/cmdline 2>/dev/null\n"
            ));
        }
        // It is not an error if a process ends in the meantime.
        script.push_str("exit 0");
        script
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        if answer.code == 9 {
            return Verdict::error("this machine has no /proc");
        }
        let text = answer.text();
        let (tables, lines) = text
            .split_once(&format!("\n{MARK}\n"))
            .unwrap_or((&text, ""));
        let Some((own, tables)) = tables
            .split_once('\n')
            .and_then(|(own, rest)| Some((own.trim().parse::<u32>().ok()?, rest)))
        else {
            return Verdict::error(format!("cannot read the processes: {}", answer.said()));
        };
        let all: Vec<Entry<'_>> = tables.lines().filter_map(Entry::read).collect();
        let wanted: String = kept(&self.name);
        let count = all
            .iter()
            .filter(|entry| entry.name == wanted && !is_own(entry, own, &all))
            .filter(|entry| {
                self.command
                    .as_ref()
                    .is_none_or(|command| command.is_match(&command_line(lines, entry.id)))
            })
            .count();
        let noun = if count == 1 { "process" } else { "processes" };
        let seen = if count == 0 {
            "no such process".to_owned()
        } else {
            format!("{count} {noun}")
        };
        if count < self.min {
            Verdict::critical(match self.min {
                1 => seen,
                min => format!("{seen}, expected at least {min}"),
            })
        } else if let Some(max) = self.max.filter(|max| count > *max) {
            Verdict::critical(format!("{seen}, expected at most {max}"))
        } else {
            Verdict::passing(seen)
        }
    }
}

/// A line of `/proc/PID/stat`.
struct Entry<'a> {
    id: u32,
    name: &'a str,
    parent: u32,
}

impl<'a> Entry<'a> {
    /// `None` for a process that has ended, too.
    fn read(line: &'a str) -> Option<Self> {
        let (id, rest) = line.split_once(" (")?;
        // A name may contain a parenthesis.
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?;
        (!matches!(state, "Z" | "X")).then_some(Self {
            id: id.parse().ok()?,
            name,
            parent: fields.next()?.parse().ok()?,
        })
    }
}

/// As much of a name as the kernel keeps, which may end within a character.
fn kept(name: &str) -> String {
    let bytes = name.as_bytes();
    String::from_utf8_lossy(bytes.get(..KEPT).unwrap_or(bytes)).into_owned()
}

/// Whether it is the shell that runs the check, or a descendant of it.
fn is_own(entry: &Entry<'_>, own: u32, all: &[Entry<'_>]) -> bool {
    let (mut id, mut parent) = (entry.id, entry.parent);
    // No chain is longer than the number of processes, even if the tables are inconsistent.
    for _ in 0..=all.len() {
        if id == own {
            return true;
        }
        match all.iter().find(|one| one.id == parent) {
            Some(next) => (id, parent) = (next.id, next.parent),
            None => return parent == own,
        }
    }
    false
}

/// The command line of a process, with its words separated by spaces, from the output of `head -v`.
fn command_line(lines: &str, id: u32) -> String {
    let begin = format!("==> /proc/{id}/cmdline <==\n");
    let Some((_, rest)) = lines.split_once(&begin) else {
        return String::new();
    };
    let line = rest.split("\n==> /proc/").next().unwrap_or_default();
    line.trim_end_matches(['\0', '\n']).replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sample::sample;
    use crate::checks::verdict::State;
    use crate::declare::Value;

    const TABLES: &str = "\
100
1 (systemd) S 0 1
100 (sh) S 90 100
101 (sh) S 100 100
102 (cat) R 101 100
90 (sshd) S 1 90
200 (sh) S 1 200
201 (a b) (c) S 1 201
202 (averylongprocess) S 1 200
203 (nginx) S 1 203
204 (nginx) S 203 203
205 (nginx) Z 203 203
ops-command-lines
==> /proc/203/cmdline <==
nginx: master\0-g\0daemon off;\0
==> /proc/204/cmdline <==
nginx: worker\0";

    fn verdict(name: &str, options: &[(&str, Value)]) -> (State, String) {
        let verdict = sample(&KIND, vec![name.into()], options).verdict(&Answer {
            stdout: TABLES.replace("averylongprocess", "averylongproces").into(),
            ..Answer::default()
        });
        (verdict.state, verdict.message)
    }

    #[test]
    fn does_not_count_itself() {
        let passing = |text: &str| (State::Passing, text.to_owned());
        let critical = |text: &str| (State::Critical, text.to_owned());
        let n = |key, n| (key, Value::Int(n));
        assert_eq!(verdict("sh", &[]), passing("1 process"));
        assert_eq!(verdict("cat", &[]), critical("no such process"));
        assert_eq!(verdict("cat", &[n("max", 0)]), passing("no such process"));
        assert_eq!(verdict("a b) (c", &[]), passing("1 process"));
        assert_eq!(verdict("averylongprocess-x", &[]), passing("1 process"));
        assert_eq!(verdict("ngin", &[]), critical("no such process"));
        assert_eq!(verdict("nginx", &[n("min", 2)]), passing("2 processes"));
        assert_eq!(
            verdict("nginx", &[n("min", 3)]),
            critical("2 processes, expected at least 3")
        );
        assert_eq!(
            verdict("nginx", &[n("max", 1)]),
            critical("2 processes, expected at most 1")
        );
        assert_eq!(
            verdict("nginx", &[("command", "-g daemon off;$".into())]),
            passing("1 process")
        );
        assert_eq!(
            verdict("nginx", &[("command", "worker".into()), n("max", 1)]),
            passing("1 process")
        );
    }
}
