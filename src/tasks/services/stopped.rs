//! `services::stopped`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, Span, options};
use crate::tasks::entry::task;

task! {
    /// Keeps a unit of systemd stopped.
    ///
    /// A unit that failed counts as stopped. Another unit (a socket, a timer) may start it again: the
    /// output names it. A unit that is not there is an error.
    ///
    /// Undone, it is started again if it was running.
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
    pub struct Options {
        /// whether it starts at boot; left as it is if not given
        enabled: Option<bool>,
        /// how long all of it may take
        timeout: Option<Span>,
    }
}

fn stopped(name: UnitName, options: Options) -> Result<Service, ArgumentError> {
    Ok(Service {
        timeout: options.timeout,
        ..Service::new("stopped", name, Some(false), options.enabled)
    })
}
