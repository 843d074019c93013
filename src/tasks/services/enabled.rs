//! `services::enabled`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, options};
use crate::tasks::entry::task;

task! {
    /// Has a unit of systemd start at boot. Whether it runs now is left as it is.
    ///
    /// A unit that is enabled counts as such when all links are there that the `[Install]` section of its
    /// file asks for (`WantedBy`, `RequiredBy`, `UpheldBy`, `Alias`): else it is enabled again, by
    /// `systemctl reenable`, which takes former links away. A unit without an `[Install]` section cannot be
    /// enabled; one that is masked or not there is an error too.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(services::enabled("nginx"));
    /// });
    /// ```
    services::enabled(name: UnitName; Options) => enabled
}

options! {
    #[derive(Debug)]
    pub struct Options {}
}

fn enabled(name: UnitName, _: Options) -> Result<Service, ArgumentError> {
    Ok(Service::new("enabled", name, None, Some(true)))
}
