//! `h.check`: checks once. The code that it shares with `wait_until` is here too.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::value::HealthValue;
use super::verdict::VerdictValue;
use crate::checks::State;
use crate::declare::{Function, OneOrMany, function, options};
use crate::deploy::health::{self, Check, Observed};
use crate::model::Failure;
use crate::model::suggest::did_you_mean;
use crate::script::builtins::declare;
use crate::script::builtins::host::HostValue;
use crate::script::convert::described;
use crate::script::error::{Halt, argument, halt, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    struct CheckOptions {
        /// a state, or a list of states, that does not throw either
        ok: Option<OneOrMany>,
    }
}

function! {
    /// Checks the health of a host once, and returns the verdict; for a list of checks, a list of verdicts.
    /// All checks that run on the same machine take one round trip. Throws if a verdict is `critical` or
    /// `error`, with what was observed. A `warning` does not throw.
    ///
    /// Of the timing options of a check, only `timeout` applies here; the others are for `wait_until`. Checks
    /// are read-only, so they also run in check mode. If one fails there after tasks that would change the
    /// host, its result is *unknown*, and so is the rest of the closure.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     h.check([http("http://127.0.0.1:8080/healthz"), service("shop")]);
    ///     let seen = h.check(tcp("127.0.0.1:6379"), #{ ok: "critical" });
    ///     if !seen.passing { log::warn(`${h.name}: ${seen.message}`); }
    /// });
    /// ```
    pub(crate) CHECK = check(CheckOptions) {
        (host: Host, health: Health) -> Verdict,
        (host: Host, health: Health, options: Map) -> Verdict,
        (host: Host, checks: Array) -> Array,
        (host: Host, checks: Array, options: Map) -> Array,
    }
}

/// What `check` and `wait_until` do with checks: check once, or until all are healthy.
pub(super) type Look =
    fn(&NativeCallContext<'_>, &HostValue, &[HealthValue], Map) -> Result<Vec<VerdictValue>>;

/// Registers a method that takes a check or a list of checks, with or without options.
pub(super) fn register_look(engine: &mut Engine, function: &'static Function, look: Look) {
    declare(function, 0).register_into_engine(
        engine,
        move |context: NativeCallContext, host: &mut HostValue, health: HealthValue| {
            let seen = look(&context, host, &[health], Map::new())?;
            only(&context, seen)
        },
    );
    declare(function, 1).register_into_engine(
        engine,
        move |context: NativeCallContext,
              host: &mut HostValue,
              health: HealthValue,
              options: Map| {
            let seen = look(&context, host, &[health], options)?;
            only(&context, seen)
        },
    );
    declare(function, 2).register_into_engine(
        engine,
        move |context: NativeCallContext, host: &mut HostValue, healths: Array| -> Result<Array> {
            let healths = flatten(&context, function.name, healths)?;
            Ok(list(look(&context, host, &healths, Map::new())?))
        },
    );
    declare(function, 3).register_into_engine(
        engine,
        move |context: NativeCallContext,
              host: &mut HostValue,
              healths: Array,
              options: Map|
              -> Result<Array> {
            let healths = flatten(&context, function.name, healths)?;
            Ok(list(look(&context, host, &healths, options)?))
        },
    );
}

fn flatten(context: &NativeCallContext<'_>, of: &str, given: Array) -> Result<Vec<HealthValue>> {
    let mut flat = Vec::with_capacity(given.len());
    for health in given {
        let kind = described(&health);
        if health.is_array() {
            flat.extend(flatten(context, of, health.cast())?);
        } else if let Some(health) = health.try_cast::<HealthValue>() {
            flat.push(health);
        } else {
            let message = format!("`{of}` takes health checks, not {kind}");
            return Err(argument(context, message));
        }
    }
    Ok(flat)
}

pub(super) fn checks(healths: &[HealthValue]) -> Vec<Check> {
    healths.iter().map(HealthValue::check).collect()
}

/// The verdicts; if they are unknown, an error that ends the closure.
pub(super) fn verdicts(
    context: &NativeCallContext<'_>,
    checks: &[Check],
    seen: std::result::Result<Option<Vec<Observed>>, Failure>,
) -> Result<Vec<VerdictValue>> {
    let Some(seen) = seen.map_err(|failure| throw(failure, context))? else {
        return Err(halt(Halt::Unknown, context.call_position()));
    };
    let both = checks.iter().zip(seen);
    Ok(both
        .map(|(check, observed)| VerdictValue {
            label: check.label(),
            observed,
        })
        .collect())
}

fn only(context: &NativeCallContext<'_>, seen: Vec<VerdictValue>) -> Result<VerdictValue> {
    let mut seen = seen.into_iter();
    seen.next()
        .ok_or_else(|| argument(context, "the check returned no verdict"))
}

fn list(seen: Vec<VerdictValue>) -> Array {
    seen.into_iter().map(Dynamic::from).collect()
}

pub(super) fn look(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    healths: &[HealthValue],
    options: Map,
) -> Result<Vec<VerdictValue>> {
    let frame = Frame::acting(context, "check")?;
    let options = Options::<CheckOptions>::read(&CHECK, options, context)?;
    let given = options
        .ok
        .clone()
        .map_or_else(Vec::new, OneOrMany::into_vec);
    let ok = given
        .iter()
        .map(|state| state_of(state).map_err(|message| options.wrong("ok", &message)))
        .collect::<Result<Vec<_>>>()?;
    let checks = checks(healths);
    let at = position(context);
    let seen = health::check(&host.0, &checks, &ok, at.as_ref(), frame.cancel());
    verdicts(context, &checks, seen)
}

fn state_of(given: &str) -> std::result::Result<State, String> {
    let names = State::ALL.map(State::as_str);
    let found = State::ALL.into_iter().find(|state| state.as_str() == given);
    found.ok_or_else(|| {
        let states = format!("must be one of {}", names.join(", "));
        match did_you_mean(given, names) {
            Some(near) => format!("{states}. {near}"),
            None => states,
        }
    })
}
