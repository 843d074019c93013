//! `services::running`, `services::stopped`, `services::enabled`, `services::disabled`: units of systemd.
//!
//! | part | what it has |
//! |---|---|
//! | `unit_name` | names of units |
//! | `unit` | what systemd tells of a unit |
//! | `stamp` | what the inputs of a service were when it last started |
//! | `plan` | what is to be done |
//! | `script` | the shell that does it |

mod plan;
mod script;
mod stamp;
mod unit;
mod unit_name;

use serde::Deserialize;

use super::span::Span;
use super::{ArgumentError, HostPath, Surroundings, task};
use crate::task::{Found, Plan, Query, Resource, Task, Touches};
use stamp::Input;
use unit_name::UnitName;

task! {
    /// Keeps a unit of systemd running, and restarts it when what it has read at its start has changed.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `enabled` | whether it starts at boot, as for `services::enabled`; left as it is if not given |
    /// | `restart_on` | paths: the unit is restarted if one of them is no longer what it was when it started |
    /// | `reload_on` | the same, but it is reloaded |
    /// | `settle` | how long a service that does not tell when it is ready must stay up to count as running, `"500ms"` if not given |
    /// | `timeout` | how long all of it may take |
    ///
    /// A name without a suffix is a service's. The unit counts as running when systemd says `active`: a socket that listens, a timer
    /// that waits, a one-shot with `RemainAfterExit` that has succeeded. One that dies at once is a failure, shown with the end of
    /// its journal. One that systemd has started again by itself must have been up for three seconds, or for `settle` if that is longer: else the task looks
    /// on for so long, and fails if the unit is started once more. One that was started again several times also fails where its journal says that it dies again and again: until it
    /// has been up for twice as long as before its last end, or for five minutes. A unit that is masked, that is not there, or that never stays active is an error. Unit files that changed on disk
    /// are read again first.
    ///
    /// `restart_on` is about what is, not about what this run did: the host keeps a stamp of each path (a file's hash, a
    /// link's target, a directory's metadata) as it was at the start of the service. So a run that died between writing a file and restarting
    /// still restarts next time, and a file that somebody changed by hand counts too. For a start that was not ours, the time at which the path
    /// was last changed is compared with the time of the start.
    ///
    /// Undone, the unit is stopped or disabled again if it was before. One that was restarted is restarted once more when
    /// all else that the run did on the host has been undone, so that it reads what has been put back.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply([
    ///         files::file("/etc/shop.conf", "port = 8080\n"),
    ///         services::running("shop", #{ enabled: true, restart_on: ["/etc/shop.conf"] }),
    ///     ]);
    /// });
    /// ```
    RUNNING = services::running(name: UnitName; RunningOptions) => Service::running
}

task! {
    /// Keeps a unit of systemd stopped.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `enabled` | whether it starts at boot; left as it is if not given |
    /// | `timeout` | how long all of it may take |
    ///
    /// A unit that failed counts as stopped. Another unit (a socket, a timer) may start it again: the output names it.
    /// A unit that is not there is an error.
    ///
    /// Undone, it is started again if it was running.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(services::stopped("apt-daily.timer", #{ enabled: false }));
    /// });
    /// ```
    STOPPED = services::stopped(name: UnitName; StoppedOptions) => Service::stopped
}

task! {
    /// Has a unit of systemd start at boot. Whether it runs now is left as it is.
    ///
    /// A unit that is enabled counts as such when all links are there that the `[Install]` section of its file asks for (`WantedBy`, `RequiredBy`,
    /// `UpheldBy`, `Alias`): else it is enabled again, by `systemctl reenable`, which takes former links away.
    /// A unit without an `[Install]` section cannot be enabled; one that is masked or not there is an error too.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(services::enabled("nginx"));
    /// });
    /// ```
    ENABLED = services::enabled(name: UnitName; NoOptions) => Service::enabled
}

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
    DISABLED = services::disabled(name: UnitName; NoOptions) => Service::disabled
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunningOptions {
    enabled: Option<bool>,
    restart_on: Vec<HostPath>,
    reload_on: Vec<HostPath>,
    settle: Option<Span>,
    timeout: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoppedOptions {
    enabled: Option<bool>,
    timeout: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// A unit in a wanted state. What is `None` stays as it is.
pub struct Service {
    /// The function that a playbook called.
    called: &'static str,
    name: UnitName,
    active: Option<bool>,
    enabled: Option<bool>,
    restart_on: Vec<HostPath>,
    reload_on: Vec<HostPath>,
    settle: Option<Span>,
    timeout: Option<Span>,
}

impl Service {
    fn new(
        called: &'static str,
        name: UnitName,
        active: Option<bool>,
        enabled: Option<bool>,
    ) -> Self {
        Self {
            called,
            name,
            active,
            enabled,
            restart_on: Vec::new(),
            reload_on: Vec::new(),
            settle: None,
            timeout: None,
        }
    }

    fn running(
        name: UnitName,
        options: RunningOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        if let Some(both) = options
            .restart_on
            .iter()
            .find(|p| options.reload_on.contains(p))
        {
            let message = format!("{both} is in restart_on too");
            return Err(ArgumentError::option("reload_on", message)
                .hint("A restart reads it as well: name it once."));
        }
        Ok(Self {
            restart_on: options.restart_on,
            reload_on: options.reload_on,
            settle: options.settle,
            timeout: options.timeout,
            ..Self::new("running", name, Some(true), options.enabled)
        })
    }

    fn stopped(
        name: UnitName,
        options: StoppedOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        Ok(Self {
            timeout: options.timeout,
            ..Self::new("stopped", name, Some(false), options.enabled)
        })
    }

    fn enabled(name: UnitName, _: NoOptions, _: &dyn Surroundings) -> Result<Self, ArgumentError> {
        Ok(Self::new("enabled", name, None, Some(true)))
    }

    fn disabled(name: UnitName, _: NoOptions, _: &dyn Surroundings) -> Result<Self, ArgumentError> {
        Ok(Self::new("disabled", name, None, Some(false)))
    }

    fn unit_query(&self) -> Query {
        Query::Unit(self.name.to_string())
    }

    fn stamp_query(&self) -> Query {
        Query::Stamp(self.name.to_string())
    }

    fn inputs(&self) -> impl Iterator<Item = &HostPath> {
        self.restart_on.iter().chain(&self.reload_on)
    }
}

impl Task for Service {
    fn label(&self) -> String {
        format!("services::{} {}", self.called, self.name)
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = vec![self.unit_query()];
        if self.inputs().next().is_some() {
            queries.push(self.stamp_query());
            queries.extend(self.inputs().flat_map(Input::queries));
        }
        queries
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Service(self.name.to_string()))
    }

    fn plan(&self, found: &Found) -> Plan {
        plan::plan(self, found)
    }
}
