//! The options of `rollout`.

use std::collections::BTreeSet;
use std::time::Duration;

use rhai::{EvalAltResult, FnPtr};

use crate::declare::{Closure, Span, Value, options};
use crate::deploy::rollout::{Batches, Gates, Present, Size, Spec, Step, Times};
use crate::model::OnAbort;
use crate::script::frame::Frame;
use crate::script::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    /// The options of `rollout`.
    pub(in crate::script) struct RolloutOptions {
        /// takes the host out of service
        drain: Option<Closure>,
        /// updates the host
        update: Closure,
        /// passes unless it throws or returns `false`; called repeatedly
        healthy: Option<Closure>,
        /// puts the host back into service
        readmit: Option<Closure>,
        /// rolls the host back; by default, undoes what this run changed on it since its `update` began
        rollback: Option<Closure>,
        /// like `healthy`, for a host that was rolled back
        rollback_healthy: Option<Closure>,
        /// whether the balancer sends requests to the host: `true` or `false`. Called for every host before
        /// the rollout. Hosts that are already out of service are updated first and count as unavailable
        in_service: Option<Closure>,
        /// hosts at a time: a number, a share (`"25%"`), or a list with one for each batch; default `1`
        batch: Option<Value>,
        /// the maximum number of hosts out of service at once, a number or a share, including hosts that are
        /// left out; by default, only the size of the batches limits it
        max_unavailable: Option<Value>,
        /// how many hosts may fail in the whole rollout; default `0`
        max_failures: Option<usize>,
        /// with `true`, hosts are updated even if `update` would change nothing; with `false`, such hosts are
        /// skipped if they are healthy and in service; default `false`
        force: Option<bool>,
        /// `"unhealthy_first"`, `"inventory"`, `"sorted"`, `"reverse"` or `"shuffle"`; default
        /// `"unhealthy_first"` if there is a `rollback_healthy`, else `"inventory"`
        order: Option<String>,
        /// how long a host must stay healthy; default `"10s"`
        min_healthy: Option<Span>,
        /// the time limit for a host to become healthy and stay so for `min_healthy`; default `"5m"`
        healthy_deadline: Option<Span>,
        /// the maximum time until another host is healthy; default `"10m"`
        progress_deadline: Option<Span>,
        /// the time limit for rolling a host back; default `"5m"`
        rollback_deadline: Option<Span>,
        /// the time between two health checks of a host; default `"1s"`
        interval: Option<Span>,
        /// the time between two batches; by default, none
        pause: Option<Span>,
        /// asks after a batch whether to continue: `true` for every batch, `"first"`, or numbers of batches;
        /// default `false`
        confirm: Option<Value>,
        /// `"rollback"`: changed hosts are rolled back; `"stop"`: they stay as they are; `"continue"`:
        /// failures do not abort the rollout; default `"rollback"`
        on_abort: Option<String>,
    }
}

/// Checking more often costs more than it reveals.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Longer durations are likely mistakes and are refused.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// What a rollout should do, and its closures.
pub(super) struct Wanted {
    pub spec: Spec,
    pub unhealthy_first: bool,
    /// Also update hosts on which `update` would change nothing.
    pub force: bool,
    order: Option<String>,
    drain: Option<FnPtr>,
    update: FnPtr,
    healthy: Option<FnPtr>,
    readmit: Option<FnPtr>,
    rollback: Option<FnPtr>,
    rollback_healthy: Option<FnPtr>,
    in_service: Option<FnPtr>,
}

impl Wanted {
    pub(super) fn new(options: &Options<'_, RolloutOptions>, frame: &Frame) -> Result<Self> {
        let closure = |given| options.closure(given).cloned();
        let Some(update) = closure(Some(options.update)) else {
            return Err(options.wrong("update", "is required"));
        };
        let drain = closure(options.drain);
        let healthy = closure(options.healthy);
        let readmit = closure(options.readmit);
        let rollback = closure(options.rollback);
        let rollback_healthy = closure(options.rollback_healthy);
        let in_service = closure(options.in_service);
        let mut spec = Spec::new(Present {
            drain: drain.is_some(),
            healthy: healthy.is_some(),
            readmit: readmit.is_some(),
            rollback_healthy: rollback_healthy.is_some(),
            in_service: in_service.is_some(),
        });
        spec.parallel = frame.run().settings.forks;
        if let Some(batch) = &options.batch {
            spec.batches = batches(batch).map_err(|message| options.wrong("batch", &message))?;
        }
        if let Some(most) = &options.max_unavailable {
            let most = size(most).map_err(|message| options.wrong("max_unavailable", &message))?;
            spec.max_unavailable = Some(most);
        }
        if let Some(most) = options.max_failures {
            spec.max_failures = most;
        }
        if let Some(word) = &options.on_abort {
            spec.on_abort = on_abort(word).ok_or_else(|| {
                let message = "must be \"rollback\", \"stop\" or \"continue\"";
                options.wrong("on_abort", message)
            })?;
        }
        if let Some(confirm) = &options.confirm {
            spec.confirm = gates(confirm).map_err(|message| options.wrong("confirm", &message))?;
        }
        times(options, &mut spec)?;
        let force = options.force.unwrap_or(false);
        let order = options.order.clone();
        let told = order.as_deref() == Some("unhealthy_first");
        if told && rollback_healthy.is_none() {
            let message = "`unhealthy_first` requires `rollback_healthy`, which is not given";
            return Err(options.wrong("order", message));
        }
        Ok(Self {
            spec,
            unhealthy_first: told || order.is_none() && rollback_healthy.is_some(),
            force,
            order: order.filter(|_| !told),
            drain,
            update,
            healthy,
            readmit,
            rollback,
            rollback_healthy,
            in_service,
        })
    }

