//! A check as a playbook holds it: what to observe, and when. It is the same for every host.

use std::sync::Arc;

use super::entry::Entry;
use super::observe::Observe;
use super::timing::{Overrides, Timing, possible};
use crate::declare::{ArgumentError, Arguments, HasOptions, Span, Value, options};

/// What to observe, and its timing.
#[derive(Clone)]
pub struct Check {
    /// The name of its kind.
    pub kind: &'static str,
    pub observe: Arc<dyn Observe>,
    /// The user's name for it, instead of the label.
    pub name: Option<String>,
    pub timing: Timing,
}

/// The kinds that observe the machine that they run on. Run elsewhere, they would observe another machine.
const OF_MACHINE: [&str; 7] = [
    "command", "process", "port", "service", "disk", "memory", "load",
];

impl Check {
    /// Whether it observes the machine that it runs on rather than something in the network.
    #[must_use]
    pub fn is_of_machine(&self) -> bool {
        OF_MACHINE.contains(&self.kind)
    }

    /// What the user sees.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.observe.label())
    }
}

options! {
    /// The options of every check, except `from`, which is not a plain value.
    struct Common {
        /// a name to show instead of the kind and its subject
        name: Option<String>,
        /// the time from the start of one attempt to the start of the next; default `"1s"`
        interval: Option<Span>,
        /// the time limit of one attempt, which is then killed; default `"5s"`
        timeout: Option<Span>,
        /// how many consecutive healthy attempts a wait requires; default `1`
        rise: Option<u32>,
        /// how many consecutive unhealthy attempts end a wait before its deadline
        fall: Option<u32>,
        /// the time limit of the whole wait; default `"1m"`
        deadline: Option<Span>,
        /// how long to wait before the first attempt; by default, it starts at once
        initial_delay: Option<Span>,
    }
}

/// The option for where a check runs.
const FROM: &str = "from";

/// The options of every check.
pub fn common_names() -> impl Iterator<Item = &'static str> {
    let common = Common::FIELDS.iter().map(|field| field.name);
    common.chain([FROM])
}

/// All options of a kind: its own, and those of every check.
#[must_use]
pub fn option_names(entry: &Entry) -> Vec<&'static str> {
    let mut names = entry.manual.option_names();
    names.extend(common_names());
    names
}

/// Creates a check from the arguments in a playbook. Its option `from` has been removed from them already.
pub fn construct(entry: &Entry, mut arguments: Arguments) -> Result<Check, ArgumentError> {
    arguments.check_keys(&option_names(entry))?;
    let (name, timing) = common(&mut arguments)?;
    let observe = (entry.make)(arguments, ())?;
    Ok(Check {
        kind: entry.name,
        observe,
        name,
        timing,
    })
}

/// The name of the kind of checks that a playbook defines.
pub const CUSTOM: &str = "health_check";

/// Creates a check that a playbook defines. The options are those of every check, without `from`.
pub fn custom(observe: Arc<dyn Observe>, mut options: Arguments) -> Result<Check, ArgumentError> {
    let (name, timing) = common(&mut options)?;
    if name.is_none() {
        return Err(ArgumentError::option("name", "is required"));
    }
    Ok(Check {
        kind: CUSTOM,
        observe,
        name,
        timing,
    })
}

/// Removes the options of every check from the arguments.
/// Whether the options that every check takes are valid. The others are ignored.
pub fn check_common(mut options: Arguments) -> Result<(), ArgumentError> {
    common(&mut options).map(drop)
}

fn common(arguments: &mut Arguments) -> Result<(Option<String>, Timing), ArgumentError> {
    let given = Common::FIELDS.iter().filter_map(|field| {
        let value = arguments.take_option(field.name)?;
        Some((field.name.to_owned(), value))
    });
    let mut given = Arguments::new(vec![Value::Map(given.collect())]);
    let common: Common = given.options()?;
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
        return Err(ArgumentError::option("name", "must not be empty"));
    }
    Ok((common.name, timing))
}
