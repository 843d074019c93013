//! What functions of a module are written with: `options`, `seconds`, `check_mode`, `ops_version`.

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare_plain;
use crate::model::suggest::did_you_mean;
use crate::model::{Failure, FailureKind};
use crate::script::convert::duration;
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;
use crate::task::RunMode;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

const OPTIONS: &str = "\
The options of a function in a module: `fallbacks`, with what was given in their place. Throws at a key that `fallbacks` does not have, and names
the nearest one; `name` is the function, as its caller knows it. An option whose fallback is `()` may be left out.

```rhai
fn backup(path, given) {
    let options = options(\"shop::backup\", given, #{ keep: 7, compress: true, owner: () });
    log::info(`keeps ${options.keep} copies of ${path}`);
}
```";

const SECONDS: &str = "\
A duration in seconds: `\"1m30s\"` is 90.0. A number is taken as seconds.

```rhai
let patience = seconds(\"1m30s\");
let began = timestamp();
while began.elapsed < patience { sleep(\"1s\"); }
```";

const CHECK_MODE: &str = "\
Whether the run is in check mode. For functions that wait for what check mode does not bring about; tasks and commands know by themselves.

```rhai
if !check_mode() { log::info(\"this is no rehearsal\"); }
```";

const OPS_VERSION: &str = "\
The version of the ops that runs the playbook: `\"0.1.0\"`.

```rhai
log::info(`ops ${ops_version()}`);
```";

pub(super) fn register(engine: &mut Engine) {
    let parameters = ["name: &str", "given: Map", "fallbacks: Map", "Map"];
    declare_plain("options", &parameters, OPTIONS).register_into_engine(
        engine,
        |context: NativeCallContext, name: &str, given: Map, fallbacks: Map| {
            options(&context, name, given, fallbacks)
        },
    );
    declare_plain("seconds", &["duration: Dynamic", "f64"], SECONDS).register_into_engine(
        engine,
        |context: NativeCallContext, time: Dynamic| {
            duration(&time)
                .map(|time| time.as_secs_f64())
                .map_err(|message| argument(&context, message))
        },
    );
    declare_plain("ops_version", &["String"], OPS_VERSION)
        .register_into_engine(engine, || env!("CARGO_PKG_VERSION").to_owned());
    declare_plain("check_mode", &["bool"], CHECK_MODE).register_into_engine(
        engine,
        |context: NativeCallContext| -> Result<bool> {
            Ok(Frame::of(&context)?.run().settings.mode == RunMode::Check)
        },
    );
}

fn options(
    context: &NativeCallContext<'_>,
    name: &str,
    given: Map,
    mut fallbacks: Map,
) -> Result<Map> {
    for (key, value) in given {
        let Some(option) = fallbacks.get_mut(&key) else {
            let hint = did_you_mean(&key, fallbacks.keys().map(AsRef::<str>::as_ref))
                .unwrap_or_else(|| {
                    let known: Vec<&str> = fallbacks.keys().map(AsRef::as_ref).collect();
                    format!("The options are {}.", known.join(", "))
                });
            let message = format!("`{name}` has no option `{key}`");
            let failure = Failure::new(FailureKind::Failed, message).hint(hint);
            return Err(throw(failure, context));
        };
        if !value.is_unit() {
            *option = value;
        }
    }
    Ok(fallbacks)
}
