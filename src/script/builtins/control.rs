//! Control: `retry`, `timeout`, `sleep`, `finally`, `on_failure`, `fail`, `confirm`, `quote`.

use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext};

use super::declare;
use crate::declare::{Closure, Span, function, options};
use crate::model::{Failure, FailureKind, LogLevel};
use crate::run::{HostHandle, Waited, question};
use crate::script::command;
use crate::script::convert::duration;
use crate::script::error::{Halt, argument, halt_of, position, throw};
use crate::script::frame::{Frame, Hook};
use crate::script::options::Options;
use crate::store::Entry;
use crate::task::RunMode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// The upper limit of the delay between attempts.
const LONGEST_DELAY: Duration = Duration::from_hours(1);

options! {
    struct Retry {
        /// the maximum number of calls; default `3`
        times: Option<usize>,
        /// the delay between two attempts; default `"1s"`
        delay: Option<Span>,
        /// the factor that the delay is multiplied by after each attempt, from 1 to 100; default `1.0`
        backoff: Option<f64>,
        /// a closure that gets the failure and returns `true` if another attempt cannot help
        stop_when: Option<Closure>,
    }
}

function! {
    /// Calls a closure until it does not throw, and returns its value. If all attempts fail, throws the last
    /// failure.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     retry(#{ times: 5, delay: "2s", backoff: 2 }, || {
    ///         h.run("curl -fsS http://127.0.0.1:8080/", #{ reads: true })
    ///     });
    /// });
    /// ```
    pub(crate) RETRY = retry(Retry) {
        (closure: Fn) -> Dynamic,
        (options: Map, closure: Fn) -> Dynamic,
    }
}

function! {
    /// Calls a closure and throws if it takes longer than a duration. A command that is still running on a
    /// host then is killed.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| timeout("10m", || h.run("pg_dump shop > /var/backups/shop.sql")));
    /// ```
    TIMEOUT = timeout {
        (duration: String, closure: Fn) -> Dynamic,
    }
}

function! {
    /// Waits for a duration. In check mode, it returns at once. In a loop of short sleeps, pass a second
    /// argument that says what the loop waits for, as a fragment that fits after "waiting". It is shown once
    /// the loop has lasted a few seconds, and repeatedly after that.
    ///
    /// ```rhai
    /// sleep("5s");
    /// each(hosts("web"), |h| {
    ///     while h.run("shopctl queue --count", #{ reads: true }).stdout != "0" {
    ///         sleep("1s", "until the queue is empty");
    ///     }
    /// });
    /// ```
    SLEEP = sleep {
        (duration: String) -> (),
        (duration: i64) -> (),
        (duration: f64) -> (),
        (duration: Dynamic, what: String) -> (),
    }
}

function! {
    /// Registers a closure that runs when the innermost frame ends, whether it succeeds or fails. A frame is
    /// the playbook, a host's closure in `each`, or the closure of `with_lock`. Closures run in reverse order
    /// of registration. They also run after Ctrl-C, and it does not interrupt them.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     h.run("touch /run/maintenance");
    ///     finally(|| h.run("rm -f /run/maintenance"));
    /// });
    /// ```
    FINALLY = finally {
        (closure: Fn) -> (),
    }
}

function! {
    /// Registers a closure that runs when the innermost frame fails or is interrupted. Otherwise it is like
    /// `finally`.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     on_failure(|| h.undo());
    ///     h.apply(files::file("/etc/motd", "hello\n"));
    /// });
    /// ```
    ON_FAILURE = on_failure {
        (closure: Fn) -> (),
    }
}

function! {
    /// Throws a failure with this message.
    ///
    /// ```rhai
    /// if hosts("web").len() < 2 { fail("a rolling update needs two hosts"); }
    /// ```
    FAIL = fail {
        (message: String) -> (),
    }
}

function! {
    /// Asks the operator a question, and throws unless the answer is yes. `--yes` answers yes. Without a
    /// terminal and without `--yes`, it throws. In check mode, it does not ask. A question that was answered
    /// with yes is not asked again when the run is resumed.
    ///
    /// ```rhai
    /// confirm("restore the database from the last backup?");
    /// ```
    CONFIRM = confirm {
        (question: String) -> (),
    }
}

