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
        /// with `false`, `--limit` does not restrict them: `true`
        limit: Option<bool>,
    }
}

function! {
    /// The hosts of the inventory that a pattern selects, in the inventory's order. `--limit` restricts them.
    ///
    /// A pattern is a name, a group, a glob (`web*`), a regular expression (`~web\d+`), `all`, several of
    /// them with `:` or `,` between, with `:&` what must and `:!` what must not be in, and with a subscript a
    /// part: `web[0]`, `web[0:3]`. A pattern that selects nothing is an error. One whose hosts are all
    /// outside `--limit` gives an empty list and a warning.
    ///
    /// A limit restricts what a run changes. Hosts that a playbook only looks at, or that it works through,
    /// such as the balancers in front of a service or the list of all servers in a template, want `limit:
    /// false`. `rollout` and `h.apply` refuse a host outside the limit; `h.run`, `h.read` and `h.check` work
    /// there.
    ///
    /// ```rhai
    /// let web = hosts("web:&eu:!web3");
    /// let balancers = hosts("lb", #{ limit: false });
    /// ```
    pub HOSTS = hosts(Hosts) {
        (pattern: String) -> Array,
        (pattern: String, options: Map) -> Array,
    }
}

function! {
    /// The machine that ops runs on, as the user who runs it, to be looked at: it has `facts`, `read`, and
    /// `run` with `reads: true`. It takes no part in the run, and a playbook does not change it; a machine
    /// that is to be changed stands in the inventory.
    ///
    /// ```rhai
    /// let branch = controller().run("git rev-parse --abbrev-ref HEAD", #{ reads: true }).stdout;
    /// if branch != "main" { fail(`this is ${branch}, and releases are made from main`); }
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
            count => format!("all {count} hosts of it"),
        };
        let message = format!("hosts(\"{pattern}\") is empty: --limit leaves out {left_out}");
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