    /// The order among hosts of the same health.
    pub(super) fn order(&self) -> Option<&str> {
        self.order.as_deref()
    }

    /// The closure of a step. `None` for a rollback that undoes changes.
    pub(super) fn closure(&self, step: Step) -> Option<&FnPtr> {
        match step {
            Step::Drain => self.drain.as_ref(),
            Step::Update => Some(&self.update),
            Step::Healthy => self.healthy.as_ref(),
            Step::Readmit => self.readmit.as_ref(),
            Step::Rollback => self.rollback.as_ref(),
            Step::RollbackHealthy => self.rollback_healthy.as_ref(),
            Step::InService => self.in_service.as_ref(),
            Step::Reach => None,
        }
    }
}

fn times(options: &Options<'_, RolloutOptions>, spec: &mut Spec) -> Result<()> {
    let looked_at = spec.present.healthy || spec.present.rollback_healthy;
    let time = |key: &str, given: Option<Span>, of: bool| -> Result<Option<Duration>> {
        let Some(Span(time)) = given else {
            return Ok(None);
        };
        if !of {
            return Err(options.wrong(key, "requires `healthy`, which is not given"));
        }
        if time > LONGEST {
            return Err(options.wrong(key, "must be at most a year"));
        }
        Ok(Some(time))
    };
    let min_healthy = time("min_healthy", options.min_healthy, looked_at)?;
    let interval = time("interval", options.interval, looked_at)?;
    let healthy_deadline = time(
        "healthy_deadline",
        options.healthy_deadline,
        spec.present.healthy,
    )?;
    let progress_deadline = time("progress_deadline", options.progress_deadline, true)?;
    let rollback_deadline = time("rollback_deadline", options.rollback_deadline, true)?;
    let pause = time("pause", options.pause, true)?;
    spec.min_healthy = min_healthy.unwrap_or(spec.min_healthy);
    spec.interval = interval.unwrap_or(spec.interval);
    spec.healthy_deadline = healthy_deadline.unwrap_or(spec.healthy_deadline);
    spec.rollback_deadline = rollback_deadline.unwrap_or(spec.rollback_deadline);
    spec.pause = pause.unwrap_or(spec.pause);
    // A host that is slow to become healthy does not mean that the rollout is stuck.
    let patient = spec.progress_deadline.max(spec.healthy_deadline * 2);
    spec.progress_deadline = progress_deadline.unwrap_or(patient);
    if spec.interval < SHORTEST_INTERVAL {
        return Err(options.wrong("interval", "must be at least 10ms"));
    }
    let times = Times {
        min_healthy: Some(spec.min_healthy),
        healthy_deadline: Some(spec.healthy_deadline),
        progress_deadline: Some(spec.progress_deadline),
        rollback_deadline: Some(spec.rollback_deadline),
    };
    if let Some((key, why)) = times.contradiction(spec.present) {
        return Err(options.wrong(key, why));
    }
    Ok(())
}

type Parsed<T> = std::result::Result<T, String>;

fn size(value: &Value) -> Parsed<Size> {
    match value {
        Value::Int(count) => {
            let count = usize::try_from(*count).map_err(|_| "must be at least 1".to_owned())?;
            Size::Count(count).checked()
        }
        Value::Text(text) => Size::parse(text),
        _ => Err("must be a number or a share such as \"25%\"".to_owned()),
    }
}

/// A number, a share, or several of them: in an array, or in a string with commas, as in a parameter.
fn batches(value: &Value) -> Parsed<Batches> {
    let sizes = match value {
        Value::List(sizes) => sizes.iter().map(size).collect::<Parsed<Vec<_>>>()?,
        Value::Text(text) => {
            let sizes = text.split(',').map(Size::parse);
            sizes.collect::<Parsed<Vec<_>>>()?
        }
        one => vec![size(one)?],
    };
    Batches::new(sizes).ok_or_else(|| "the list is empty".to_owned())
}

fn on_abort(word: &str) -> Option<OnAbort> {
    Some(match word {
        "rollback" => OnAbort::Rollback,
        "stop" => OnAbort::Stop,
        "continue" => OnAbort::Continue,
        _ => return None,
    })
}

fn gates(value: &Value) -> Parsed<Gates> {
    let numbers = match value {
        Value::Bool(true) => return Ok(Gates::Always),
        Value::Bool(false) => return Ok(Gates::Never),
        Value::Text(text) if text == "first" => return Ok(Gates::After(BTreeSet::from([1]))),
        Value::List(numbers) => numbers.as_slice(),
        one => std::slice::from_ref(one),
    };
    let number = |value: &Value| match value {
        Value::Int(number) => usize::try_from(*number).ok().filter(|number| *number > 0),
        _ => None,
    };
    let numbers = numbers.iter().map(number).collect::<Option<BTreeSet<_>>>();
    numbers.map(Gates::After).ok_or_else(|| {
        "must be true, false, \"first\", or the numbers of batches, starting at 1".to_owned()
    })
}
