//! `h.vars`: the variables of a host, rendered when used.

use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::declare_getter;
use super::host::HostValue;
use crate::declare::function;
use crate::model::suggest::did_you_mean;
use crate::model::{Failure, FailureKind};
use crate::run::HostHandle;
use crate::script::convert::from_json;
use crate::script::error::throw;

/// The variables of a host.
#[derive(Clone)]
struct VarsValue(HostHandle);

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// The host's variables: `h.vars.port`, `h.vars["port"]`, `h.vars.get("port", 80)`.
    VARS = vars {
        (host: Host) -> Dynamic,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<VarsValue>("Vars");
    declare_getter(&VARS)
        .register_into_engine(engine, |host: &mut HostValue| VarsValue(host.0.clone()));
    engine.register_indexer_get(
        |context: NativeCallContext, vars: &mut VarsValue, name: &str| {
            vars.get(&context, name)?
                .ok_or_else(|| vars.missing(&context, name))
        },
    );
    engine.register_fn(
        "get",
        |context: NativeCallContext, vars: &mut VarsValue, name: &str, fallback: Dynamic| {
            Ok::<_, Box<EvalAltResult>>(vars.get(&context, name)?.unwrap_or(fallback))
        },
    );
    engine.register_fn("contains", |vars: &mut VarsValue, name: &str| {
        vars.0.host().var(name).is_some()
    });
    engine.register_fn("keys", |vars: &mut VarsValue| {
        let vars = vars.0.host().vars();
        vars.keys()
            .map(|name| Dynamic::from((*name).to_owned()))
            .collect::<Array>()
    });
}

impl VarsValue {
    fn get(&self, context: &NativeCallContext<'_>, name: &str) -> Result<Option<Dynamic>> {
        let value = self.0.run.inventory.var(self.0.host(), name);
        let value =
            value.map_err(|error| throw(Failure::from(error).on(self.0.name()), context))?;
        Ok(value.as_ref().map(from_json))
    }

    fn missing(&self, context: &NativeCallContext<'_>, name: &str) -> Box<EvalAltResult> {
        let vars = self.0.host().vars();
        let known = vars.keys().copied();
        let message = format!("the host has no variable `{name}`");
        let mut failure = Failure::new(FailureKind::Failed, message).on(self.0.name());
        failure.hint = did_you_mean(name, known)
            .or_else(|| Some(format!("Give a fallback: h.vars.get(\"{name}\", ...).")));
        throw(failure, context)
    }
}
