//! A check as a playbook holds it: an observation, when it is made and from where.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::Observe;
use crate::run::HostHandle;
use crate::tasks::{ArgumentError, Arguments, Span, Value, fields};

/// An observation with its timing and its vantage. The same for every host.
#[derive(Clone)]
pub struct Check {
    /// The name of its kind.
    pub kind: &'static str,
    pub observe: Arc<dyn Observe>,
    /// What the user calls it, in place of the label.
    pub name: Option<String>,
    pub timing: Timing,
    pub vantage: Vantage,
}

/// The kinds that tell of the machine that they run on: from another one they would tell of that.
const OF_MACHINE: [&str; 7] = [
    "command", "process", "port", "service", "disk", "memory", "load",
];

impl Check {
    /// Whether it tells of the machine that it runs on, and not of what it finds in the network.
    #[must_use]
    pub fn is_of_machine(&self) -> bool {
        OF_MACHINE.contains(&self.kind)
    }

    /// What the user reads.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.observe.label())
    }
}

/// From where it is looked.
#[derive(Clone, Default)]
pub enum Vantage {
    /// From the host that is checked.
    #[default]
    Host,
    /// From the machine that ops runs on, as the user who runs it.
    Controller,
    /// From another host, as that user of it.
    Other(HostHandle),
}

impl Vantage {
    /// As an event tells it: `host`, `controller`, or the name of the other host.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Controller => "controller",
            Self::Other(host) => host.name(),
        }
    }
}

/// When it is looked, and how much is enough. All but `timeout` are for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the beginning of one observation to that of the next.
    pub interval: Duration,
    /// For one observation: what runs then is killed, and the state is critical.
    pub timeout: Duration,
    /// So many healthy observations in a row are enough.
    pub rise: u32,
    /// So many unhealthy ones in a row end a wait before its deadline does.
    pub fall: Option<u32>,
    /// For the whole wait, from its beginning.
    pub deadline: Duration,
    /// Before the first observation.
    pub initial_delay: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            rise: 1,
            fall: None,
            deadline: Duration::from_mins(1),
            initial_delay: Duration::ZERO,
        }
    }
}

/// What a wait says of the timing, over what the checks say themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub rise: Option<u32>,
    pub fall: Option<u32>,
    pub deadline: Option<Duration>,
    pub initial_delay: Option<Duration>,
}

impl Timing {
    #[must_use]
    pub fn with(self, over: &Overrides) -> Self {
        Self {
            interval: over.interval.unwrap_or(self.interval),
            timeout: over.timeout.unwrap_or(self.timeout),
            rise: over.rise.unwrap_or(self.rise),
            fall: over.fall.or(self.fall),
            deadline: over.deadline.unwrap_or(self.deadline),
            initial_delay: over.initial_delay.unwrap_or(self.initial_delay),
        }
    }
}

/// The options of every check, but for `from`, which is no plain value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    name: Option<String>,
    interval: Option<Span>,
    timeout: Option<Span>,
    rise: Option<u32>,
    fall: Option<u32>,
    deadline: Option<Span>,
    initial_delay: Option<Span>,
}

/// The keys of the options that every check has.
pub fn options() -> impl Iterator<Item = &'static str> {
    fields::<Common>()
        .iter()
        .copied()
        .chain(std::iter::once("from"))
}

/// Takes the options of every check out of the arguments of one.
pub(super) fn common(arguments: &mut Arguments) -> Result<(Option<String>, Timing), ArgumentError> {
    let known = fields::<Common>();
    let given = known.iter().filter_map(|key| {
        let value = arguments.take_option(key)?;
        Some(((*key).to_owned(), value))
    });
    let given = Arguments::new(vec![Value::Map(given.collect())]);
    let common: Common = given.options(known, 0)?;
    let seconds = |span: Option<Span>| span.map(|span| span.0);
    let timing = Timing::default().with(&Overrides {
        interval: seconds(common.interval),
        timeout: seconds(common.timeout),
        rise: common.rise,
        fall: common.fall,
        deadline: seconds(common.deadline),
        initial_delay: seconds(common.initial_delay),
    });
    possible(&timing).map_err(|(key, message)| ArgumentError::option(key, message))?;
    if common
        .name
        .as_deref()
        .is_some_and(|name| name.trim().is_empty())
    {
        return Err(ArgumentError::option("name", "it is empty"));
    }
    Ok((common.name, timing))
}

/// Which option makes no sense, and why.
pub fn possible(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    if timing.timeout.is_zero() {
        return Err(("timeout", "nothing answers in no time"));
    }
    if timing.rise == 0 {
        return Err(("rise", "it is at least 1"));
    }
    if timing.fall == Some(0) {
        return Err(("fall", "it is at least 1"));
    }
    Ok(())
}

/// The same of the timing of a wait, where it is whole.
pub fn waitable(timing: &Timing) -> Result<(), (&'static str, &'static str)> {
    possible(timing)?;
    if !timing.initial_delay.is_zero() && timing.initial_delay >= timing.deadline {
        return Err(("initial_delay", "the deadline would come first"));
    }
    Ok(())
}
