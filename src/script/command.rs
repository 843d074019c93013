//! Turns the arguments of `h.run` into a command for the host's `sh`.

use std::time::Duration;

use indexmap::IndexMap;
use rhai::{Array, Dynamic, EvalAltResult, NativeCallContext};
use serde::Deserialize;

use crate::run::command::Command;
use crate::shell::{has_nul, pipefail, quote_str};

use super::convert::described;
use super::error::{argument, position};
use super::options::Options;
use crate::declare::{Span, Value, options};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    /// The options of `h.run`.
    pub(crate) struct CallOptions {
        /// the exit codes that count as success, one or a list; default `0`
        ok: Option<Codes>,
        /// exit codes that count as success and mean that nothing was changed
        unchanged: Option<Codes>,
        /// with `true`, the command only reads, so it also runs in check mode
        reads: Option<bool>,
        /// the time limit, after which it is killed; default `"30s"`
        timeout: Option<Span>,
        /// its standard input: a string or a blob
        stdin: Option<Value>,
        /// environment variables: a map
        env: Option<IndexMap<String, Value>>,
        /// the directory to run it in
        cwd: Option<String>,
        /// with `true`, it fails if any command of a pipe fails, not only the last. Uses bash if the host's
        /// `sh` does not support that; a host with neither is an error
        pipefail: Option<bool>,
        /// with `true`, it may run twice: `ops resume` runs it again if nobody knows whether it ran
        repeatable: Option<bool>,
        /// a name to show to the user instead of the command
        name: Option<String>,
        /// with `true`, it is reported only if it fails: for a command that only reads and is sent repeatedly
        quiet: Option<bool>,
    }
}

/// An exit code, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a number from 0 to 255, or a list of them"
)]
enum Codes {
    One(u8),
    Many(Vec<u8>),
}

impl Codes {
    fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::One(code) => vec![*code],
            Self::Many(codes) => codes.clone(),
        }
    }
}

/// A call of `h.run`.
pub(crate) struct Call {
    script: String,
    shown: String,
    name: Option<String>,
    quiet: bool,
    ok: Vec<u8>,
    unchanged: Vec<u8>,
    timeout: Option<Duration>,
    stdin: Option<Vec<u8>>,
    reads: bool,
    repeatable: bool,
}

impl Call {
    pub(crate) fn parse(line: &Dynamic, options: &Options<'_, CallOptions>) -> Result<Self> {
        let shown = words(line).map_err(|message| options.wrong("command", &message))?;
        if has_nul(&shown) {
            return Err(options.wrong("command", "contains a NUL byte"));
        }
        let mut script = String::new();
        for (name, value) in options.env.iter().flatten() {
            if !is_variable(name) {
                return Err(options.wrong("env", &format!("invalid variable name: `{name}`")));
            }
            let value = value.to_text().ok_or_else(|| {
                options.wrong("env", &format!("the value of `{name}` is not a string"))
            })?;
            if has_nul(&value) {
                return Err(
                    options.wrong("env", &format!("the value of `{name}` contains a NUL byte"))
                );
            }
            script.push_str(&format!("export {name}={}\n", quote_str(&value)));
        }
        if let Some(directory) = &options.cwd {
            if has_nul(directory) {
                return Err(options.wrong("cwd", "contains a NUL byte"));
            }
            let told = quote_str(&format!("ops: there is no directory {directory}"));
            script.push_str(&format!(
                "[ -d {0} ] || {{ echo {told} >&2; exit 2; }}\ncd -- {0} || exit\n",
                quote_str(directory)
            ));
        }
        let reads = options.reads.unwrap_or(false);
        let quiet = options.quiet.unwrap_or(false);
        if quiet && !reads {
            return Err(options.wrong("quiet", "requires `reads: true`"));
        }
        let mut ok = options.ok.as_ref().map_or_else(|| vec![0], Codes::to_vec);
        let unchanged = options
            .unchanged
            .as_ref()
            .map_or_else(Vec::new, Codes::to_vec);
        ok.extend(&unchanged);
        if options.pipefail.unwrap_or(false) {
            if line.is_array() {
                return Err(options.wrong(
                    "pipefail",
                    "cannot be used with a list, which runs without a shell",
                ));
            }
            script.push_str(&pipefail(&shown, &ok));
        } else {
            script.push_str(&shown);
        }
        Ok(Self {
            script,
            shown,
            name: options.name.clone(),
            quiet,
            ok,
            unchanged,
            timeout: options.timeout.map(|span| span.0),
            stdin: stdin(options)?,
            reads,
            repeatable: options.repeatable.unwrap_or(false),
        })
    }

    #[must_use]
    pub(crate) fn command(self, context: &NativeCallContext<'_>) -> Command {
        Command {
            script: self.script,
            shown: self.shown,
            name: self.name,
            quiet: self.quiet,
            ok: self.ok,
            unchanged: self.unchanged,
            timeout: self.timeout,
            stdin: self.stdin,
            reads: self.reads,
            repeatable: self.repeatable,
            at: position(context),
        }
    }
}

/// The command as one line for `sh`: a string as it is, or a list of words quoted.
pub(crate) fn words(line: &Dynamic) -> std::result::Result<String, String> {
    if let Ok(text) = line.clone().into_immutable_string() {
        return if text.trim().is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(text.into())
        };
    }
    let Some(words) = line.clone().try_cast::<Array>() else {
        return Err(format!(
            "must be a string or a list of words, not {}",
            described(line)
        ));
    };
    if words.is_empty() {
        return Err("must not be empty".to_owned());
    }
    let quoted = words.into_iter().map(|word| {
        let kind = described(&word);
        if word.is_array() || word.is_map() || word.is_unit() {
            return Err(format!("a word must be a string or a number, not {kind}"));
        }
        Ok(quote_str(&word.to_string()))
    });
    Ok(quoted
        .collect::<std::result::Result<Vec<_>, _>>()?
        .join(" "))
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn stdin(options: &Options<'_, CallOptions>) -> Result<Option<Vec<u8>>> {
    match &options.stdin {
        None => Ok(None),
        Some(Value::Bytes(bytes)) => Ok(Some(bytes.clone())),
        Some(Value::Text(text)) => Ok(Some(text.as_bytes().to_vec())),
        Some(_) => Err(options.wrong("stdin", "must be a string or a blob")),
    }
}

/// `quote(x)`: one quoted word, or the words of a list.
pub(crate) fn quote(context: &NativeCallContext<'_>, value: &Dynamic) -> Result<String> {
    let list = if value.is_array() {
        value.clone()
    } else {
        vec![Dynamic::from(value.to_string())].into()
    };
    words(&list).map_err(|message| argument(context, format!("the argument of `quote` {message}")))
}
