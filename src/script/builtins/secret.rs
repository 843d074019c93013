//! `secret(...)`: a string that no sink shows.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

use super::declare;
use crate::model::{Failure, FailureKind, as_text};
use crate::script::error::throw;
use crate::script::frame::Frame;
use crate::script::local;
use crate::script::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

const SECRET: &str = "\
A secret, as an ordinary string. From then on it is scrubbed from everything that ops prints or keeps: output, diffs, errors, events and the
journal, in its base64, URL, JSON and shell-quoted forms too. One with fewer than six bytes cannot be scrubbed safely and is refused.

One option says where it comes from: `env`, an environment variable; `file`, a path on the machine that ops runs on; `command`, a text for its `sh` or a
list of words, whose output it is; `prompt`, a question to the operator; `value`, a string that is at hand. A newline at the end is not part of it.

```rhai
let password = secret(#{ env: \"DB_PASSWORD\" });
```";

pub(super) fn register(engine: &mut Engine) {
    declare("secret", &["source: Map", "String"], SECRET)
        .register_into_engine(engine, |context: NativeCallContext, source: Map| {
            secret(&context, source)
        });
}

fn secret(context: &NativeCallContext<'_>, source: Map) -> Result<ImmutableString> {
    let frame = Frame::of(context)?;
    if source.len() != 1 {
        return Err(failed(
            context,
            "`secret` takes one option that says where it comes from".to_owned(),
        ));
    }
    let name = source
        .iter()
        .next()
        .map(|(key, value)| format!("{key} {value}"))
        .unwrap_or_default();
    let mut options = Options::new("secret", source, context)?;
    let value = if let Some(value) = options.text("value")? {
        value
    } else {
        let read = read(&frame, &mut options)?;
        read.map_err(|message| failed(context, message))?
    };
    let value = value
        .strip_suffix('\n')
        .map_or(value.as_str(), |v| v.strip_suffix('\r').unwrap_or(v));
    let name = if name.starts_with("value ") {
        "value".to_owned()
    } else {
        name
    };
    frame
        .run()
        .secrets
        .add(value, &name)
        .map_err(|error| failed(context, error.to_string()))?;
    Ok(value.into())
}

fn failed(context: &NativeCallContext<'_>, message: String) -> Box<EvalAltResult> {
    throw(Failure::new(FailureKind::Failed, message), context)
}

fn read(frame: &Frame, options: &mut Options<'_>) -> Result<std::result::Result<String, String>> {
    if let Some(name) = options.text("env")? {
        return Ok(std::env::var(&name)
            .map_err(|error| format!("the environment variable `{name}`: {error}")));
    }
    if let Some(path) = options.text("file")? {
        // The byte itself would reveal a part of the secret: report only its position.
        let read = local::read_bounded(Path::new(&path)).and_then(|bytes| {
            let read = as_text(&bytes).map(str::to_owned);
            read.map_err(|wrong| {
                let (line, column) = (wrong.line, wrong.column);
                format!("it is not UTF-8 (line {line}, byte {column})")
            })
        });
        return Ok(read.map_err(|error| format!("failed to read the secret in {path}: {error}")));
    }
    if let Some(line) = options.take("command") {
        return Ok(output(line));
    }
    if let Some(question) = options.text("prompt")? {
        if !std::io::stdin().is_terminal() {
            return Ok(Err(
                "there is no terminal to ask for the secret at".to_owned()
            ));
        }
        let ask = || dialoguer::Password::new().with_prompt(question).interact();
        return Ok(frame
            .run()
            .bus
            .paused(ask)
            .map_err(|error| format!("failed to ask for the secret: {error}")));
    }
    Ok(Err("its source is empty".to_owned()))
}

/// What a command on this machine prints.
fn output(line: Dynamic) -> std::result::Result<String, String> {
    let words: Vec<String> = if line.is_array() {
        line.cast::<Array>()
            .iter()
            .map(ToString::to_string)
            .collect()
    } else {
        vec!["sh".to_owned(), "-c".to_owned(), line.to_string()]
    };
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("failed to run `{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program}` gave no secret: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("what `{program}` printed is not UTF-8"))
}
