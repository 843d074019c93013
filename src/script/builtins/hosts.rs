//! `hosts(pattern)`, `controller()`.

use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::declare;
use super::host::HostValue;
use crate::run::HostHandle;
use crate::script::error::throw;
use crate::script::frame::Frame;

const HOSTS: &str = "\
The hosts of the inventory that a pattern selects, in the inventory's order, as far as `--limit` leaves them.

A pattern is a name, a group, a glob (`web*`), a regular expression (`~web\\d+`), `all`, several of them with `:` or `,`
between, with `:&` what must and `:!` what must not be in, and with a subscript a part: `web[0]`, `web[0:3]`.
A pattern that selects nothing is an error.

```rhai
let web = hosts(\"web:&eu:!web3\");
```";

const CONTROLLER: &str = "\
The machine that ops runs on, as the user who runs it, to be looked at: it has `facts`, `read`, and `run` with `reads: true`. It takes no part in the
run, and a playbook does not change it; a machine that is to be changed stands in the inventory.

```rhai
let branch = controller().run(\"git rev-parse --abbrev-ref HEAD\", #{ reads: true }).stdout;
if branch != \"main\" { fail(`this is ${branch}, and releases are made from main`); }
```";

pub(super) fn register(engine: &mut Engine) {
    declare("hosts", &["pattern: &str", "Array"], HOSTS)
        .register_into_engine(engine, |context: NativeCallContext, pattern: &str| {
            hosts(&context, pattern)
        });
    declare("controller", &["Host"], CONTROLLER).register_into_engine(
        engine,
        |context: NativeCallContext| -> Result<HostValue, Box<EvalAltResult>> {
            Ok(HostValue(Frame::of(&context)?.run().controller()))
        },
    );
}

fn hosts(context: &NativeCallContext<'_>, pattern: &str) -> Result<Array, Box<EvalAltResult>> {
    let frame = Frame::of(context)?;
    let run = frame.run();
    let all = run.inventory.unlimited().select(pattern);
    let selected = run
        .inventory
        .select(pattern)
        .map_err(|error| throw(error.into(), context))?;
    frame.world().name_hosts(all.unwrap_or_default());
    selected
        .iter()
        .map(|host| {
            let link = run.link(host).map_err(|failure| throw(failure, context))?;
            Ok(Dynamic::from(HostValue(HostHandle::new(run.clone(), link))))
        })
        .collect()
}
