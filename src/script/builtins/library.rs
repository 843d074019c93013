//! Functions for writing modules: `options`, `seconds`, `check_mode`, `ops_version`.

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare;
use crate::declare::function;
use crate::model::{Failure, FailureKind};
use crate::script::convert::duration;
use crate::script::error::{argument, position, throw};
use crate::script::frame::Frame;
use crate::script::schema::{self, Fault};
use crate::task::RunMode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Checks the options of a function and fills in those that were not given. `given` is the caller's map,
    /// and `schema` maps every option to its fallback. An unknown option, or a value whose type differs from
    /// the fallback's, is an error that names the function and points at the caller's line. `()` counts as
    /// not given, and an option whose fallback is `()` may have any type.
    ///
    /// Instead of a fallback, `schema` can hold a map that describes the option with the keys of `param`:
    /// `fallback`, `optional` (it is `()` if not given), `type`, `one_of`, `pattern`, `min` and `max`. With
    /// neither `fallback` nor `optional`, the option is required. The types are `string`, `int`, `float`,
    /// `bool`, `list`, `duration` (a string such as `"30s"`, or a number of seconds), `map`, `closure` and
    /// `any`. A list of types allows each of them. Write a fallback that is itself a map as `#{ fallback: #{
    /// a: 1 } }`.
    ///
    /// If the last parameter of a function is called `options`, callers may omit it; it is then an empty map.
    ///
    /// ```rhai
    /// fn backup(path, options) {
    ///     let options = options(options, #{
    ///         keep: #{ fallback: 7, min: 1 },
    ///         wait: #{ type: "duration", fallback: "30s" },
    ///         format: #{ one_of: ["tar", "zip"], fallback: "tar" },
    ///         name: |h| h.name,
    ///         owner: (),
    ///     });
    ///     log::info(`keeps ${options.keep} copies of ${path}`);
    /// }
    /// backup("/srv/shop");
    /// backup("/etc", #{ keep: 3 });
    /// ```
    ///
    /// For a map that is not the options of the function, pass a description of the map as the first
    /// argument: `options("the variable shop", h.vars.shop, #{ port: 80 })`.
    OPTIONS = options {
        (given: Map, schema: Map) -> Map,
        (of: String, given: Map, schema: Map) -> Map,
    }
}

function! {
    /// Converts a duration to seconds: `"1m30s"` becomes 90.0. A number is taken as seconds.
    ///
    /// ```rhai
    /// let patience = seconds("1m30s");
    /// let began = timestamp();
    /// while began.elapsed < patience { sleep("1s"); }
    /// ```
    SECONDS = seconds {
        (duration: Dynamic) -> f64,
    }
}

function! {
    /// Whether the run is in check mode. Functions that wait for a change need this, because check mode does
    /// not make the change. Tasks and commands handle check mode themselves.
    ///
    /// ```rhai
    /// if !check_mode() { log::info("this run makes changes"); }
    /// ```
    CHECK_MODE = check_mode {
        () -> bool,
    }
}

function! {
    /// Returns the version of ops that runs the playbook, such as `"0.1.0"`.
    ///
    /// ```rhai
    /// log::info(`ops ${ops_version()}`);
    /// ```
    OPS_VERSION = ops_version {
        () -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&OPTIONS, 0).register_into_engine(
        engine,
        |context: NativeCallContext, given: Map, schema: Map| {
            let frame = Frame::of(&context).ok();
            let at = position(&context);
            let function = frame
                .zip(at)
                .and_then(|(frame, at)| frame.world().sources.function_at(&at));
            match function {
                Some(function) => options(&context, &function, true, given, &schema),
                None => options(&context, "options", false, given, &schema),
            }
        },
    );
    declare(&OPTIONS, 1).register_into_engine(
        engine,
        |context: NativeCallContext, of: &str, given: Map, schema: Map| {
            options(&context, of, false, given, &schema)
        },
    );
    declare(&SECONDS, 0).register_into_engine(
        engine,
        |context: NativeCallContext, time: Dynamic| {
            duration(&time)
                .map(|time| time.as_secs_f64())
                .map_err(|message| argument(&context, message))
        },
    );
    declare(&OPS_VERSION, 0).register_into_engine(engine, || env!("CARGO_PKG_VERSION").to_owned());
    declare(&CHECK_MODE, 0).register_into_engine(
        engine,
        |context: NativeCallContext| -> Result<bool> {
            Ok(Frame::of(&context)?.run().settings.mode == RunMode::Check)
        },
    );
}

/// With `of_caller`, a wrong option is the caller's mistake and is reported at the call.
fn options(
    context: &NativeCallContext<'_>,
    of: &str,
    of_caller: bool,
    given: Map,
    schema: &Map,
) -> Result<Map> {
    schema::fill(given, schema).map_err(|wrong| {
        let mut failure = Failure::new(FailureKind::Failed, wrong.message(of));
        failure.hint = wrong.hint;
        let is_callers = of_caller && !matches!(wrong.fault, Fault::Schema(_));
        failure.option = is_callers.then_some(wrong.key);
        throw(failure, context)
    })
}
