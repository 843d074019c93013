//! A rollout in check mode: runs only `update`, for every host.

use std::time::Instant;

use rhai::{EvalAltResult, Map, NativeCallContext};

use super::options::Wanted;
use super::summary::shown;
use crate::deploy::rollout::Step;
use crate::model::{
    Emission, Failure, FailureKind, Fate, HostEnd, HostEnds, Kind, LogLevel, RolloutEnd, Version,
};
use crate::run::fan_out;
use crate::script::builtins::HostValue;
use crate::script::builtins::each::together;
use crate::script::error::{Halt, halt, position, throw};
use crate::script::frame::Frame;
use crate::script::on_host::{Stop, call};

pub(super) fn rollout(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    wanted: &Wanted,
    hosts: &[HostValue],
) -> Result<Map, Box<EvalAltResult>> {
    let run = frame.run();
    let at = position(context);
    let began = Instant::now();
    run.bus.emit(
        Emission::new(Kind::RolloutStarted {
            hosts: hosts.len(),
            batches: Vec::new(),
            max_unavailable: None,
            max_failures: wanted.spec.max_failures,
            on_abort: wanted.spec.on_abort,
        })
        .at(at.clone()),
    );
    run.log(LogLevel::Info, None, steps_shown(wanted, hosts.len()));
    let results = fan_out(hosts, wanted.spec.parallel, |host| {
        one(context, frame, wanted, host)
    });
    let mut ends = HostEnds::new();
    let mut failures = Vec::new();
    let mut stopped = false;
    for (host, result) in hosts.iter().zip(results) {
        let ended = || Failure::new(FailureKind::Internal, "the thread of the host panicked");
        let failure = match result {
            Some(Ok(())) => None,
            Some(Err(Stop::Failed(failure))) => Some(failure),
            Some(Err(Stop::Halted(_))) => {
                stopped = true;
                None
            }
            None => Some(Box::new(ended())),
        };
        if let Some(failure) = &failure {
            let failure = failure.as_ref().clone().on(host.0.name());
            run.host_failed(host.0.name(), &failure);
            failures.push(failure);
        }
        let end = HostEnd {
            fate: Fate::Checked,
            version: Version::Old,
            batch: None,
            failure,
            unrestored: None,
            reason: None,
        };
        ends.insert(host.0.name().to_owned(), end);
    }
    let end_of_all = match (stopped, failures.is_empty()) {
        (true, _) => RolloutEnd::Interrupted,
        (false, true) => RolloutEnd::Done,
        (false, false) => RolloutEnd::WithFailures,
    };
    let finished = Kind::RolloutFinished {
        end: end_of_all,
        reason: None,
        hosts: ends.clone(),
    };
    run.bus
        .emit(Emission::new(finished).duration(began.elapsed()).at(at));
    if stopped {
        return Err(halt(Halt::Cancelled, context.call_position()));
    }
    if failures.len() > wanted.spec.max_failures {
        return Err(throw(together(failures, hosts.len()), context));
    }
    Ok(shown(&ends))
}

/// What a rollout would do with each host besides its update, in one line.
fn steps_shown(wanted: &Wanted, hosts: usize) -> String {
    let spec = &wanted.spec;
    let shown = |time| humantime::format_duration(time).to_string();
    let mut steps = Vec::new();
    if spec.present.drain {
        steps.push("drain it".to_owned());
    }
    steps.push("update it".to_owned());
    if spec.present.healthy {
        steps.push(format!(
            "wait until it has been healthy for {} (at most {})",
            shown(spec.min_healthy),
            shown(spec.healthy_deadline)
        ));
    }
    if spec.present.readmit {
        steps.push("put it back into service".to_owned());
    }
    let batches = spec.batches.split(hosts, hosts).len();
    let batches = if batches == 1 {
        "1 batch".to_owned()
    } else {
        format!("{batches} batches")
    };
    format!("would process each host in {batches}: {}", steps.join(", "))
}

fn one(
    context: &NativeCallContext<'_>,
    outer: &Frame,
    wanted: &Wanted,
    host: &HostValue,
) -> Result<(), Stop> {
    if outer.cancel().is_cancelled() {
        return Err(Stop::Halted(Halt::Cancelled));
    }
    let Some(update) = wanted.closure(Step::Update) else {
        return Ok(());
    };
    let (bus, name, began) = (&outer.run().bus, host.0.name(), Instant::now());
    bus.emit(Emission::new(Kind::HostStarted).host(name));
    let result = call(context, &outer.of_host(host.0.clone()), host, update).map(drop);
    let failure = match &result {
        Ok(()) => None,
        Err(Stop::Failed(failure)) => Some(failure.clone()),
        Err(Stop::Halted(_)) => Some(Box::new(Failure::interrupted().on(name))),
    };
    let finished = Kind::HostFinished { failure };
    bus.emit(Emission::new(finished).host(name).duration(began.elapsed()));
    result
}
