//! `each(hosts, ...)`: calls a closure for every host, in parallel.

use std::time::Instant;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::declare;
use super::host::HostValue;
use super::selected::{arrange, hosts_of};
use crate::declare::{function, options};
use crate::model::{Emission, Failure, FailureKind, Kind};
use crate::run::HostQueue;
use crate::script::error::{Halt, argument, halt, position, throw};
use crate::script::frame::{Frame, MAX_EACH};
use crate::script::on_host::{Stop, call};
use crate::script::options::Options;

options! {
    struct Each {
        /// the maximum number of hosts at a time; default 50, or `--forks`
        forks: Option<usize>,
        /// how many hosts may fail before it throws; default `0`
        max_failures: Option<usize>,
        /// `"inventory"`, `"sorted"`, `"reverse"` or `"shuffle"`; default `"inventory"`
        order: Option<String>,
    }
}

function! {
    /// Calls a closure for every host, in parallel, and returns a map of host names to the values returned.
    ///
    /// After all hosts have finished, it throws if more than `max_failures` failed. A host that failed is
    /// left out of every later `each` of the run. Every host gets its own copy of the variables that the
    /// closure captures.
    ///
    /// ```rhai
    /// let uptimes = each(hosts("web"), #{ forks: 10 }, |h| h.run("uptime", #{ reads: true }).stdout);
    /// ```
    pub(crate) EACH = each(Each) {
        (hosts: Array, closure: Fn) -> Map,
        (hosts: Array, options: Map, closure: Fn) -> Map,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&EACH, 0).register_into_engine(
        engine,
        |context: NativeCallContext, hosts: Array, closure: FnPtr| {
            each(&context, hosts, Map::new(), &closure)
        },
    );
    declare(&EACH, 1).register_into_engine(
        engine,
        |context: NativeCallContext, hosts: Array, options: Map, closure: FnPtr| {
            each(&context, hosts, options, &closure)
        },
    );
}

fn each(
    context: &NativeCallContext<'_>,
    hosts: Array,
    options: Map,
    closure: &FnPtr,
) -> Result<Map, Box<EvalAltResult>> {
    let frame = Frame::acting(context, "each")?;
    let run = frame.run();
    if frame.depth() >= MAX_EACH {
        let message = format!("`each` is nested more than {MAX_EACH} deep");
        let failure = Failure::new(FailureKind::Failed, message)
            .hint("Does a function that calls `each` call itself?");
        return Err(throw(failure, context));
    }
    let options = Options::<Each>::read(&EACH, options, context)?;
    let forks = options.forks.unwrap_or(run.settings.forks).max(1);
    let forks = frame.threads(forks);
    let max_failures = options.max_failures.unwrap_or(0);
    let mut selected = hosts_of("each", context, hosts)?;
    selected.retain(|host| run.failure_of(host.0.name()).is_none());
    arrange(&mut selected, options.order.as_deref())
        .map_err(|message| argument(context, message))?;

    let started = Kind::EachStarted {
        hosts: selected.len(),
        forks: forks.min(selected.len()),
    };
    let began = Instant::now();
    run.bus.emit(Emission::new(started).at(position(context)));
    let links = selected.iter().map(|host| Some(host.0.link().clone()));
    let queue = HostQueue::new(run.runtime.clone(), links, forks, frame.cancel().clone());
    let within = frame.one_of(forks.min(selected.len()));
    let within = within.with_steps(frame.steps().call("each", position(context).as_ref()));
    let results = queue.fan_out(&selected, |host| one(context, &within, host, closure));
    drop(queue);

    let mut values = Map::new();
    let mut failures = Vec::new();
    let mut stopped = None;
    for (host, result) in selected.iter().zip(results) {
        match result {
            Some(Ok(value)) => {
                values.insert(host.0.name().into(), value.flatten());
            }
            Some(Err(Stop::Halted(how))) => stopped = Some(how),
            Some(Err(Stop::Failed(failure))) => {
                // The host of the closure counts as failed even if another machine caused it, such as a
                // balancer.
                run.host_failed(host.0.name(), &failure);
                failures.push(*failure);
            }
            None => {
                let message = "the thread of the host panicked";
                let failure = Failure::new(FailureKind::Internal, message).on(host.0.name());
                run.host_failed(host.0.name(), &failure);
                failures.push(failure);
            }
        }
    }
    let finished = Kind::EachFinished {
        hosts: selected.len(),
        failed: failures.len(),
    };
    run.bus
        .emit(Emission::new(finished).duration(began.elapsed()));
    if let Some(how) = stopped {
        return Err(halt(how, context.call_position()));
    }
    if failures.len() > max_failures {
        return Err(throw(together(failures, selected.len()), context));
    }
    Ok(values)
}

/// Calls the closure for one host, on the host's thread.
fn one(
    context: &NativeCallContext<'_>,
    outer: &Frame,
    host: &HostValue,
    closure: &FnPtr,
) -> Result<Dynamic, Stop> {
    let run = outer.run();
    if outer.cancel().is_cancelled() {
        return Err(Stop::Halted(Halt::Cancelled));
    }
    let name = host.0.name();
    let began = Instant::now();
    run.bus.emit(Emission::new(Kind::HostStarted).host(name));
    let frame = outer.of_host(host.0.clone());
    let result = call(context, &frame, host, closure);
    let failure = match &result {
        Ok(_) => None,
        Err(Stop::Failed(failure)) => Some(failure.clone()),
        Err(Stop::Halted(_)) => Some(Box::new(Failure::interrupted().on(name))),
    };
    let finished = Kind::HostFinished { failure };
    run.bus
        .emit(Emission::new(finished).host(name).duration(began.elapsed()));
    result
}

/// Combines the failures of several hosts into one. A single failure is returned as it is.
pub(super) fn together(mut failures: Vec<Failure>, hosts: usize) -> Failure {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let all = |kind: FailureKind| failures.iter().all(|failure| failure.kind == kind);
    let kind = [FailureKind::Unreachable, FailureKind::Held]
        .into_iter()
        .find(|kind| all(*kind))
        .unwrap_or(FailureKind::Failed);
    let names: Vec<&str> = failures
        .iter()
        .filter_map(|failure| failure.host.as_deref())
        .collect();
    let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(8);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Failure {
        sums_up: true,
        ..Failure::new(
            kind,
            format!("{} of {hosts} hosts failed: {shown}{more}", failures.len()),
        )
    }
}
