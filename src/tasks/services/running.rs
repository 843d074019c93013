//! `services::running`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, Span, options};
use crate::tasks::entry::task;
use crate::tasks::fs::HostPath;

task! {
    /// Keeps a unit of systemd running, and restarts it when what it has read at its start has changed.
    ///
    /// A name without a suffix is a service's. The unit counts as running when systemd says `active`: a
    /// socket that listens, a timer that waits, a one-shot with `RemainAfterExit` that has succeeded. One
    /// that dies at once is a failure, shown with the end of its journal. One that systemd has started
    /// again by itself must have been up for three seconds, or for `settle` if that is longer: else the
    /// task looks on for so long, and fails if the unit is started once more. One that was started again
    /// several times also fails where its journal says that it dies again and again: until it has been up
    /// for twice as long as before its last end, or for five minutes. A unit that is masked, that is not
    /// there, or that never stays active is an error. Unit files that changed on disk are read again first.
    ///
    /// `restart_on` is about what is, not about what this run did: the host keeps a stamp of each path (a
    /// file's hash, a link's target, a directory's metadata) as it was at the start of the service. So a
    /// run that died between writing a file and restarting still restarts next time, and a file that
    /// somebody changed by hand counts too. For a start that was not ours, the time at which the path was
    /// last changed is compared with the time of the start.
    ///
    /// Undone, the unit is stopped or disabled again if it was before. One that was restarted is restarted
    /// once more when all else that the run did on the host has been undone, so that it reads what has been
    /// put back.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply([
    ///         files::file("/etc/shop.conf", "port = 8080\n"),
    ///         services::running("shop", #{ enabled: true, restart_on: ["/etc/shop.conf"] }),
    ///     ]);
    /// });
    /// ```
    services::running(name: UnitName; Options) => running
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub struct Options {
        /// whether it starts at boot, as for `services::enabled`; left as it is if not given
        enabled: Option<bool>,
        /// paths: the unit is restarted if one of them is no longer what it was when it started
        restart_on: Vec<HostPath>,
        /// the same, but it is reloaded
        reload_on: Vec<HostPath>,
        /// how long a service that does not tell when it is ready must stay up to count as running,
        /// `"500ms"` if not given
        settle: Option<Span>,
        /// how long all of it may take
        timeout: Option<Span>,
    }
}

fn running(name: UnitName, options: Options) -> Result<Service, ArgumentError> {
    if let Some(both) = options
        .restart_on
        .iter()
        .find(|p| options.reload_on.contains(p))
    {
        let message = format!("{both} is in restart_on too");
        return Err(ArgumentError::option("reload_on", message)
            .hint("A restart reads it as well: name it once."));
    }
    Ok(Service {
        restart_on: options.restart_on,
        reload_on: options.reload_on,
        settle: options.settle,
        timeout: options.timeout,
        ..Service::new("running", name, Some(true), options.enabled)
    })
}
