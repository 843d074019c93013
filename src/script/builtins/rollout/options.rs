//! The options of `rollout`.

use std::collections::BTreeSet;
use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, ImmutableString};

use crate::deploy::rollout::{Batches, Gates, Present, Size, Spec, Step, Times};
use crate::model::OnAbort;
use crate::script::frame::Frame;
use crate::script::options::Options;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Looking more often costs more than it tells.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Numbers that are easily mistaken for something else are refused.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// What a rollout was asked to do, and with what.
pub(super) struct Wanted {
    pub spec: Spec,
    pub unhealthy_first: bool,
    /// Hosts on which `update` would change nothing are updated too.
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
    pub(super) fn parse(mut options: Options<'_>, frame: &Frame) -> Result<Self> {
        let Some(update) = options.closure("update")? else {
            return Err(options.wrong("update", "it is required"));
        };
        let drain = options.closure("drain")?;
        let healthy = options.closure("healthy")?;
        let readmit = options.closure("readmit")?;
        let rollback = options.closure("rollback")?;
        let rollback_healthy = options.closure("rollback_healthy")?;
        let in_service = options.closure("in_service")?;
        let mut spec = Spec::new(Present {
            drain: drain.is_some(),
            healthy: healthy.is_some(),
            readmit: readmit.is_some(),
            rollback_healthy: rollback_healthy.is_some(),
            in_service: in_service.is_some(),
        });
        spec.parallel = frame.run().settings.forks;
        if let Some(batch) = options.take("batch") {
            spec.batches = batches(batch).map_err(|message| options.wrong("batch", &message))?;
        }
        if let Some(most) = options.take("max_unavailable") {
            let most = size(&most).map_err(|message| options.wrong("max_unavailable", &message))?;
            spec.max_unavailable = Some(most);
        }
        if let Some(most) = options.count("max_failures")? {
            spec.max_failures = most;
        }
        if let Some(word) = options.text("on_abort")? {
            spec.on_abort = on_abort(&word).ok_or_else(|| {
                let message = "it is \"rollback\", \"stop\" or \"continue\"";
                options.wrong("on_abort", message)
            })?;
        }
        if let Some(confirm) = options.take("confirm") {
            spec.confirm = gates(confirm).map_err(|message| options.wrong("confirm", &message))?;
        }
        times(&mut options, &mut spec)?;
        let force = options.flag("force")?.unwrap_or(false);
        let order = options.text("order")?;
        let told = order.as_deref() == Some("unhealthy_first");
        if told && rollback_healthy.is_none() {
            let message = "what is healthy before the update is told by `rollback_healthy`, which is not given";
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

    /// The order among hosts that are alike.
    pub(super) fn order(&self) -> Option<&str> {
        self.order.as_deref()
    }

    /// The closure of a step. `None` for a rollback that undoes.
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

fn times(options: &mut Options<'_>, spec: &mut Spec) -> Result<()> {
    let looked_at = spec.present.healthy || spec.present.rollback_healthy;
    let mut time = |key: &str, of: bool| -> Result<Option<Duration>> {
        let Some(time) = options.duration(key)? else {
            return Ok(None);
        };
        if !of {
            return Err(options.wrong(key, "no `healthy` is given that it could be about"));
        }
        if time > LONGEST {
            return Err(options.wrong(key, "it is at most a year"));
        }
        Ok(Some(time))
    };
    let min_healthy = time("min_healthy", looked_at)?;
    let interval = time("interval", looked_at)?;
    let healthy_deadline = time("healthy_deadline", spec.present.healthy)?;
    let progress_deadline = time("progress_deadline", true)?;
    let rollback_deadline = time("rollback_deadline", true)?;
    let pause = time("pause", true)?;
    spec.min_healthy = min_healthy.unwrap_or(spec.min_healthy);
    spec.interval = interval.unwrap_or(spec.interval);
    spec.healthy_deadline = healthy_deadline.unwrap_or(spec.healthy_deadline);
    spec.rollback_deadline = rollback_deadline.unwrap_or(spec.rollback_deadline);
    spec.pause = pause.unwrap_or(spec.pause);
    // A host that takes its time to become healthy is no standstill.
    let patient = spec.progress_deadline.max(spec.healthy_deadline * 2);
    spec.progress_deadline = progress_deadline.unwrap_or(patient);
    if spec.interval < SHORTEST_INTERVAL {
        return Err(options.wrong("interval", "it is at least 10ms"));
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

fn size(value: &Dynamic) -> Parsed<Size> {
    if let Ok(count) = value.as_int() {
        let count = usize::try_from(count).map_err(|_| "it is at least 1".to_owned())?;
        return Size::Count(count).checked();
    }
    let kind = value.type_name();
    let text = value.clone().try_cast::<ImmutableString>();
    let text =
        text.ok_or_else(|| format!("it is a number or a share such as \"25%\", not a {kind}"))?;
    Size::parse(&text)
}

/// A number, a share, or several: in an array, or in a text with commas as a parameter has it.
fn batches(value: Dynamic) -> Parsed<Batches> {
    let sizes = if value.is_array() {
        let sizes = value.cast::<Array>();
        sizes.iter().map(size).collect::<Parsed<Vec<_>>>()?
    } else if value.is_string() {
        let text = value.to_string();
        text.split(',')
            .map(Size::parse)
            .collect::<Parsed<Vec<_>>>()?
    } else {
        vec![size(&value)?]
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

fn gates(value: Dynamic) -> Parsed<Gates> {
    if let Ok(flag) = value.as_bool() {
        return Ok(if flag { Gates::Always } else { Gates::Never });
    }
    if value.is_string() && value.to_string() == "first" {
        return Ok(Gates::After(BTreeSet::from([1])));
    }
    let numbers = if value.is_array() {
        value.cast::<Array>()
    } else {
        vec![value]
    };
    let number = |value: &Dynamic| {
        let number = value.as_int().ok();
        number
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| {
                "it is true, false, \"first\", or the numbers of batches, the first of which is 1"
                    .to_owned()
            })
    };
    let numbers = numbers
        .iter()
        .map(number)
        .collect::<Parsed<BTreeSet<_>>>()?;
    Ok(Gates::After(numbers))
}
