//! A rollout of a run that is resumed: what becomes of each host.

use rhai::{EvalAltResult, Map, NativeCallContext};

use super::closures::Closures;
use super::options::Wanted;
use super::summary::Summary;
use crate::deploy::rollout::{
    Actions as _, Earlier, EarlierHost, Others, Report, Resumed, Rollout, Start, Step, StepResult,
};
use crate::model::{Failure, FailureKind, Fate, HostEnd, LogLevel, OnAbort, RolloutEnd, Version};
use crate::run::{Run, fan_out};
use crate::script::builtins::HostValue;
use crate::script::builtins::each::together;
use crate::script::error::{Halt, halt, throw};
use crate::script::frame::Frame;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// How often an updated host is looked at before it counts as unhealthy.
const LOOKS: usize = 3;

/// The hosts that go on, in the order of the rollout, and the hosts that needed no update. Hosts that the
/// playbook selects only now come last.
pub(super) fn arrange(hosts: &mut Vec<HostValue>, earlier: &Earlier) -> Vec<String> {
    let skipped = |host: &HostValue| earlier.skipped.iter().any(|name| name == host.0.name());
    let place = |host: &HostValue| {
        let mut all = earlier.hosts.iter();
        all.position(|known| known.name == host.0.name())
    };
    let names = hosts
        .iter()
        .filter(|host| skipped(host) && place(host).is_none());
    let names = names.map(|host| host.0.name().to_owned()).collect();
    hosts.retain(|host| place(host).is_some() || !skipped(host));
    hosts.sort_by_key(|host| place(host).unwrap_or(usize::MAX));
    names
}

/// A rollout that is ready to go on.
pub(super) struct Prepared {
    pub rollout: Rollout,
    /// The hosts that were out of service before the rollout.
    pub out: Vec<String>,
    /// Hosts that are out of service and not selected any more.
    pub gone: Vec<String>,
}

/// Looks at the hosts, and prepares the rollout. `absent`: hosts that failed earlier in this attempt.
///
/// # Errors
/// The balancer cannot report which hosts are in service. The rollout was complete, and too many hosts are
/// not healthy now.
pub(super) fn prepare(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    wanted: &Wanted,
    hosts: &[HostValue],
    (earlier, absent): (&Earlier, &[HostValue]),
    mut others: Others,
) -> Result<Prepared> {
    let steps = frame.steps().call("look", None);
    let closures = Closures::new(context, frame, wanted, hosts, &steps);
    let indices: Vec<usize> = (0..hosts.len()).collect();
    let looked = fan_out(&indices, wanted.spec.parallel, |host| {
        look(
            &closures,
            wanted,
            *host,
            earlier.host(hosts[*host].0.name()),
        )
    });
    let total = hosts.len() + others.out + others.in_service;
    let sizes = wanted.spec.batches.split(hosts.len(), total);
    // The last batch may be smaller than the others.
    let size = sizes
        .iter()
        .rev()
        .nth(1)
        .or(sizes.last())
        .copied()
        .unwrap_or(1)
        .max(1);
    let mut new = 0;
    let mut resumed: Vec<Resumed> = Vec::new();
    for (host, looked) in hosts.iter().zip(looked) {
        let name = host.0.name();
        let known = earlier.host(name);
        let (down, out, unhealthy) = match looked.unwrap_or(Ok((false, false, None))) {
            Ok(looked) => looked,
            Err(None) => return Err(halt(Halt::Cancelled, context.call_position())),
            Err(Some(failure)) => return Err(throw(unknown_service(name, *failure), context)),
        };
        // A host that the last attempt did not have comes last, like a new one.
        let planned = earlier.hosts.iter().find(|planned| planned.name == name);
        let batch = planned.map_or_else(
            || {
                new += 1;
                earlier.batches + (new - 1) / size
            },
            |planned| planned.batch,
        );
        resumed.push(Resumed {
            start: Start {
                name: name.to_owned(),
                down,
                found_out: out || known.is_some_and(|known| known.found_out),
            },
            batch,
            before: known.map(|known| known.before.clone()).unwrap_or_default(),
            unhealthy,
        });
    }
    if earlier.end == Some(RolloutEnd::Done) {
        let sick = resumed.iter().filter_map(|host| {
            let failure = host.unhealthy.as_deref()?.clone();
            Some(failure.on(&host.start.name))
        });
        let sick: Vec<Failure> = sick.collect();
        if sick.len() > wanted.spec.max_failures {
            let failure = together(sick, hosts.len());
            let hint =
                "The rollout was complete when the run was resumed, so nothing is rolled back.";
            return Err(throw(failure.hint(hint), context));
        }
        for host in &mut resumed {
            host.unhealthy = None;
        }
    }
    let rolls_back = earlier.reason.is_some() && wanted.spec.on_abort == OnAbort::Rollback;
    let selected: Vec<&HostValue> = hosts.iter().chain(absent).collect();
    let gone = tell(frame.run(), &selected, earlier, rolls_back);
    others.out += gone.len();
    let out = resumed.iter().filter(|host| host.start.found_out);
    let out = out.map(|host| host.start.name.clone()).collect();
    let batches = earlier.batches + new.div_ceil(size);
    let spec = wanted.spec.clone();
    let reason = earlier.reason.clone();
    Ok(Prepared {
        rollout: Rollout::resume(spec, resumed, batches, reason, others),
        out,
        gone,
    })
}

