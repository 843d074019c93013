//! `services::disabled`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, options};
use crate::tasks::entry::task;

task! {
    /// Has a unit of systemd not start at boot by itself. Whether it runs now is left as it is.
    ///
    /// A unit that cannot be enabled, or is masked, counts as disabled. One that is not there is an error.
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
    pub struct Options {}
}

fn disabled(name: UnitName, _: Options) -> Result<Service, ArgumentError> {
    Ok(Service::new("disabled", name, None, Some(false)))
}
