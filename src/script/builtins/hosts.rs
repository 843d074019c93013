//! `hosts(pattern)`, `controller()`.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare;
use super::host::HostValue;
use crate::declare::{function, options};
use crate::model::{Emission, Kind, LogLevel};
use crate::run::HostHandle;
use crate::script::error::{position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;

options! {
    struct Hosts {
        /// with `false`, `--limit` does not apply; default `true`
        limit: Option<bool>,
    }
}

function! {
    /// Returns the inventory's hosts that a pattern selects, in inventory order, restricted by `--limit`.
    ///
    /// A pattern is a name, a group, a glob (`web*`), a regular expression (`~web\d+`) or `all`. Several
    /// can be combined: `:` or `,` adds hosts, `:&` keeps only the hosts in both, `:!` removes hosts. A
    /// subscript selects a part: `web[0]`, `web[0:3]`. A pattern that selects nothing is an error. If
    /// `--limit` excludes all of its hosts, the list is empty and a warning is shown.
    ///
    /// A limit restricts which hosts a run changes. Use `limit: false` for hosts that a playbook only reads
    /// from or works through, such as the balancers of a service or the list of all servers in a template.
    /// `rollout` and `h.apply` refuse a host outside the limit; `h.run`, `h.read` and `h.check` work on it.
    ///
    /// ```rhai
    /// let web = hosts("web:&eu:!web3");
    /// let balancers = hosts("lb", #{ limit: false });
    /// ```
    pub(crate) HOSTS = hosts(Hosts) {
        (pattern: String) -> Array,
        (pattern: String, options: Map) -> Array,
    }
}

function! {
    /// Returns the controller, which is the machine that ops runs on, as the user who runs it. It is
    /// read-only: it has `facts`, `read`, and `run` with `reads: true`. It takes no part in the run. To
    /// change that machine, add it to the inventory.
    ///
    /// ```rhai
    /// let branch = controller().run("git rev-parse --abbrev-ref HEAD", #{ reads: true }).stdout;
    /// if branch != "main" { fail(`this is ${branch}, but releases are made from main`); }
    /// ```
    CONTROLLER = controller {
        () -> Host,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&HOSTS, 0).register_into_engine(engine, |context: NativeCallContext, pattern: &str| {
        hosts(&context, pattern, true)
    });
    declare(&HOSTS, 1).register_into_engine(
        engine,
        |context: NativeCallContext, pattern: &str, options: Map| {
            let options = Options::<Hosts>::read(&HOSTS, options, &context)?;
            let limited = options.limit.unwrap_or(true);
            hosts(&context, pattern, limited)
        },
    );
    declare(&CONTROLLER, 0).register_into_engine(
        engine,
        |context: NativeCallContext| -> Result<HostValue, Box<EvalAltResult>> {
            Ok(HostValue(HostHandle::controller(
                Frame::of(&context)?.run(),
            )))
        },
    );
}

fn hosts(
    context: &NativeCallContext<'_>,
    pattern: &str,
    limited: bool,
) -> Result<Array, Box<EvalAltResult>> {
    let frame = Frame::of(context)?;
    let run = frame.run();
    let all = run
        .inventory
        .unlimited()
        .select(pattern)
        .map_err(|error| throw(error.into(), context))?;
    let mut selected = all.clone();
    if limited {
        selected.retain(|host| run.inventory.within_limit(host));
    }
    if selected.is_empty() && !all.is_empty() {
        let left_out = match all.len() {
            1 => "its only host".to_owned(),
            count => format!("all {count} of its hosts"),
        };
        let message = format!("hosts(\"{pattern}\") is empty: --limit excludes {left_out}");
        let kind = Kind::Log {
            level: LogLevel::Warn,
            message,
        };
        run.bus.emit(Emission::new(kind).at(position(context)));
    }
    frame.world().name_hosts(all);
    selected
        .iter()
        .map(|host| {
            let handle = HostHandle::new(run, host).map_err(|failure| throw(failure, context))?;
            Ok(Dynamic::from(HostValue(handle)))
        })
        .collect()
}
