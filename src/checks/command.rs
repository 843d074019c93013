//! `command`: a command of the user's that tells by its exit code, as monitoring plugins do.

use regex::Regex;
use serde::Deserialize;

use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind};
use crate::checks::verdict::{State, Verdict};
use crate::declare::{ArgumentError, options};
use crate::shell::has_nul;

kind! {
    /// Whether a command ends well. It is one that only reads: it runs in check mode too.
    ///
    /// Any other code is critical; 126 and 127, which a shell gives where there is no such command, are an
    /// error.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| h.check(command("pg_isready -q", #{ name: "PostgreSQL answers" })));
    /// each(hosts("all"), |h| h.check(command("/usr/lib/nagios/plugins/check_ntp_time -H ntp", #{ warning: 1 })));
    /// ```
    command(command: String; Options) => Command::new
}

options! {
    pub struct Options {
        /// the exit code that passes, or a list of them: `0`
        ok: Option<Codes>,
        /// the exit code that is a warning, or a list of them; for plugins of Nagios: `1`
        warning: Option<Codes>,
        /// a text that must be in what it prints
        stdout: Option<String>,
        /// an expression that what it prints must match
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

pub struct Command {
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
            return Err(ArgumentError::parameter(0, "it holds a NUL byte"));
        }
        let ok = options.ok.map_or_else(|| vec![0], Codes::list);
        let warning = options.warning.map_or_else(Vec::new, Codes::list);
        if let Some(both) = ok.iter().find(|code| warning.contains(code)) {
            let message = format!("{both} is among the codes that pass");
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
                // POSIX: found and not executable, not found.
                126 | 127 => State::Error,
                _ => State::Critical,
            };
            return Verdict::new(state, with_words(&format!("exit code {code}"), &said));
        }
        if let Some(text) = &self.stdout
            && !printed.contains(text)
        {
            let message = format!("{text:?} is not in what it prints");
            return Verdict::critical(with_words(&message, &said));
        }
        if let Some(regex) = &self.regex
            // The end of a line is none of the text.
            && !regex.is_match(printed.trim_end_matches(['\n', '\r']))
        {
            let message = format!("what it prints does not match `{regex}`");
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
    fn the_code_decides_and_then_what_is_printed() {
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
                "\"ready\" is not in what it prints",
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
                "what it prints does not match `^v[0-9]+$`: \"12\"",
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
