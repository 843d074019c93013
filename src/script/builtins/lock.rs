//! `with_lock(name, ...)`.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::declare;
use crate::declare::{Span, function, options};
use crate::deploy::lock::{LEASE, SHORTEST_LEASE, Wanted, acquire, name, tell_holders};
use crate::model::{Failure, FailureKind, Host, LockScope};
use crate::script::error::{Halt, argument, halt_of, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::task::RunMode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    struct LockOptions {
        /// how long to wait for a lock that another run holds; default `"0s"`, not at all
        wait: Option<Span>,
        /// `"hosts"`: the lock is stored on the hosts, so it excludes every other run, from any machine;
        /// `"local"`: on this machine; default `"hosts"`
        scope: Option<String>,
        /// a pattern: the hosts to hold the lock on; by default, all hosts that the playbook has selected
        /// with `hosts(...)` so far
        hosts: Option<String>,
        /// how long the lock remains after the run is lost, from `"3s"` to `"24h"`; default `"90s"`; a live
        /// run keeps renewing it
        lease: Option<Span>,
    }
}

function! {
    /// Calls a closure while this run holds a lock, and returns its value. Only one run at a time can hold
    /// the lock with this name.
    ///
    /// The lock is taken on all of the hosts or on none, including those that `--limit` excludes. If
    /// another run holds it, `with_lock` throws a failure of the kind `held`, which makes `ops` exit with
    /// code 5. It is released when the closure ends, with or without a failure, and after Ctrl-C. `finally`
    /// and `on_failure` in the closure run before the release. After the lock has passed to another run, a
    /// host refuses every change of this run. Call `with_lock` around `each`, not inside it. In check mode,
    /// the lock is not taken; its holder is reported.
    ///
    /// ```rhai
    /// let web = hosts("web");
    /// with_lock("deploy/shop", #{ wait: "5m" }, || {
    ///     each(web, |h| h.apply(files::file("/srv/shop/VERSION", "1.4.2\n")));
    /// });
    /// ```
    pub(crate) WITH_LOCK = with_lock(LockOptions) {
        (name: String, closure: Fn) -> Dynamic,
        (name: String, options: Map, closure: Fn) -> Dynamic,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&WITH_LOCK, 0).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, closure: FnPtr| {
            with_lock(&context, name, Map::new(), &closure)
        },
    );
    declare(&WITH_LOCK, 1).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, options: Map, closure: FnPtr| {
            with_lock(&context, name, options, &closure)
        },
    );
}

fn with_lock(
    context: &NativeCallContext<'_>,
    name: &str,
    options: Map,
    closure: &FnPtr,
) -> Result<Dynamic> {
    let outer = Frame::acting(context, "with_lock")?;
    if outer.host().is_some() {
        let failure = Failure::new(
            FailureKind::Failed,
            "`with_lock` cannot be called in a closure that runs for each host",
        );
        let hint = "Take the lock around the `each`. One lock covers all of its hosts.";
        return Err(throw(failure.hint(hint), context));
    }
    name::check(name).map_err(|why| argument(context, why))?;
    let wanted = wanted(context, &outer, name, options)?;
    let run = outer.run();
    let lock = if run.settings.mode == RunMode::Check {
        tell_holders(run, &wanted, outer.cancel()).map_err(|failure| throw(failure, context))?;
        None
    } else {
        let playbook = outer.world().sources.playbook();
        let lock = acquire(run, &wanted, playbook, outer.cancel());
        Some(lock.map_err(|failure| throw(failure, context))?)
    };
    let result = within(
        context,
        &outer.within("with_lock", position(context).as_ref()),
        closure,
    );
    if let Some(lock) = lock {
        match lock.release(run) {
            Err(failure) if result.is_ok() => return Err(throw(failure, context)),
            Err(failure) => run.clean_up_failed(&failure),
            Ok(()) => {}
        }
    }
    result
}

/// Calls the closure in its own frame, and then runs what it registered there.
fn within(context: &NativeCallContext<'_>, frame: &Frame, closure: &FnPtr) -> Result<Dynamic> {
    frame.enter(context, |context| {
        let result = closure.call_within_context::<Dynamic>(context, ());
        let failed = match &result {
            Ok(_) => false,
            // An unknown result is not a failure.
            Err(error) => !matches!(halt_of(error), Some(Halt::Unknown)),
        };
        let mut clean_up = frame.leave(context, failed).into_iter();
        // The first failure is the result; the others are reported.
        let result = match result {
            Err(error) if failed => Err(error),
            result => match clean_up.next() {
                Some(failure) => Err(throw(failure, context)),
                None => result,
            },
        };
        clean_up.for_each(|failure| frame.run().clean_up_failed(&failure));
        result
    })
}

fn wanted(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    name: &str,
    options: Map,
) -> Result<Wanted> {
    let options = Options::<LockOptions>::read(&WITH_LOCK, options, context)?;
    let wait = options.wait.map_or(Duration::ZERO, |span| span.0);
    let lease = options.lease.map_or(LEASE, |span| span.0);
    if lease < SHORTEST_LEASE || lease > Duration::from_hours(24) {
        return Err(options.wrong("lease", "must be a duration from \"3s\" to \"24h\""));
    }
    let scope = match options.scope.as_deref() {
        None | Some("hosts") => LockScope::Hosts,
        Some("local") => LockScope::Local,
        Some(other) => {
            let message = format!("must be \"hosts\" or \"local\", not \"{other}\"");
            return Err(options.wrong("scope", &message));
        }
    };
    let hosts = match (scope, &options.hosts) {
        (LockScope::Local, Some(_)) => {
            return Err(options.wrong("hosts", "cannot be used with a local lock"));
        }
        (LockScope::Local, None) => Vec::new(),
        (LockScope::Hosts, Some(pattern)) => frame
            .run()
            .inventory
            .unlimited()
            .select(pattern)
            .map_err(|error| throw(error.into(), context))?,
        (LockScope::Hosts, None) => named(context, frame)?,
    };
    Ok(Wanted {
        name: name.to_owned(),
        scope,
        wait,
        lease,
        hosts,
    })
}

/// The hosts that the playbook has selected.
fn named(context: &NativeCallContext<'_>, frame: &Frame) -> Result<Vec<Arc<Host>>> {
    let hosts = frame.world().named_hosts();
    if !hosts.is_empty() {
        return Ok(hosts);
    }
    let failure = Failure::new(
        FailureKind::Failed,
        "the playbook has not selected any hosts yet, so there is no place for the lock",
    );
    let hint = "Call `hosts(...)` first, or pass `#{ hosts: \"web\" }`, or `#{ scope: \"local\" }` for a \
                lock on this machine.";
    Err(throw(failure.hint(hint), context))
}
