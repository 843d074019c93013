//! `secret(...)`: a string that no output shows.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

use rhai::{Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

use super::declare;
use crate::declare::{OneOrMany, function, options};
use crate::model::{Failure, FailureKind, as_text};
use crate::script::error::{position, throw};
use crate::script::frame::Frame;
use crate::script::local;
use crate::script::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    struct Source {
        /// an environment variable
        env: Option<String>,
        /// the path of a file on the controller
        file: Option<String>,
        /// a command whose output is the secret: a string for the controller's `sh`, or a list of words
        command: Option<OneOrMany>,
        /// a question to ask the operator
        prompt: Option<String>,
        /// a string
        value: Option<String>,
    }
}

function! {
    /// Returns a secret as an ordinary string. From then on, it is removed from everything that ops prints
    /// or stores: output, diffs, errors, events and the journal, including its base64, URL, JSON and
    /// shell-quoted forms. A secret with fewer than six bytes cannot be removed reliably and is refused.
    ///
    /// Exactly one option gives its source. A newline at the end of the secret is dropped.
    ///
    /// ```rhai
    /// let password = secret(#{ env: "DB_PASSWORD" });
    /// ```
    pub(crate) SECRET = secret(Source) {
        (source: Map) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&SECRET, 0).register_into_engine(engine, |context: NativeCallContext, source: Map| {
        secret(&context, source)
    });
}

fn secret(context: &NativeCallContext<'_>, source: Map) -> Result<ImmutableString> {
    let frame = Frame::of(context)?;
    if source.len() != 1 {
        return Err(failed(
            context,
            "`secret` takes exactly one option, the source of the secret".to_owned(),
        ));
    }
    let name = source
        .iter()
        .next()
        .map(|(key, value)| format!("{key} {value}"))
        .unwrap_or_default();
    let options = Options::<Source>::read(&SECRET, source, context)?;
    let value = read(&frame, &options).map_err(|message| failed(context, message))?;
    let value = value
        .strip_suffix('\n')
        .map_or(value.as_str(), |v| v.strip_suffix('\r').unwrap_or(v));
    let secrets = &frame.run().secrets;
    // The name by which records of the run refer to it: the same in every attempt.
    let added = if options.value.is_none() {
        secrets.add(value, &name)
    } else {
        let place = position(context).map_or_else(String::new, |at| format!(" at {at}"));
        let name = format!("value{place}");
        match frame.host() {
            Some(host) => secrets.add_for(host.name(), value, &name),
            None => secrets.add(value, &name),
        }
    };
    added.map_err(|error| failed(context, error.to_string()))?;
    Ok(value.into())
}

fn failed(context: &NativeCallContext<'_>, message: String) -> Box<EvalAltResult> {
    throw(Failure::new(FailureKind::Failed, message), context)
}

fn read(frame: &Frame, source: &Source) -> std::result::Result<String, String> {
    if let Some(value) = &source.value {
        return Ok(value.clone());
    }
    if let Some(name) = &source.env {
        return std::env::var(name)
            .map_err(|error| format!("the environment variable `{name}`: {error}"));
    }
    if let Some(path) = &source.file {
        // The byte itself would reveal part of the secret: report only its position.
        let read = local::read_bounded(Path::new(path)).and_then(|bytes| {
            let read = as_text(&bytes).map(str::to_owned);
            read.map_err(|wrong| {
                let (line, column) = (wrong.line, wrong.column);
                format!("it is not UTF-8 (line {line}, byte {column})")
            })
        });
        return read.map_err(|error| format!("failed to read the secret in {path}: {error}"));
    }
    if let Some(command) = &source.command {
        return output(command);
    }
    let Some(question) = &source.prompt else {
        return Err("the source of the secret is empty".to_owned());
    };
    if !std::io::stdin().is_terminal() {
        return Err("cannot ask for the secret: standard input is not a terminal".to_owned());
    }
    let ask = || dialoguer::Password::new().with_prompt(question).interact();
    let answer = frame.run().bus.paused(ask);
    answer.map_err(|error| format!("failed to ask for the secret: {error}"))
}

fn output(command: &OneOrMany) -> std::result::Result<String, String> {
    let words = match command {
        OneOrMany::Many(words) => words.clone(),
        OneOrMany::One(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
    };
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("failed to run `{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "`{program}` failed to print the secret: {}",
            output.status
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("the output of `{program}` is not UTF-8"))
}
