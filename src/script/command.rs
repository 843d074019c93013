//! The arguments of `h.run`, as a command for the host's `sh`.

use std::time::Duration;

use rhai::{Array, Blob, Dynamic, EvalAltResult, ImmutableString, NativeCallContext};

use crate::run::command::Command;
use crate::shell::{has_nul, pipefail, quote_str};

use super::error::{argument, position};
use super::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A call of `h.run`.
pub struct Call {
    script: String,
    shown: String,
    name: Option<String>,
    quiet: bool,
    ok: Vec<u8>,
    unchanged: Vec<u8>,
    timeout: Option<Duration>,
    stdin: Option<Vec<u8>>,
    reads: bool,
}

impl Call {
    pub fn parse(line: &Dynamic, mut options: Options<'_>) -> Result<Self> {
        let shown = words(line).map_err(|message| options.wrong("command", &message))?;
        if has_nul(&shown) {
            return Err(options.wrong("command", "it holds a NUL byte"));
        }
        let mut script = String::new();
        for (name, value) in options.map("env")?.unwrap_or_default() {
            if !is_variable(&name) {
                return Err(options.wrong("env", &format!("`{name}` is no name of a variable")));
            }
            let value = value.to_string();
            if has_nul(&value) {
                return Err(
                    options.wrong("env", &format!("the value of `{name}` holds a NUL byte"))
                );
            }
            script.push_str(&format!("export {name}={}\n", quote_str(&value)));
        }
        if let Some(directory) = options.text("cwd")? {
            if has_nul(&directory) {
                return Err(options.wrong("cwd", "it holds a NUL byte"));
            }
            let told = quote_str(&format!("ops: there is no directory {directory}"));
            script.push_str(&format!(
                "[ -d {0} ] || {{ echo {told} >&2; exit 2; }}\ncd -- {0} || exit\n",
                quote_str(&directory)
            ));
        }
        let reads = options.flag("reads")?.unwrap_or(false);
        let quiet = options.flag("quiet")?.unwrap_or(false);
        if quiet && !reads {
            return Err(options.wrong(
                "quiet",
                "it is for commands that only read: say `reads: true` too",
            ));
        }
        let mut ok = codes(&mut options, "ok")?.unwrap_or_else(|| vec![0]);
        let unchanged = codes(&mut options, "unchanged")?.unwrap_or_default();
        ok.extend(&unchanged);
        if options.flag("pipefail")?.unwrap_or(false) {
            if line.is_array() {
                return Err(
                    options.wrong("pipefail", "a list runs without a shell, so it has no pipe")
                );
            }
            script.push_str(&pipefail(&shown, &ok));
        } else {
            script.push_str(&shown);
        }
        Ok(Self {
            script,
            shown,
            name: options.text("name")?,
            quiet,
            ok,
            unchanged,
            timeout: options.duration("timeout")?,
            stdin: stdin(&mut options)?,
            reads,
        })
    }

    #[must_use]
    pub fn command(self, context: &NativeCallContext<'_>) -> Command {
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
            at: position(context),
        }
    }
}

/// A command's text, or a list of words quoted.
pub fn words(line: &Dynamic) -> std::result::Result<String, String> {
    if let Ok(text) = line.clone().into_immutable_string() {
        return if text.trim().is_empty() {
            Err("it is empty".to_owned())
        } else {
            Ok(text.into())
        };
    }
    let Some(words) = line.clone().try_cast::<Array>() else {
        return Err(format!(
            "it is a text or a list of words, not a {}",
            line.type_name()
        ));
    };
    if words.is_empty() {
        return Err("it is empty".to_owned());
    }
    let quoted = words.into_iter().map(|word| {
        let kind = word.type_name();
        if word.is_array() || word.is_map() || word.is_unit() {
            return Err(format!("a word of it is a {kind}"));
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

fn codes(options: &mut Options<'_>, key: &str) -> Result<Option<Vec<u8>>> {
    let Some(given) = options.one_or_many(key) else {
        return Ok(None);
    };
    let codes = given.into_iter().map(|code| {
        let code = code.as_int().ok().and_then(|code| u8::try_from(code).ok());
        code.ok_or_else(|| options.wrong(key, "exit codes are numbers from 0 to 255"))
    });
    codes.collect::<Result<_>>().map(Some)
}

fn stdin(options: &mut Options<'_>) -> Result<Option<Vec<u8>>> {
    let Some(given) = options.take("stdin") else {
        return Ok(None);
    };
    if given.is_blob() {
        return Ok(Some(given.cast::<Blob>()));
    }
    let text = given.try_cast::<ImmutableString>();
    text.map(|text| Some(text.as_bytes().to_vec()))
        .ok_or_else(|| options.wrong("stdin", "it is a text or a blob"))
}

/// `quote(x)`: one word, or the words of a list.
pub fn quote(context: &NativeCallContext<'_>, value: &Dynamic) -> Result<String> {
    let list = if value.is_array() {
        value.clone()
    } else {
        vec![Dynamic::from(value.to_string())].into()
    };
    words(&list).map_err(|message| argument(context, format!("cannot quote this: {message}")))
}
