//! Health checks: their constructors, `h.check` and `wait_until`.

mod verdict;

use std::sync::Arc;
use std::time::Instant;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, Module, NativeCallContext,
};

use verdict::VerdictValue;

use super::host::HostValue;
use super::{constructors, declare};
use crate::checks::{self, Entry, KINDS, Overrides, State, Timing, waitable};
use crate::deploy::health::{self, Check, Observed, Vantage};
use crate::model::suggest::did_you_mean;
use crate::model::{Failure, FailureKind};
use crate::run::{HostHandle, Waited};
use crate::script::check::Part;
use crate::script::error::{self, Ended, argument, end, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::task::Mode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A check as a value: the same for every host.
#[derive(Clone)]
pub struct HealthValue(Arc<Check>);

impl HealthValue {
    #[must_use]
    pub fn check(&self) -> Check {
        (*self.0).clone()
    }
}

const CHECK: &str = "\
Looks at the health of a host once, and gives the verdict; for a list of checks, a list of verdicts. All checks that look from one place take
one round trip. Throws when one is `critical` or an `error`, with what was seen; a `warning` does not throw.

`ok` is a state, or a list of states, that does not throw either. Of the timing of a check only `timeout` matters here: `wait_until` looks more than once.
Checks only read, so they run in check mode too. One that fails there behind tasks that would change the host is *unknown*, and so is what follows
in the closure.

```rhai
each(hosts(\"web\"), |h| {
    h.check([http(\"http://127.0.0.1:8080/healthz\"), service(\"shop\")]);
    let seen = h.check(tcp(\"127.0.0.1:6379\"), #{ ok: \"critical\" });
    if !seen.passing { log::warn(`${h.name}: ${seen.message}`); }
});
```";

const WAIT_UNTIL: &str = "\
Waits until a check of a host, or each of a list, is healthy `rise` times in a row, and gives the last verdicts. Throws when the deadline comes first, with
what was seen last. `warning` is healthy; `error` is not, but is waited for too, since a name that does not resolve yet may soon.

| option | what it does |
|---|---|
| `interval` | from one look to the next: `\"1s\"` |
| `timeout` | for one look; what runs then is killed: `\"5s\"` |
| `rise` | so many healthy looks in a row are enough: `1` |
| `fall` | so many unhealthy looks in a row end the wait before the deadline; without it only the deadline does |
| `deadline` | for the whole: `\"1m\"` |
| `initial_delay` | before the first look: none |

A check can have these options itself; those given here come before them.

`wait_until(#{ what, deadline, interval }, || ...)` waits until a closure gives `true`, `rise` times in a row. `what` says in a message what was waited for. What the closure
throws ends the wait.

In check mode it looks once and does not wait. What is not healthy then is *unknown*, and so is what follows in the closure of the host.

```rhai
each(hosts(\"web\"), |h| {
    h.wait_until(http(\"http://127.0.0.1:8080/healthz\"), #{ deadline: \"2m\", rise: 3 });
    wait_until(#{ what: \"the queue to drain\", deadline: \"5m\", interval: \"2s\" }, || {
        h.run(\"shopctl queue --count\", #{ reads: true }).stdout == \"0\"
    });
});
```";

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<HealthValue>("Health");
    engine.register_fn("to_string", |health: &mut HealthValue| health.0.label());
    let mut module = Module::new();
    for entry in KINDS {
        constructors::register(&mut module, entry, "Health", make);
    }
    engine.register_global_module(module.into());
    verdict::register(engine);
    register_look(engine, "check", CHECK, look);
    register_look(engine, "wait_until", WAIT_UNTIL, wait);
    register_wait_for_closure(engine);
}

fn make(
    context: &NativeCallContext<'_>,
    entry: &'static Entry,
    mut values: Vec<Dynamic>,
) -> Result<HealthValue> {
    let options = values.last_mut();
    let vantage = take_vantage(context, entry.name, options)?;
    let arguments = constructors::arguments(context, values)?;
    let what = checks::construct(entry, arguments)
        .map_err(|error| constructors::refused(context, entry, &error))?;
    Ok(HealthValue(Arc::new(Check { what, vantage })))
}

