//! Runs a playbook that has been loaded and checked.

use std::sync::Arc;

use rhai::{Dynamic, Engine, NativeCallContext, Position};

use crate::model::{Failure, FailureKind, LogLevel};

use super::error::{Halt, halt_of};
use super::frame::Frame;
use super::playbook::Playbook;
use super::trace;
use super::world::World;

/// The stack size of the thread that a playbook runs on. Rhai copies, prints and drops a value level by
/// level. Some ten thousand levels fill this stack, and building such a value takes minutes. Only the
/// memory that is used costs anything.
const PLAYBOOK_STACK: usize = 64 << 20;

/// Runs the playbook to its end, and then the hooks that it registered.
///
/// # Errors
/// What ended it early: an uncaught failure, or an interruption.
pub fn execute(engine: Engine, playbook: &Playbook, world: &Arc<World>) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("playbook".into())
            .stack_size(PLAYBOOK_STACK)
            .spawn_scoped(scope, || run(engine, playbook, world));
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => {
                let message = format!("failed to start a thread for the playbook: {error}");
                Err(Failure::new(FailureKind::Failed, message))
            }
        }
    })
}

fn run(engine: Engine, playbook: &Playbook, world: &Arc<World>) -> Result<(), Failure> {
    let frame = Frame::playbook(world.clone());
    let engine = set_up(engine, &frame, world);
    let result = engine
        .run_ast(&playbook.ast)
        .map_err(|error| match halt_of(&error) {
            Some(Halt::Unknown) => None,
            Some(Halt::Cancelled) => Some(Failure::interrupted()),
            None => Some(trace::failure(&error, &engine, &world.sources)),
        });
    let failed = matches!(result, Err(Some(_)));
    let hooks = leave(&engine, playbook, &frame, failed);
    let mut hooks = hooks.into_iter();
    let result = match result {
        Err(Some(failure)) => Err(failure),
        Ok(()) | Err(None) => hooks.next().map_or(Ok(()), Err),
    };
    hooks.for_each(|failure| world.run.clean_up_failed(&failure));
    result
}

/// Prepares the engine for this world: what a script prints is logged, and a cancellation stops the script.
pub(super) fn set_up(mut engine: Engine, frame: &Frame, world: &Arc<World>) -> Arc<Engine> {
    engine.set_default_tag(Dynamic::from(frame.clone()));
    let watched = world.clone();
    engine.on_progress(move |operations| {
        (watched.is_cancelled() || watched.deadlines.passed(operations))
            .then(|| Dynamic::from(Halt::Cancelled))
    });
    let said = world.clone();
    engine.on_print(move |text| said.run.log(LogLevel::Info, None, text));
    let said = world.clone();
    engine.on_debug(move |text, source, place| {
        let (line, column) = (place.line().unwrap_or(1), place.position().unwrap_or(1));
        let at = format!("{}:{line}:{column}", source.unwrap_or_default());
        said.run
            .log(LogLevel::Debug, None, format!("{text} ({at})"));
    });
    let engine = Arc::new(engine);
    world.set_engine(&engine);
    engine
}

/// Runs the hooks of a frame, in the same context as the playbook's top level.
pub(super) fn leave(
    engine: &Engine,
    playbook: &Playbook,
    frame: &Frame,
    failed: bool,
) -> Vec<Failure> {
    let mut global = engine.new_global_runtime_state();
    global.lib.push(playbook.ast.shared_lib().clone());
    global.source = playbook.ast.source().map(Into::into);
    global.tag = Dynamic::from(frame.clone());
    let context = NativeCallContext::new_with_all_fields(
        engine,
        "",
        playbook.ast.source(),
        &global,
        Position::NONE,
    );
    frame.leave(&context, failed)
}