function! {
    /// Returns a value quoted as one word of a shell command line, or a list as several words.
    ///
    /// ```rhai
    /// let name = "it's here";
    /// each(hosts("web"), |h| h.run("ls -l " + quote(name), #{ reads: true, ok: [0, 2] }));
    /// ```
    QUOTE = quote {
        (value: Dynamic) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&RETRY, 0)
        .register_into_engine(engine, |context: NativeCallContext, closure: FnPtr| {
            retry(&context, Map::new(), &closure)
        });
    declare(&RETRY, 1).register_into_engine(
        engine,
        |context: NativeCallContext, options: Map, closure: FnPtr| {
            retry(&context, options, &closure)
        },
    );
    declare(&TIMEOUT, 0).register_into_engine(
        engine,
        |context: NativeCallContext, limit: Dynamic, closure: FnPtr| {
            timeout(&context, &limit, &closure)
        },
    );
    declare(&SLEEP, 0).register_into_engine(
        engine,
        |context: NativeCallContext, time: ImmutableString| pause(&context, &time.into()),
    );
    declare(&SLEEP, 1).register_into_engine(engine, |context: NativeCallContext, time: i64| {
        pause(&context, &time.into())
    });
    declare(&SLEEP, 2).register_into_engine(engine, |context: NativeCallContext, time: f64| {
        pause(&context, &time.into())
    });
    declare(&SLEEP, 3).register_into_engine(
        engine,
        |context: NativeCallContext, time: Dynamic, what: ImmutableString| {
            pause_in_loop(&context, &time, what.as_str())
        },
    );
    declare(&FINALLY, 0).register_into_engine(
        engine,
        |context: NativeCallContext, closure: FnPtr| -> Result<()> {
            Frame::acting(&context, "finally")?.register(Hook::Finally(closure));
            Ok(())
        },
    );
    declare(&ON_FAILURE, 0).register_into_engine(
        engine,
        |context: NativeCallContext, closure: FnPtr| -> Result<()> {
            Frame::acting(&context, "on_failure")?.register(Hook::OnFailure(closure));
            Ok(())
        },
    );
    declare(&FAIL, 0).register_into_engine(
        engine,
        |context: NativeCallContext, message: &str| -> Result<()> {
            let mut failure = Failure::new(FailureKind::Failed, message);
            failure.host = Frame::of(&context)?
                .host()
                .map(|host| host.name().to_owned());
            Err(throw(failure, &context))
        },
    );
    declare(&CONFIRM, 0)
        .register_into_engine(engine, |context: NativeCallContext, question: &str| {
            confirm(&context, question)
        });
    declare(&QUOTE, 0)
        .register_into_engine(engine, |context: NativeCallContext, value: Dynamic| {
            command::quote(&context, &value)
        });
}