/// Whether a host is down, whether the balancer has it out of service, and why an updated host is not
/// healthy.
type Looked = (bool, bool, Option<Box<Failure>>);

fn look(
    closures: &Closures<'_, '_>,
    wanted: &Wanted,
    host: usize,
    known: Option<&EarlierHost>,
) -> std::result::Result<Looked, Option<Box<Failure>>> {
    match known.map(|known| &known.before) {
        Some(before) if before.is_in_flight() => Ok((false, false, None)),
        Some(before) if before.settled.is_some() => {
            let updated = before.settled == Some((Fate::Updated, Version::New));
            if !updated || !wanted.spec.present.healthy {
                return Ok((false, false, None));
            }
            Ok((false, false, unhealthy(closures, wanted, host)?))
        }
        _ => {
            let in_service = !wanted.spec.present.in_service || closures.is_in_service(host)?;
            let down = wanted.unhealthy_first && !closures.is_well(host);
            Ok((down, !in_service, None))
        }
    }
}

/// Why an updated host is not healthy, if it is not. One late answer says little, so it is looked at up to
/// three times.
///
/// # Errors
/// The run was interrupted.
fn unhealthy(
    closures: &Closures<'_, '_>,
    wanted: &Wanted,
    host: usize,
) -> std::result::Result<Option<Box<Failure>>, Option<Box<Failure>>> {
    let cancel = closures.cancel();
    let mut looks = 0..LOOKS;
    loop {
        looks.next();
        match closures.act(host, Step::Healthy, false, cancel) {
            StepResult::Done => return Ok(None),
            StepResult::Cancelled => return Err(None),
            StepResult::Failed { failure, .. } if looks.is_empty() => return Ok(Some(failure)),
            StepResult::Failed { .. } => {
                if closures.is_over(cancel, wanted.spec.interval) {
                    return Err(None);
                }
            }
        }
    }
}

/// The failure if the balancer cannot be asked about a host.
pub(super) fn unknown_service(host: &str, failure: Failure) -> Failure {
    let message = format!(
        "cannot determine whether {host} is in service, so nothing was started: {}",
        failure.message
    );
    Failure { message, ..failure }
}

/// Reports how far the rollout had come. Returns the hosts that are out of service and not selected any
/// more.
fn tell(run: &Run, hosts: &[&HostValue], earlier: &Earlier, rolls_back: bool) -> Vec<String> {
    let done = earlier
        .hosts
        .iter()
        .filter(|host| host.before.settled.is_some());
    let names = |hosts: Vec<&EarlierHost>| {
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        names.join(", ")
    };
    let going = earlier
        .hosts
        .iter()
        .filter(|host| host.before.is_in_flight());
    let going: Vec<&EarlierHost> = going.collect();
    let what = if rolls_back {
        "the rollback goes on"
    } else {
        "the rollout goes on"
    };
    let mut message = format!(
        "{what}: {} of {} hosts are done",
        done.count(),
        earlier.hosts.len()
    );
    if !going.is_empty() {
        message.push_str(&format!(", {} may be out of service", names(going)));
    }
    run.log(LogLevel::Info, None, message);
    let is_out = |host: &&EarlierHost| {
        let left_out = matches!(host.before.settled, Some((Fate::LeftOut, _)));
        host.before.is_in_flight() || left_out
    };
    let is_gone = |host: &&EarlierHost| !hosts.iter().any(|now| now.0.name() == host.name);
    let known = earlier.hosts.iter().chain(&earlier.absent);
    let gone: Vec<&EarlierHost> = known.filter(is_out).filter(is_gone).collect();
    let left = gone.iter().map(|host| host.name.clone()).collect();
    if !gone.is_empty() {
        let message = format!("{GONE}: {}", names(gone));
        run.log(LogLevel::Warn, None, message);
    }
    left
}

/// Why a host is left out that the playbook does not select any more.
const GONE: &str = "out of service, and not among the hosts of the rollout any more";

/// The result of such a host.
pub(super) fn gone(host: &str) -> HostEnd {
    HostEnd {
        fate: Fate::LeftOut,
        version: Version::Unknown,
        batch: None,
        failure: None,
        unrestored: Some(Box::new(Failure::new(FailureKind::Failed, GONE).on(host))),
        reason: Some(GONE.to_owned()),
    }
}

/// What a rollout gives that was rolled back by an earlier attempt of the run.
pub(super) fn rolled_back(
    context: &NativeCallContext<'_>,
    run: &Run,
    wanted: &Wanted,
    hosts: &[HostValue],
    earlier: &Earlier,
) -> Result<Map> {
    let end = |host: &HostValue| {
        let known = earlier.host(host.0.name());
        let (fate, version) = known
            .and_then(|known| known.before.settled)
            .unwrap_or((Fate::Untouched, Version::Old));
        HostEnd {
            fate,
            version,
            batch: known.map(|known| known.batch + 1),
            failure: known.and_then(|known| known.before.failure.clone()),
            unrestored: None,
            reason: None,
        }
    };
    let report = Report {
        end: RolloutEnd::RolledBack,
        reason: earlier.reason.clone(),
        hosts: hosts.iter().map(end).collect(),
    };
    Summary::new(report, hosts, &[], run).give(context, run, wanted)
}
