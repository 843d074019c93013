//! `services::disabled`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, options};
use crate::tasks::entry::task;

task! {
    /// Ensures the systemd unit does not start at boot. Does not change whether it runs now.
    ///
    /// A unit that cannot be enabled or is masked counts as disabled. The task fails if the unit does not
    /// exist.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(services::disabled("nginx"));
    /// });
    /// ```
    services::disabled(name: UnitName; Options) => disabled
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {}
}

fn disabled(name: UnitName, _: Options) -> Result<Service, ArgumentError> {
    Ok(Service::new("disabled", name, None, Some(false)))
}