/// Removes `from` from the options: a host is not a plain value.
fn take_vantage(
    context: &NativeCallContext<'_>,
    name: &str,
    options: Option<&mut Dynamic>,
) -> Result<Vantage> {
    let Some(mut options) = options.and_then(Dynamic::write_lock::<Map>) else {
        return Ok(Vantage::Host);
    };
    let Some(from) = options.remove("from").map(Dynamic::flatten) else {
        return Ok(Vantage::Host);
    };
    let from = match from.try_cast_result::<HostValue>() {
        Ok(host) => return Ok(Vantage::Other(host.0)),
        Err(other) => other,
    };
    match from.clone().try_cast::<ImmutableString>().as_deref() {
        Some("host") => Ok(Vantage::Host),
        Some("controller") => Ok(Vantage::Controller),
        _ if from.is_unit() => Ok(Vantage::Host),
        _ => {
            let message = format!(
                "option `from` of `{}`: it is \"host\", \"controller\" or a host, as `hosts(\"lb\")[0]` gives one",
                name
            );
            let at = error::part(context, Part::Key("from"));
            Err(throw(
                Failure::new(FailureKind::Failed, message).at(at),
                context,
            ))
        }
    }
}

/// What `check` and `wait_until` make of checks: one look, or looks until all is well.
type Look =
    fn(&NativeCallContext<'_>, &HostValue, &[HealthValue], Map) -> Result<Vec<VerdictValue>>;

/// Registers a method that takes a check or a list of them, with options or without.
fn register_look(engine: &mut Engine, name: &'static str, page: &str, look: Look) {
    let one = ["host: Host", "health: Health", "options: Map", "Verdict"];
    let many = ["host: Host", "healths: Array", "options: Map", "Array"];
    let without = |given: [&'static str; 4]| [given[0], given[1], given[3]];
    declare(name, &without(one), page).register_into_engine(
        engine,
        move |context: NativeCallContext, host: &mut HostValue, health: HealthValue| {
            let seen = look(&context, host, &[health], Map::new())?;
            only(&context, seen)
        },
    );
    declare(name, &one, page).register_into_engine(
        engine,
        move |context: NativeCallContext,
              host: &mut HostValue,
              health: HealthValue,
              options: Map| {
            let seen = look(&context, host, &[health], options)?;
            only(&context, seen)
        },
    );
    declare(name, &without(many), page).register_into_engine(
        engine,
        move |context: NativeCallContext, host: &mut HostValue, healths: Array| -> Result<Array> {
            let healths = flatten(&context, name, healths)?;
            Ok(list(look(&context, host, &healths, Map::new())?))
        },
    );
    declare(name, &many, page).register_into_engine(
        engine,
        move |context: NativeCallContext,
              host: &mut HostValue,
              healths: Array,
              options: Map|
              -> Result<Array> {
            let healths = flatten(&context, name, healths)?;
            Ok(list(look(&context, host, &healths, options)?))
        },
    );
}

fn register_wait_for_closure(engine: &mut Engine) {
    declare(
        "wait_until",
        &["options: Map", "closure: Fn", "()"],
        WAIT_UNTIL,
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, options: Map, closure: FnPtr| {
            until(&context, options, &closure)
        },
    );
}

fn flatten(context: &NativeCallContext<'_>, of: &str, given: Array) -> Result<Vec<HealthValue>> {
    let mut flat = Vec::with_capacity(given.len());
    for health in given {
        let kind = health.type_name();
        if health.is_array() {
            flat.extend(flatten(context, of, health.cast())?);
        } else if let Some(health) = health.try_cast::<HealthValue>() {
            flat.push(health);
        } else {
            let message = format!("`{of}` takes health checks, and this is a {kind}");
            return Err(argument(context, message));
        }
    }
    Ok(flat)
}

fn checks(healths: &[HealthValue]) -> Vec<Check> {
    healths.iter().map(HealthValue::check).collect()
}

/// The verdicts, or the end of the closure where nobody knows them.
fn verdicts(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    checks: &[Check],
    seen: std::result::Result<Option<Vec<Observed>>, Failure>,
) -> Result<Vec<VerdictValue>> {
    let Some(seen) = seen.map_err(|failure| throw(failure, context))? else {
        frame.set_unknown();
        return Err(end(Ended::Unknown, context.call_position()));
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
        .ok_or_else(|| argument(context, "the check came to no verdict"))
}

fn list(seen: Vec<VerdictValue>) -> Array {
    seen.into_iter().map(Dynamic::from).collect()
}

fn look(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    healths: &[HealthValue],
    options: Map,
) -> Result<Vec<VerdictValue>> {
    let frame = Frame::acting(context, "check")?;
    let mut options = Options::new("check", options, context)?;
    let given = options.one_or_many("ok").unwrap_or_default();
    let ok = given
        .iter()
        .map(|state| state_of(state).map_err(|message| options.wrong("ok", &message)))
        .collect::<Result<Vec<_>>>()?;
    let checks = checks(healths);
    let at = position(context);
    let seen = health::check(&host.0, &checks, &ok, at.as_ref(), frame.cancel());
    verdicts(context, &frame, &checks, seen)
}

fn state_of(given: &Dynamic) -> std::result::Result<State, String> {
    let text = given.clone().try_cast::<ImmutableString>();
    let names = State::ALL.map(State::as_str);
    let found = text
        .as_deref()
        .and_then(|text| State::ALL.into_iter().find(|state| state.as_str() == text));
    found.ok_or_else(|| {
        let near = text.and_then(|text| did_you_mean(&text, names));
        let states = format!("the states are {}", names.join(", "));
        near.map_or_else(|| states.clone(), |near| format!("{states}. {near}"))
    })
}

fn wait(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    healths: &[HealthValue],
    options: Map,
) -> Result<Vec<VerdictValue>> {
    let frame = Frame::acting(context, "wait_until")?;
    let mut options = Options::new("wait_until", options, context)?;
    if options.text("what")?.is_some() {
        let message = "it is for a closure: a check says itself what it looks at, or has a `name`";
        return Err(options.wrong("what", message));
    }
    let over = overrides(&mut options)?;
    let checks = checks(healths);
    for check in &checks {
        waitable(&check.timing.with(&over))
            .map_err(|(key, message)| options.wrong(key, message))?;
    }
    let at = position(context);
    let seen = health::wait_until(&host.0, &checks, &over, at.as_ref(), frame.cancel());
    verdicts(context, &frame, &checks, seen)
}

fn overrides(options: &mut Options<'_>) -> Result<Overrides> {
    let count = |options: &mut Options<'_>, key: &str| -> Result<Option<u32>> {
        let given = options.count(key)?;
        given
            .map(|count| u32::try_from(count).map_err(|_| options.wrong(key, "it is too large")))
            .transpose()
    };
    Ok(Overrides {
        interval: options.duration("interval")?,
        timeout: options.duration("timeout")?,
        rise: count(options, "rise")?,
        fall: count(options, "fall")?,
        deadline: options.duration("deadline")?,
        initial_delay: options.duration("initial_delay")?,
    })
}

/// `wait_until(#{ what, ... }, || bool)`.
fn until(context: &NativeCallContext<'_>, options: Map, closure: &FnPtr) -> Result<Dynamic> {
    let frame = Frame::acting(context, "wait_until")?;
    let mut options = Options::new("wait_until", options, context)?;
    let what = options.text("what")?;
    let what = what.unwrap_or_else(|| "the closure to give true".to_owned());
    let over = overrides(&mut options)?;
    if over.timeout.is_some() {
        let message = "it is for a check: put `timeout(\"5s\", || ...)` into the closure";
        return Err(options.wrong("timeout", message));
    }
    let timing = Timing::default().with(&over);
    waitable(&timing).map_err(|(key, message)| options.wrong(key, message))?;
    let mut watch = health::Watch::new(timing);
    let started = Instant::now();
    let waited = Waited::new(format!("for {what}")).on(frame.host().map(HostHandle::name));
    let _wait = frame.run().waits.begin(waited);
    loop {
        let check_mode = frame.run().settings.mode == Mode::Check;
        if !check_mode {
            let left = watch.due().saturating_sub(started.elapsed());
            let paused = frame.run().pause(frame.cancel(), left);
            paused.map_err(|failure| throw(failure, context))?;
        }
        let began = started.elapsed();
        let given = closure.call_within_context::<Dynamic>(context, ())?;
        let kind = given.type_name();
        let so = given.as_bool().map_err(|_| {
            let message = format!("the closure of `wait_until` gives true or false, not a {kind}");
            argument(context, message)
        })?;
        if check_mode && so {
            return Ok(Dynamic::UNIT);
        }
        if check_mode {
            frame.set_unknown();
            return Err(end(Ended::Unknown, context.call_position()));
        }
        let state = if so { State::Passing } else { State::Critical };
        let message = match watch.observed(began, started.elapsed(), state) {
            health::Progress::Waiting => continue,
            health::Progress::Healthy => return Ok(Dynamic::UNIT),
            health::Progress::Fallen => format!("gave up waiting for {what}"),
            health::Progress::TooLate => {
                let deadline = humantime::format_duration(timing.deadline);
                format!("timed out after {deadline} waiting for {what}")
            }
        };
        let mut failure = Failure::new(FailureKind::Failed, message);
        failure.host = frame.host().map(|host| host.name().to_owned());
        return Err(throw(failure, context));
    }
}
