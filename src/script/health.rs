//! The health checks that a playbook declares in its function `health(h)`, without running the playbook.
//!
//! Only those parts of its top level are evaluated that a function can see: imports, constants, and the
//! variables that constants are built from.

use std::sync::Arc;

use rhai::{AST, ASTFlags, Array, CallFnOptions, Dynamic, Engine, Scope, Stmt};

use crate::deploy::health::Check;
use crate::model::{Failure, FailureKind};
use crate::run::HostHandle;

use super::builtins::{HealthValue, HostValue};
use super::convert::described;
use super::error::{Halt, halt_of};
use super::execute;
use super::frame::Frame;
use super::playbook::Playbook;
use super::trace;
use super::world::World;

/// The name of the function. It takes the host.
const FUNCTION: &str = "health";

/// The declaration of a playbook, which several threads can evaluate for different hosts at once.
pub struct Declaration<'p> {
    engine: Arc<Engine>,
    playbook: &'p Playbook,
    /// The functions of the playbook, with only the parts of its top level that they need.
    ast: AST,
    world: Arc<World>,
    frame: Frame,
}

/// Whether a playbook declares health checks at all.
///
/// # Errors
/// There is no such function.
pub fn declares(playbook: &Playbook) -> Result<(), Failure> {
    if playbook
        .ast
        .shared_lib()
        .get_script_fn(FUNCTION, 1)
        .is_some()
    {
        return Ok(());
    }
    let message = format!("{} has no function `health(h)`", playbook.name);
    Err(Failure::new(FailureKind::Input, message).hint(
        "`fn health(h) { [http(\"http://127.0.0.1:8080/healthz\")] }` returns the checks of a host.",
    ))
}

impl<'p> Declaration<'p> {
    #[must_use]
    pub fn new(engine: Engine, playbook: &'p Playbook, world: &Arc<World>) -> Self {
        let frame = Frame::playbook(world.clone());
        let visible = playbook.ast.statements().iter().filter(|s| is_visible(s));
        let mut ast = AST::new(visible.cloned(), playbook.ast.shared_lib().clone());
        ast.set_source(playbook.name.as_str());
        Self {
            engine: execute::set_up(engine, &frame, world),
            playbook,
            ast,
            world: world.clone(),
            frame,
        }
    }

    /// The checks of a host.
    ///
    /// # Errors
    /// The function throws, it returns something other than checks, or the run is interrupted.
    pub fn checks(&self, host: &HostHandle) -> Result<Vec<Check>, Failure> {
        let frame = self.frame.of_host(host.clone());
        let options = CallFnOptions::new().with_tag(frame.clone());
        let given = self.engine.call_fn_with_options::<Dynamic>(
            options,
            &mut Scope::new(),
            &self.ast,
            FUNCTION,
            (HostValue(host.clone()),),
        );
        let result = given
            .map_err(|error| match halt_of(&error) {
                Some(Halt::Cancelled) => Failure::interrupted(),
                Some(Halt::Unknown) => self.wrong(
                    "its effect on the host cannot be known without running it, and checks must only read",
                ),
                None => trace::failure(&error, &self.engine, &self.world.sources),
            })
            .and_then(|given| self.read(given));
        let mut hooks =
            execute::leave(&self.engine, self.playbook, &frame, result.is_err()).into_iter();
        match (result, hooks.next()) {
            (Ok(_), Some(failure)) | (Err(failure), _) => Err(failure.on(host.name())),
            (Ok(checks), None) => Ok(checks),
        }
    }

    /// Reads checks, which may be in nested lists as for `h.check`.
    fn read(&self, given: Dynamic) -> Result<Vec<Check>, Failure> {
        let given = given.flatten();
        let kind = described(&given);
        if given.is_unit() {
            return Ok(Vec::new());
        }
        if given.is_array() {
            let each = given.cast::<Array>().into_iter();
            let lists = each.map(|given| self.read(given));
            return Ok(lists.collect::<Result<Vec<_>, _>>()?.concat());
        }
        match given.try_cast::<HealthValue>() {
            Some(health) => Ok(vec![health.check()]),
            None => Err(self.wrong(&format!("must return health checks, not {kind}"))),
        }
    }

    fn wrong(&self, message: &str) -> Failure {
        let message = format!("`health(h)` of {}: {message}", self.playbook.name);
        Failure::new(FailureKind::Failed, message)
    }
}

/// Whether a function can see it, or may see something that is built from it.
fn is_visible(statement: &Stmt) -> bool {
    match statement {
        Stmt::Import(..) => true,
        Stmt::Var(variable, flags, _) => {
            flags.contains(ASTFlags::CONSTANT) || is_param(&variable.1)
        }
        _ => false,
    }
}

/// `let version = param(...)`: what most constants are built from.
fn is_param(expression: &rhai::Expr) -> bool {
    matches!(expression, rhai::Expr::FnCall(call, _) if !call.is_qualified() && call.name == "param")
}
