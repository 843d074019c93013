//! The inputs of a playbook: parameters, environment variables, and files next to it.

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

use super::declare;
use crate::declare::function;
use crate::model::{Failure, FailureKind, as_text};
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Declares a parameter of the playbook and returns its value. The call must be at the top level and the
    /// name must be a literal.
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `fallback` | the value if none is given; a parameter with neither this nor `optional` is required |
    /// | `optional` | with `true`, the value is `()` if none is given, which options treat as not given |
    /// | `type` | `string`, `int`, `float`, `bool`, `list`, `duration`, `path`; default: the fallback's |
    /// | `one_of` | an array of the allowed values |
    /// | `pattern` | a regular expression that the whole value must match |
    /// | `min`, `max` | the bounds of a number or a duration |
    /// | `secret` | with `true`, the value is never shown |
    ///
    /// A `path` is a file or a directory that the operator names, relative to the working directory. The
    /// playbook gets its absolute path, and may read it wherever it is. Set values with `--var NAME=VALUE`
    /// and `--vars-file FILE`. A missing value or one of the wrong type is an error before ops contacts any
    /// host.
    ///
    /// ```rhai
    /// let version = param("version", "the release to roll out, e.g. 1.4.2");
    /// let batch = param("batch", "hosts at a time", #{ fallback: 2, type: "int" });
    /// let sha256 = param("sha256", "the checksum of the release", #{ optional: true });
    /// ```
    PARAM = param {
        (name: String, help: String) -> Dynamic,
        (name: String, help: String, options: Map) -> Dynamic,
    }
}

function! {
    /// Returns the value of an environment variable on the controller. If it is not set and there is no
    /// fallback, it is an error.
    ///
    /// ```rhai
    /// let region = env("REGION", "eu");
    /// ```
    ENV = env {
        (name: String) -> String,
        (name: String, fallback: String) -> String,
    }
}

function! {
    /// Returns the content of a file next to the playbook as a string. A path outside the playbook's
    /// directory is an error, unless the operator gave it as a parameter of type `path`.
    ///
    /// ```rhai
    /// let notes = read_file("CHANGES.md");
    /// ```
    READ_FILE = read_file {
        (path: String) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&PARAM, 0)
        .register_into_engine(engine, |context: NativeCallContext, name: &str, _: &str| {
            param(&context, name)
        });
    declare(&PARAM, 1).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, _: &str, _: Map| param(&context, name),
    );
    declare(&ENV, 0).register_into_engine(engine, |context: NativeCallContext, name: &str| {
        env(&context, name, None)
    });
    declare(&ENV, 1).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, fallback: ImmutableString| {
            env(&context, name, Some(fallback))
        },
    );
    declare(&READ_FILE, 0)
        .register_into_engine(engine, |context: NativeCallContext, path: &str| {
            read_file(&context, path)
        });
}

fn param(context: &NativeCallContext<'_>, name: &str) -> Result<Dynamic> {
    let frame = Frame::of(context)?;
    // Every literal call was collected before the run began.
    frame.world().params.get(name).cloned().ok_or_else(|| {
        let message =
            format!("parameter `{name}` is not declared at the top level with a literal name");
        argument(context, message)
    })
}

fn env(
    context: &NativeCallContext<'_>,
    name: &str,
    fallback: Option<ImmutableString>,
) -> Result<ImmutableString> {
    Frame::of(context)?;
    match (std::env::var(name), fallback) {
        (Ok(value), _) => Ok(value.into()),
        (Err(std::env::VarError::NotUnicode(_)), _) => Err(argument(
            context,
            format!("the environment variable `{name}` is not UTF-8"),
        )),
        (Err(std::env::VarError::NotPresent), Some(fallback)) => Ok(fallback),
        (Err(std::env::VarError::NotPresent), None) => {
            let message = format!("the environment variable `{name}` is not set");
            let hint = format!("Set it, or give a fallback: env(\"{name}\", \"...\").");
            Err(throw(
                Failure::new(FailureKind::Failed, message).hint(hint),
                context,
            ))
        }
    }
}

fn read_file(context: &NativeCallContext<'_>, path: &str) -> Result<ImmutableString> {
    let frame = Frame::of(context)?;
    let bytes = frame
        .world()
        .read(path)
        .map_err(|error| argument(context, format!("failed to read {path}: {error}")))?;
    let text = as_text(&bytes)
        .map_err(|error| argument(context, format!("failed to read {}", error.in_file(path))))?;
    Ok(text.into())
}
