//! The built-in functions of playbooks, one file per subject. Each registers its functions with their manual
//! pages.
//!
//! A built-in finds its run in the innermost [`Frame`](super::frame::Frame). An engine with all of them
//! therefore needs no run, and can be used to check a playbook or to document the language.

mod constructors;
mod control;
mod dates;
mod each;
mod facts;
mod failure;
mod formats;
mod glob;
mod hashes;
mod health;
mod host;
mod hosts;
mod inputs;
mod keep;
mod library;
mod lock;
mod logging;
mod outcome;
mod recalled;
mod registration;
mod rollout;
mod secret;
mod selected;
mod stat;
mod strings;
mod tasks;
mod vars;

use rhai::Engine;

use crate::declare::Function;
use registration::{declare, declare_getter};

pub use health::HealthValue;
pub use host::HostValue;
pub use tasks::TaskValue;

/// Registers every built-in.
pub fn register(engine: &mut Engine) {
    inputs::register(engine);
    hosts::register(engine);
    host::register(engine);
    facts::register(engine);
    stat::register(engine);
    each::register(engine);
    health::register(engine);
    rollout::register(engine);
    tasks::register(engine);
    outcome::register(engine);
    recalled::register(engine);
    failure::register(engine);
    control::register(engine);
    secret::register(engine);
    logging::register(engine);
    vars::register(engine);
    library::register(engine);
    lock::register(engine);
    keep::register(engine);
    strings::register(engine);
    hashes::register(engine);
    formats::register(engine);
    dates::register(engine);
    glob::register(engine);
}

/// The functions that take options, except `param`, whose options are read from the script.
const WITH_OPTIONS: [&Function; 13] = [
    &hosts::HOSTS,
    &each::EACH,
    &host::RUN,
    &rollout::ROLLOUT,
    &host::READ,
    &stat::STAT,
    &health::CHECK,
    &health::WAIT_UNTIL,
    &health::HEALTH_CHECK,
    &lock::WITH_LOCK,
    &control::RETRY,
    &secret::SECRET,
    &tasks::TASK,
];

/// The function with this name, if it takes options.
#[must_use]
pub fn with_options(name: &str) -> Option<&'static Function> {
    let mut functions = WITH_OPTIONS.into_iter();
    functions.find(|function| function.name == name)
}
