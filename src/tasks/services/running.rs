//! `services::running`.

use super::service::Service;
use super::unit_name::UnitName;
use crate::declare::{ArgumentError, Span, options};
use crate::tasks::entry::task;
use crate::tasks::fs::HostPath;

task! {
    /// Ensures the systemd unit is running, and restarts it if its inputs have changed since it started.
    ///
    /// A name without a suffix is a service. A unit counts as running if systemd reports `active`: a
    /// listening socket, a waiting timer, or a successful one-shot unit with `RemainAfterExit`. The task
    /// fails if the unit exits at once, and shows the end of its journal. A unit that systemd has restarted
    /// by itself must have been up for three seconds, or for `settle` if that is longer; if not, the task
    /// watches it for that time, and fails if it is restarted again. If systemd has restarted the unit
    /// several times, the task also fails if the journal shows that it keeps failing, until the unit has
    /// been up for twice the time that it ran before its last exit, or for five minutes. The task fails if
    /// the unit is masked, does not exist or never stays active. Unit files that changed on disk are
    /// reloaded first.
    ///
    /// `restart_on` compares states and does not depend on what this run changed. The host keeps a stamp of
    /// each path (a file's hash, a link's target, a directory's metadata) from when the service started. So
    /// if a run dies between writing a file and restarting, the next run still restarts the service. A file
    /// changed by hand also causes a restart. If ops did not start the service, the time at which the path
    /// last changed is compared with the start time.
    ///
    /// Undo stops or disables the unit if it was stopped or disabled before. A unit that was restarted is
    /// restarted once more when everything else that the run did on the host has been undone, so that it
    /// reads the restored files.
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
    pub(crate) struct Options {
        /// whether the unit starts at boot, as for `services::enabled`; unchanged if not given
        enabled: Option<bool>,
        /// paths: the unit is restarted if one of them has changed since it started
        restart_on: Vec<HostPath>,
        /// paths: the unit is reloaded if one of them has changed since it started or was last reloaded
        reload_on: Vec<HostPath>,
        /// how long a service that does not report readiness must stay up to count as running; default
        /// `"500ms"`
        settle: Option<Span>,
        /// how long everything may take
        timeout: Option<Span>,
    }
}

fn running(name: UnitName, options: Options) -> Result<Service, ArgumentError> {
    if let Some(both) = options
        .restart_on
        .iter()
        .find(|p| options.reload_on.contains(p))
    {
        let message = format!("{both} is in `restart_on` too");
        return Err(ArgumentError::option("reload_on", message)
            .hint("A restart also reads it, so list it once."));
    }
    Ok(Service {
        restart_on: options.restart_on,
        reload_on: options.reload_on,
        settle: options.settle,
        timeout: options.timeout,
        ..Service::new("running", name, Some(true), options.enabled)
    })
}
