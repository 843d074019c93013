//! `services::enabled`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, options};
use crate::tasks::entry::task;

task! {
    /// Ensures the systemd unit starts at boot. Does not change whether it runs now.
    ///
    /// An enabled unit counts as enabled if all links exist that the `[Install]` section of its file
    /// requires (`WantedBy`, `RequiredBy`, `UpheldBy`, `Alias`). Otherwise it is enabled again with
    /// `systemctl reenable`, which removes obsolete links. The task fails if the unit has no `[Install]`
    /// section, is masked or does not exist.
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
    pub(crate) struct Options {}
}

fn enabled(name: UnitName, _: Options) -> Result<Service, ArgumentError> {
    Ok(Service::new("enabled", name, None, Some(true)))
}
