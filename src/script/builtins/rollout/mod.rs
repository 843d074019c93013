//! `rollout(hosts, #{...})`: connects the closures of a playbook to the state machine of `deploy::rollout`.

mod check;
mod closures;
mod options;
mod progress;
mod resumed;
mod skip;
mod summary;
mod watch;

use rhai::{Array, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare;
use super::host::{HostValue, within_limit};
use super::selected::{arrange, hosts_of};
use crate::declare::function;
use crate::deploy::rollout::{Earlier, Gates, Others, Rollout, Start, Threads};
use crate::model::{Emission, Failure, Kind, LogLevel, RolloutEnd};
use crate::run::{StepIds, fan_out, question};
use crate::script::error::{Halt, argument, halt, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::store::RolloutEntry;
use crate::task::RunMode;

use closures::Closures;
use options::{RolloutOptions, Wanted};
use progress::Progress;
use resumed::Prepared;
use summary::Summary;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Rolls out a change to hosts in batches, and rolls it back if it fails. Every closure takes the host;
    /// only `update` is required.
    ///
    /// Returns a map of host names to maps with `fate` (`"updated"`, `"unchanged"`, `"untouched"`,
    /// `"rolled_back"`, `"left_out"`, in check mode `"checked"`), `version` (`"old"`, `"new"`,
    /// `"unknown"`), `batch`, `failure` and `reason`. Throws if the rollout was aborted: the exit code is 6
    /// if everything was rolled back, and 7 if something could not be. In check mode, only `update` is run,
    /// for all hosts at once.
    ///
    /// ```rhai
    /// rollout(hosts("web"), #{
    ///     batch: [1, "25%"],
    ///     min_healthy: "5s",
    ///     update: |h| h.apply(files::file("/srv/shop/VERSION", "1.4.2\n")),
    ///     healthy: |h| h.run("curl -fsS http://127.0.0.1:8080/healthz", #{ reads: true }).stdout == "1.4.2",
    /// });
    /// ```
    pub(crate) ROLLOUT = rollout(RolloutOptions) {
        (hosts: Array, options: Map) -> Map,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&ROLLOUT, 0).register_into_engine(
        engine,
        |context: NativeCallContext, hosts: Array, options: Map| rollout(&context, hosts, options),
    );
}

fn rollout(context: &NativeCallContext<'_>, hosts: Array, options: Map) -> Result<Map> {
    let frame = Frame::acting(context, "rollout")?;
    let run = frame.run();
    let wanted = Wanted::new(&Options::read(&ROLLOUT, options, context)?, &frame)?;
    let mut hosts = hosts_of("rollout", context, hosts)?;
    let mut seen = std::collections::HashSet::new();
    hosts.retain(|host| seen.insert(host.0.name().to_owned()));
    for host in &hosts {
        within_limit("rollout", context, run, &host.0)?;
    }
    // As with `each`, a host that failed is left out.
    let (absent, mut hosts): (Vec<_>, Vec<_>) = hosts
        .into_iter()
        .partition(|host| run.failure_of(host.0.name()).is_some());
    arrange(&mut hosts, wanted.order()).map_err(|message| argument(context, message))?;
    if run.settings.mode == RunMode::Check {
        return check::rollout(context, &frame, &wanted, &hosts);
    }
    if wanted.spec.confirm != Gates::Never {
        // Fail now rather than after the first batch.
        question::can_ask(run, "whether to continue a rollout after a batch")
            .map_err(|failure| throw(failure, context))?;
    }
    let at = position(context);
    let steps = frame.steps().call("rollout", at.as_ref());
    let mut progress = Progress::new(&frame, at.as_ref());
    let names = hosts.iter().chain(&absent).map(|host| host.0.name());
    let earlier = progress.earlier(&names.collect());
    if let Some(earlier) = &earlier {
        progress.going_on(earlier);
    }
    if let Some(earlier) = &earlier
        && earlier.end == Some(RolloutEnd::RolledBack)
    {
        return resumed::rolled_back(context, run, &wanted, &hosts, earlier);
    }
    let world = (context, &frame, &wanted, &steps);
    let (prepared, skipped) = prepare(world, &mut hosts, &absent, earlier.as_ref())?;
    let Prepared { rollout, out, gone } = prepared;
    let started = Kind::RolloutStarted {
        hosts: hosts.len(),
        batches: rollout.sizes(),
        max_unavailable: rollout.max_unavailable(),
        max_failures: wanted.spec.max_failures,
        on_abort: wanted.spec.on_abort,
    };
    let began = std::time::Instant::now();
    let plan = RolloutEntry::Begun {
        goes_on: earlier.is_some(),
        was: progress.was.clone(),
        hosts: hosts.iter().map(|host| host.0.name().to_owned()).collect(),
        sizes: rollout.sizes(),
        out,
        skipped: skipped.clone(),
    };
    progress
        .promise(plan)
        .map_err(|failure| throw(failure, context))?;
    run.bus.emit(Emission::new(started).at(at.clone()));
    let closures = Closures::new(context, &frame, &wanted, &hosts, &steps);
    let closures = closures.recorded(&progress, earlier.as_ref());
    let threads = Threads {
        runtime: &run.runtime,
        interrupt: frame.cancel(),
        kill: &run.cancel.cleanup,
    };
    let mut report = threads.run(rollout, &closures);
    if report.end == RolloutEnd::RolledBack && !gone.is_empty() {
        report.end = RolloutEnd::NotRolledBack;
    }
    progress.ended(&frame, report.end);
    let result = Summary::new(report, &hosts, &absent, run);
    let skipped = skipped.into_iter().map(|name| (name, skip::end(&wanted)));
    let gone = gone
        .into_iter()
        .map(|name| (name.clone(), resumed::gone(&name)));
    let result = result.and_others(skipped.chain(gone));
    run.bus.emit(
        Emission::new(result.kind())
            .duration(began.elapsed())
            .at(at),
    );
    result.give(context, run, &wanted)
}

/// What a rollout is called with: its context, frame and options, and the steps of its frame.
type World<'a, 'c> = (
    &'a NativeCallContext<'c>,
    &'a Frame,
    &'a Wanted,
    &'a StepIds,
);

/// Looks at the hosts, and prepares the rollout, or one that goes on. Returns also the names of the hosts to
/// skip.
fn prepare(
    (context, frame, wanted, steps): World<'_, '_>,
    hosts: &mut Vec<HostValue>,
    absent: &[HostValue],
    earlier: Option<&Earlier>,
) -> Result<(Prepared, Vec<String>)> {
    Ok(match earlier {
        None => {
            let (starts, skipped) = look_first(context, frame, wanted, hosts, steps)?;
            let others = Others {
                out: absent.len(),
                in_service: skipped.len(),
            };
            let out = starts.iter().filter(|start| start.found_out);
            let out = out.map(|start| start.name.clone()).collect();
            let rollout = Rollout::new(wanted.spec.clone(), &starts, others);
            let gone = Vec::new();
            (Prepared { rollout, out, gone }, skipped)
        }
        Some(earlier) => {
            let skipped = resumed::arrange(hosts, earlier);
            let others = Others {
                out: absent.len(),
                in_service: skipped.len(),
            };
            let frame = frame.with_steps(steps.clone());
            let known = (earlier, absent);
            let prepared = resumed::prepare(context, &frame, wanted, hosts, known, others)?;
            (prepared, skipped)
        }
    })
}

/// Checks every host once before the rollout: whether it is in service and healthy, if there are closures
/// for that, and whether `update` would change anything. Returns the hosts to update in order, and the names
/// of the hosts to skip. Hosts that are out of service come first, then unhealthy ones: updating them first
/// puts no healthy host at risk.
///
/// # Errors
/// The balancer cannot report which hosts are in service. Nothing has been started then.
fn look_first(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    wanted: &Wanted,
    hosts: &mut Vec<HostValue>,
    steps: &StepIds,
) -> Result<(Vec<Start>, Vec<String>)> {
    let closures = Closures::new(context, frame, wanted, hosts, &steps.call("look", None));
    let indices: Vec<usize> = (0..hosts.len()).collect();
    let look = |host: &usize| -> std::result::Result<(bool, bool, bool), Option<Box<Failure>>> {
        let in_service = !wanted.spec.present.in_service || closures.is_in_service(*host)?;
        let healthy = !wanted.unhealthy_first || closures.is_well(*host);
        let skip = in_service && healthy && !wanted.force && closures.is_up_to_date(*host);
        Ok((in_service, healthy, skip))
    };
    let looked = fan_out(&indices, wanted.spec.parallel, look);
    let mut starts = Vec::new();
    let mut skipped = Vec::new();
    for (host, looked) in std::mem::take(hosts).into_iter().zip(looked) {
        let (in_service, healthy, skip) = match looked.unwrap_or(Ok((true, false, false))) {
            Ok(looked) => looked,
            Err(None) => return Err(halt(Halt::Cancelled, context.call_position())),
            Err(Some(failure)) => {
                let failure = resumed::unknown_service(host.0.name(), *failure);
                return Err(throw(failure, context));
            }
        };
        if skip {
            skipped.push(host.0.name().to_owned());
            continue;
        }
        let start = Start {
            name: host.0.name().to_owned(),
            down: !healthy,
            found_out: !in_service,
        };
        starts.push((host, start));
    }
    let rank = |start: &Start| match start {
        Start {
            found_out: true, ..
        } => 0,
        Start { down: true, .. } => 1,
        _ => 2,
    };
    starts.sort_by_key(|(_, start)| rank(start));
    let out: Vec<&str> = starts
        .iter()
        .filter(|(_, start)| start.found_out)
        .map(|(_, start)| start.name.as_str())
        .collect();
    if !out.is_empty() {
        let verb = if out.len() == 1 { "is" } else { "are" };
        let message = format!(
            "the balancer has {} of {} hosts out of service before the rollout: {} {verb} updated first",
            out.len(),
            starts.len() + skipped.len(),
            out.join(", ")
        );
        frame.run().log(LogLevel::Warn, None, message);
    }
    let (found, starts) = starts.into_iter().unzip();
    *hosts = found;
    Ok((starts, skipped))
}
