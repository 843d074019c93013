//! Health checks: their constructors, `health_check`, `h.check` and `wait_until`.

mod look;
mod value;
mod verdict;
mod wait;

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Map, Module, NativeCallContext};

use super::host::HostValue;
use super::{constructors, declare};
use crate::checks::{self, Entry, KINDS};
use crate::declare::function;
use crate::deploy::health::{Check, Vantage};
use crate::model::{Failure, FailureKind};
use crate::script::call_part;
use crate::script::check::Part;
use crate::script::custom_check::{CheckOptions, CustomCheck};
use crate::script::error::throw;
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::script::refusal;

pub(crate) use look::CHECK;
pub use value::HealthValue;
pub(crate) use wait::WAIT_UNTIL;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Defines a kind of health check in the playbook. It can be used like a built-in one: with `h.check`,
    /// `wait_until`, rollouts and `fn health(h)`.
    ///
    /// It also takes the options of every check: `name`, `from`, `timeout`, `interval`, `rise`, `fall`,
    /// `deadline` and `initial_delay`. `name` is required.
    ///
    /// The closure gets a map with `code`, `stdout`, `stderr` (without trailing newlines) and `seconds`,
    /// the time that the script took. It returns `true` (passing) or `false` (critical), the name of a
    /// state (`"passing"`, `"warning"`, `"critical"`, `"error"`), or a map with `state` and optionally
    /// `message` and `hint`, if they say more than the end of the output does. If the script does not
    /// finish within `timeout`, the state is critical and the closure is not called. If the closure throws,
    /// the state is `error`.
    ///
    /// ```rhai
    /// fn queue(most) {
    ///     health_check(#{
    ///         name: "queue of mails",
    ///         script: "cd /var/spool/shop && find . -type f | wc -l",
    ///         verdict: |found| {
    ///             if found.code != 0 { return #{ state: "error", message: found.stderr }; }
    ///             let waiting = parse_int(found.stdout);
    ///             #{
    ///                 state: if waiting > most { "critical" } else { "passing" },
    ///                 message: `${waiting} mails are waiting`,
    ///             }
    ///         },
    ///     })
    /// }
    /// each(hosts("web"), |h| h.check(queue(100)));
    /// ```
    pub(crate) HEALTH_CHECK = health_check(CheckOptions) {
        (definition: Map) -> Health,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<HealthValue>("Health");
    engine.register_fn("to_string", |health: &mut HealthValue| health.label());
    let mut module = Module::new();
    for entry in KINDS {
        constructors::register(&mut module, entry, "Health", make);
    }
    engine.register_global_module(module.into());
    declare(&HEALTH_CHECK, 0)
        .register_into_engine(engine, |context: NativeCallContext, definition: Map| {
            define(&context, definition)
        });
    verdict::register(engine);
    look::register_look(engine, &CHECK, look::look);
    look::register_look(engine, &WAIT_UNTIL, wait::wait);
    wait::register_wait_for_closure(engine);
}

/// `health_check(#{...})`.
fn define(context: &NativeCallContext<'_>, definition: Map) -> Result<HealthValue> {
    let mut definition = Dynamic::from(definition);
    let vantage = take_vantage(context, HEALTH_CHECK.name, Some(&mut definition))?;
    let definition = definition.cast::<Map>();
    let is_common = |key: &str| checks::common_names().any(|name| name == key);
    let (common, own): (Map, Map) = definition.into_iter().partition(|(key, _)| is_common(key));
    let own = Options::read(&HEALTH_CHECK, own, context)?;
    let observe = CustomCheck::new(&own, &Frame::of(context)?, context)?;
    let common = constructors::arguments(context, vec![common.into()])?;
    let what = checks::custom(observe, common).map_err(|error| {
        let part = refusal::part(&error).and_then(|part| call_part::part(context, part));
        throw(
            refusal::failure(HEALTH_CHECK.name, &error).at(part),
            context,
        )
    })?;
    Ok(HealthValue::new(Check { what, vantage }))
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
    Ok(HealthValue::new(Check { what, vantage }))
}

/// Removes `from` from the options, because a host is not a plain value.
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
                "option `from` of `{name}`: must be \"host\", \"controller\" or a host, such as \
                 `hosts(\"lb\")[0]`"
            );
            let at = call_part::part(context, Part::Key("from"));
            Err(throw(
                Failure::new(FailureKind::Failed, message).at(at),
                context,
            ))
        }
    }
}