fn retry(context: &NativeCallContext<'_>, options: Map, closure: &FnPtr) -> Result<Dynamic> {
    let frame = Frame::acting(context, "retry")?;
    let options = Options::<Retry>::read(&RETRY, options, context)?;
    let times = options.times.unwrap_or(3).max(1);
    let mut delay = options.delay.map_or(Duration::from_secs(1), |span| span.0);
    let backoff = options.backoff.unwrap_or(1.0);
    if !(1.0..=100.0).contains(&backoff) {
        return Err(options.wrong("backoff", "must be a number from 1 to 100"));
    }
    let stop_when = options.closure(options.stop_when);
    let steps = frame.steps().call("retry", position(context).as_ref());
    for left in (0..times).rev() {
        let inner = frame.with_steps(steps.again());
        let tried = inner.enter(context, |context| {
            closure.call_within_context::<Dynamic>(context, ())
        });
        let error = match tried {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if left == 0 || halt_of(&error).is_some() {
            return Err(error);
        }
        let failure = crate::script::error::failure(&error, context, frame.world());
        if failure.kind == FailureKind::InDoubt {
            // Whether it ran is for the operator to say.
            return Err(error);
        }
        if frame.host().is_some_and(|host| host.is_final(&failure)) {
            return Err(error);
        }
        if let Some(stop_when) = stop_when
            && stop_when.call_within_context::<bool>(context, (failure.clone(),))?
        {
            return Err(error);
        }
        let host = frame.host().map(|host| host.name().to_owned());
        // The line begins with the host's name, so the failure is shown without it.
        let told = Failure {
            host: failure.host.filter(|name| host.as_ref() != Some(name)),
            ..failure
        };
        let message = format!(
            "{told}; trying again in {}",
            humantime::format_duration(delay)
        );
        frame.run().log(LogLevel::Warn, host.as_deref(), message);
        let attempt = times - left + 1;
        let what = format!("to try again (attempt {attempt} of {times})");
        wait(context, &frame, delay, what)?;
        delay = Duration::try_from_secs_f64(delay.as_secs_f64() * backoff)
            .map_or(LONGEST_DELAY, |longer| longer.min(LONGEST_DELAY.max(delay)));
    }
    Ok(Dynamic::UNIT)
}

fn timeout(context: &NativeCallContext<'_>, limit: &Dynamic, closure: &FnPtr) -> Result<Dynamic> {
    let limit = duration(limit).map_err(|message| argument(context, message))?;
    let outer = Frame::of(context)?;
    let token = outer.cancel().child_token();
    let timer = {
        let token = token.clone();
        outer.run().runtime.spawn(async move {
            tokio::time::sleep(limit).await;
            token.cancel();
        })
    };
    let inner = outer.with_cancel(token.clone());
    let host = outer.host().map(|host| host.name().to_owned());
    let stopped = || outer.run().take_stopped(host.as_deref()?);
    // A timeout that stopped something earlier does not count here.
    drop(stopped());
    let result = inner.enter(context, |context| {
        closure.call_within_context::<Dynamic>(context, ())
    });
    timer.abort();
    match result {
        // Cancelled by the timer, not by an outer frame.
        Err(error)
            if matches!(halt_of(&error), Some(Halt::Cancelled))
                && token.is_cancelled()
                && !outer.cancel().is_cancelled() =>
        {
            let message = format!("took longer than {}", humantime::format_duration(limit));
            // The step has already reported that it was stopped. This is the reason, not another failure.
            let mut failure =
                stopped().unwrap_or_else(|| Failure::new(FailureKind::Failed, message.clone()));
            failure.message = message;
            failure.host.clone_from(&host);
            failure.at = None;
            Err(throw(failure, context))
        }
        result => result,
    }
}

fn pause(context: &NativeCallContext<'_>, time: &Dynamic) -> Result<()> {
    let time = duration(time).map_err(|message| argument(context, message))?;
    let frame = Frame::acting(context, "sleep")?;
    if frame.run().settings.mode == RunMode::Check {
        return Ok(());
    }
    let what = format!("for a sleep of {}", humantime::format_duration(time));
    wait(context, &frame, time, what)
}

fn pause_in_loop(context: &NativeCallContext<'_>, time: &Dynamic, what: &str) -> Result<()> {
    let time = duration(time).map_err(|message| argument(context, message))?;
    let frame = Frame::acting(context, "sleep")?;
    if frame.run().settings.mode == RunMode::Check {
        return Ok(());
    }
    let at = position(context);
    let before = at.as_ref().and_then(|at| frame.rounds(at));
    let waited = Waited::new(what).on(frame.host().map(HostHandle::name));
    let rounds = frame
        .run()
        .pause_again(frame.cancel(), time, waited, before)
        .map_err(|failure| throw(failure, context))?;
    if let Some(at) = at {
        frame.set_rounds(at, rounds);
    }
    Ok(())
}

fn wait(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    time: Duration,
    what: String,
) -> Result<()> {
    let waited = Waited::new(what).on(frame.host().map(HostHandle::name));
    frame
        .run()
        .pause_for(frame.cancel(), time, waited)
        .map_err(|failure| throw(failure, context))
}

fn confirm(context: &NativeCallContext<'_>, question: &str) -> Result<()> {
    let frame = Frame::acting(context, "confirm")?;
    let run = frame.run();
    let id = frame.steps().named("confirm", question, None);
    let before = run.past.as_ref().zip(id.as_ref());
    if before.is_some_and(|(past, id)| past.is_confirmed(id)) {
        return Ok(());
    }
    let answer = question::ask(run, question, frame.cancel());
    if answer.map_err(|failure| throw(failure, context))? {
        if let (Some(journal), Some(step)) = (&run.journal, id) {
            journal.note(Entry::Confirmed { step });
        }
        return Ok(());
    }
    let failure = Failure::new(FailureKind::Failed, "the operator answered no");
    Err(throw(
        failure.hint("Nothing after the question was run."),
        context,
    ))
}
