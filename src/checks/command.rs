//! `command`: a command of the user whose exit code is the result, like a monitoring plugin.

use regex::Regex;
use serde::Deserialize;

use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind};
use crate::checks::verdict::{State, Verdict};
use crate::declare::{ArgumentError, options};
use crate::shell::has_nul;

kind! {
    /// Checks the exit code of a command, and optionally its output. The command must be read-only: it runs
    /// in check mode too.
    ///
    /// An exit code that is not listed is critical, except 126 and 127: a shell returns them if it cannot
    /// run the command, and the state is then an error.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| h.check(command("pg_isready -q", #{ name: "PostgreSQL answers" })));
    /// let clock = command("/usr/lib/nagios/plugins/check_ntp_time -H ntp", #{ warning: 1 });
    /// each(hosts("all"), |h| h.check(clock));
    /// ```
    command(command: String; Options) => Command::new
}

options! {
    pub(crate) struct Options {
        /// the exit code that passes, or a list of them; default `0`
        ok: Option<Codes>,
        /// the exit code that is a warning, or a list of them; for Nagios plugins, `1`
        warning: Option<Codes>,
        /// a string that the output must contain
        stdout: Option<String>,
        /// a regular expression that the output must match
        regex: Option<String>,
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an exit code from 0 to 255, or a list of them")]
enum Codes {
    One(u8),
    Many(Vec<u8>),
}

impl Codes {
    fn list(self) -> Vec<i32> {
        match self {
            Self::One(code) => vec![code.into()],
            Self::Many(codes) => codes.into_iter().map(Into::into).collect(),
        }
    }
}

pub(crate) struct Command {
    script: String,
    ok: Vec<i32>,
    warning: Vec<i32>,
    stdout: Option<String>,
    regex: Option<Regex>,
}

impl Command {
    fn new(command: String, options: Options) -> Result<Self, ArgumentError> {
        if command.trim().is_empty() {
            return Err(ArgumentError::parameter(0, "the command is empty"));
        }
        if has_nul(&command) {
            return Err(ArgumentError::parameter(0, "contains a NUL byte"));
        }
        let ok = options.ok.map_or_else(|| vec![0], Codes::list);
        let warning = options.warning.map_or_else(Vec::new, Codes::list);
        if let Some(both) = ok.iter().find(|code| warning.contains(code)) {
            let message = format!("{both} is also listed in `ok`");
            return Err(ArgumentError::option("warning", message));
        }
        let regex = options.regex.as_deref().map(Regex::new).transpose();
        Ok(Self {
            script: command,
            ok,
            warning,
            stdout: options.stdout,
            regex: regex.map_err(|error| ArgumentError::option("regex", error.to_string()))?,
        })
    }
}

impl Observe for Command {
    fn label(&self) -> String {
        format!("command {}", self.script)
    }

    fn script(&self) -> String {
        self.script.clone()
    }

    fn runs_as(&self) -> StepKind {
        StepKind::Command
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let code = answer.code;
        let printed = answer.text();
        let said = answer.said();
        if !self.ok.contains(&code) {
            let state = match code {
                code if self.warning.contains(&code) => State::Warning,
                // POSIX: found but not executable, not found.
                126 | 127 => State::Error,
                _ => State::Critical,
            };
            return Verdict::new(state, with_words(&format!("exit code {code}"), &said));
        }
        if let Some(text) = &self.stdout
            && !printed.contains(text)
        {
            let message = format!("the output does not contain {text:?}");
            return Verdict::critical(with_words(&message, &said));
        }
        if let Some(regex) = &self.regex
            // The final line ending is not part of the text.
            && !regex.is_match(printed.trim_end_matches(['\n', '\r']))
        {
            let message = format!("the output does not match `{regex}`");
            return Verdict::critical(with_words(&message, &said));
        }
        Verdict::passing(with_words(&format!("exit code {code}"), &said))
    }
}

fn with_words(message: &str, said: &str) -> String {
    if said.is_empty() {
        message.to_owned()
    } else {
        format!("{message}: {said:?}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::declare::Value;

    fn check(options: &[(&str, Value)]) -> Arc<dyn Observe> {
        crate::checks::sample::sample(&KIND, vec!["probe".into()], options)
    }

    #[test]
    fn the_code_decides_before_the_output() {
        type Case<'a> = (&'a [(&'a str, Value)], i32, &'a str, State, &'a str);
        let cases: &[Case<'_>] = &[
            (&[], 0, "", State::Passing, "exit code 0"),
            (&[], 1, "no\n", State::Critical, "exit code 1: \"no\""),
            (&[], 127, "", State::Error, "exit code 127"),
            (
                &[("ok", Value::Int(127))],
                127,
                "",
                State::Passing,
                "exit code 127",
            ),
            (
                &[("warning", Value::Int(1))],
                1,
                "",
                State::Warning,
                "exit code 1",
            ),
            (
                &[("ok", Value::List(vec![Value::Int(0), Value::Int(3)]))],
                3,
                "",
                State::Passing,
                "exit code 3",
            ),
            (
                &[("ok", Value::Int(3))],
                0,
                "",
                State::Critical,
                "exit code 0",
            ),
            (
                &[("stdout", "ready".into())],
                0,
                "all ready",
                State::Passing,
                "exit code 0: \"all ready\"",
            ),
            (
                &[("stdout", "ready".into())],
                0,
                "",
                State::Critical,
                "the output does not contain \"ready\"",
            ),
            (
                &[("regex", "^v[0-9]+$".into())],
                0,
                "v12\n",
                State::Passing,
                "exit code 0: \"v12\"",
            ),
            (
                &[("regex", "^v[0-9]+$".into())],
                0,
                "12",
                State::Critical,
                "the output does not match `^v[0-9]+$`: \"12\"",
            ),
        ];
        for (options, code, stdout, state, message) in cases {
            let verdict = check(options).verdict(&Answer {
                code: *code,
                stdout: stdout.as_bytes().to_vec(),
                ..Answer::default()
            });
            assert_eq!(
                (verdict.state, verdict.message.as_str()),
                (*state, *message)
            );
        }
    }
}
