//! `wait_until`: checks repeatedly until all checks are healthy, or until a closure returns `true`.

use std::time::Instant;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::look::{checks, verdicts};
use super::value::HealthValue;
use super::verdict::VerdictValue;
use crate::checks::{Overrides, State, Timing, waitable};
use crate::declare::{Span, function, options};
use crate::deploy::health;
use crate::model::{Failure, FailureKind};
use crate::run::{HostHandle, Waited};
use crate::script::builtins::declare;
use crate::script::builtins::host::HostValue;
use crate::script::convert::described;
use crate::script::error::{Halt, argument, halt, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::task::RunMode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    struct WaitOptions {
        /// what the closure waits for, for messages
        what: Option<String>,
        /// the time from the start of one attempt to the start of the next; default `"1s"`
        interval: Option<Span>,
        /// the time limit of one attempt, which is then killed; default `"5s"`
        timeout: Option<Span>,
        /// how many consecutive healthy attempts are required; default `1`
        rise: Option<u32>,
        /// how many consecutive unhealthy attempts end the wait before its deadline; by default, only the
        /// deadline does
        fall: Option<u32>,
        /// the time limit of the whole wait; default `"1m"`
        deadline: Option<Span>,
        /// how long to wait before the first attempt; by default, it starts at once
        initial_delay: Option<Span>,
    }
}

function! {
    /// Waits until a check of a host, or every check of a list, is healthy `rise` times in a row, and returns
    /// the last verdicts. Throws if the deadline passes first, with what was observed last. `warning` counts
    /// as healthy. `error` does not, but the wait goes on: a name that does not resolve yet may do so soon.
    ///
    /// A check can have these options itself; those given here override them.
    ///
    /// `wait_until(#{ what, deadline, interval }, || ...)` waits until a closure returns `true`, `rise` times
    /// in a row. `what` says in messages what the closure waits for. If the closure throws, the wait ends.
    ///
    /// In check mode, it checks once and does not wait. If that check is not healthy, its result is
    /// *unknown*, and so is the rest of the closure of the host.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     h.wait_until(http("http://127.0.0.1:8080/healthz"), #{ deadline: "2m", rise: 3 });
    ///     wait_until(#{ what: "the queue to drain", deadline: "5m", interval: "2s" }, || {
    ///         h.run("shopctl queue --count", #{ reads: true }).stdout == "0"
    ///     });
    /// });
    /// ```
    pub(crate) WAIT_UNTIL = wait_until(WaitOptions) {
        (host: Host, health: Health) -> Verdict,
        (host: Host, health: Health, options: Map) -> Verdict,
        (host: Host, checks: Array) -> Array,
        (host: Host, checks: Array, options: Map) -> Array,
        (options: Map, closure: Fn) -> (),
    }
}

pub(super) fn register_wait_for_closure(engine: &mut Engine) {
    declare(&WAIT_UNTIL, 4).register_into_engine(
        engine,
        |context: NativeCallContext, options: Map, closure: FnPtr| {
            until(&context, options, &closure)
        },
    );
}

pub(super) fn wait(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    healths: &[HealthValue],
    options: Map,
) -> Result<Vec<VerdictValue>> {
    let frame = Frame::acting(context, "wait_until")?;
    let options = Options::<WaitOptions>::read(&WAIT_UNTIL, options, context)?;
    if options.what.is_some() {
        let message = "applies only to a closure: a check has its own subject or `name`";
        return Err(options.wrong("what", message));
    }
    let over = options.overrides();
    let checks = checks(healths);
    for check in &checks {
        waitable(&check.timing.with(&over))
            .map_err(|(key, message)| options.wrong(key, message))?;
    }
    let at = position(context);
    let seen = health::wait_until(&host.0, &checks, &over, at.as_ref(), frame.cancel());
    verdicts(context, &checks, seen)
}

impl WaitOptions {
    fn overrides(&self) -> Overrides {
        let time = |span: Option<Span>| span.map(|span| span.0);
        Overrides {
            interval: time(self.interval),
            timeout: time(self.timeout),
            rise: self.rise,
            fall: self.fall,
            deadline: time(self.deadline),
            initial_delay: time(self.initial_delay),
        }
    }
}

/// `wait_until(#{ what, ... }, || bool)`.
fn until(context: &NativeCallContext<'_>, options: Map, closure: &FnPtr) -> Result<Dynamic> {
    let frame = Frame::acting(context, "wait_until")?;
    let options = Options::<WaitOptions>::read(&WAIT_UNTIL, options, context)?;
    let what = options
        .what
        .as_deref()
        .unwrap_or("the closure to return true");
    let over = options.overrides();
    if over.timeout.is_some() {
        let message = "applies only to checks: use `timeout(\"5s\", || ...)` in the closure";
        return Err(options.wrong("timeout", message));
    }
    let timing = Timing::default().with(&over);
    waitable(&timing).map_err(|(key, message)| options.wrong(key, message))?;
    let mut watch = health::Watch::new(timing);
    let started = Instant::now();
    let waited = Waited::new(format!("for {what}")).on(frame.host().map(HostHandle::name));
    let _wait = frame.run().waits.begin(waited);
    let polling = frame.with_steps(frame.steps().polling());
    loop {
        let check_mode = frame.run().settings.mode == RunMode::Check;
        if !check_mode {
            let left = watch.due().saturating_sub(started.elapsed());
            let paused = frame.run().pause(frame.cancel(), left);
            paused.map_err(|failure| throw(failure, context))?;
        }
        let began = started.elapsed();
        let given = polling.enter(context, |context| {
            closure.call_within_context::<Dynamic>(context, ())
        })?;
        let kind = described(&given);
        let so = given.as_bool().map_err(|_| {
            let message =
                format!("the closure of `wait_until` must return true or false, not {kind}");
            argument(context, message)
        })?;
        if check_mode && so {
            return Ok(Dynamic::UNIT);
        }
        if check_mode {
            return Err(halt(Halt::Unknown, context.call_position()));
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
