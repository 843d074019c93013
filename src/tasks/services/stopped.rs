//! `services::stopped`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, Span, options};
use crate::tasks::entry::task;

task! {
    /// Ensures the systemd unit is stopped.
    ///
    /// A failed unit counts as stopped. Another unit (a socket, a timer) may start it again: the output
    /// names it. The task fails if the unit does not exist.
    ///
    /// Undo starts the unit again if it was running.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(services::stopped("apt-daily.timer", #{ enabled: false }));
    /// });
    /// ```
    services::stopped(name: UnitName; Options) => stopped
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub(crate) struct Options {
        /// whether the unit starts at boot; unchanged if not given
        enabled: Option<bool>,
        /// how long everything may take
        timeout: Option<Span>,
    }
}

fn stopped(name: UnitName, options: Options) -> Result<Service, ArgumentError> {
    Ok(Service {
        timeout: options.timeout,
        ..Service::new("stopped", name, Some(false), options.enabled)
    })
}
