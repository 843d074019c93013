//! A host in a playbook: `h.apply`, `h.run`, `h.become`, `h.read`, `h.facts`, `h.vars`, `h.undo`.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};
use tokio_util::sync::CancellationToken;

use super::outcome::OutcomeValue;
use super::recalled::result;
use super::tasks::TaskValue;
use super::{declare, declare_getter};
use crate::declare::{function, options};
use crate::model::{Failure, FailureKind, LogLevel};
use crate::run::{HostHandle, Mark, Run, apply, ask, command, pending_user, undo, undo_since};
use crate::script::command::{Call, CallOptions};
use crate::script::convert::described;
use crate::script::error::{Halt, argument, halt, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::task::{Answer, PathKind, PathState, Query, RunMode};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A host, accessed as one of its users.
#[derive(Clone)]
pub struct HostValue(pub HostHandle);

function! {
    /// Brings the host to the state that a task or a list of tasks describes, and returns the outcome of
    /// each. It is the only way to change a host. A list takes as few round trips as the dependencies of
    /// its tasks allow: one, if nothing needs to change. Throws at the first task that fails and skips the
    /// tasks after it.
    ///
    /// In check mode, nothing is changed, and the outcomes say what would change.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     let done = h.apply(files::line("/etc/hosts", "10.0.0.7 db"));
    ///     if done.changed { log::info(`${h.name}: hosts file changed`); }
    /// });
    /// ```
    APPLY = apply {
        (host: Host, task: Task) -> Outcome,
        (host: Host, tasks: Array) -> Array,
    }
}

function! {
    /// Runs a command and returns a map with `stdout`, `stderr` (without trailing newlines) and `code`. A
    /// string is run by the host's `sh`; a list is a command and its arguments, and is run without a shell.
    /// Throws if the code is not 0.
    ///
    /// In check mode, a command that may write is not sent, and the rest of the closure of this host is
    /// *unknown*.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| {
    ///     let size = h.run(["du", "-sk", "/var/lib/postgresql"], #{ reads: true }).stdout;
    ///     h.run("pg_dump shop | gzip >/var/backups/shop.sql.gz", #{ pipefail: true });
    ///     h.run("systemctl reload postgresql", #{ timeout: "1m" });
    /// });
    /// ```
    pub(crate) RUN = run(CallOptions) {
        (host: Host, command: String | Array) -> Map,
        (host: Host, command: String | Array, options: Map) -> Map,
    }
}

function! {
    /// Returns the same host, accessed as another user. Needs `sudo` on the host.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| h.become("postgres").run("psql -c 'select 1'", #{ reads: true }));
    /// ```
    BECOME = become {
        (host: Host, user: String) -> Host,
    }
}

/// The largest file that `h.read` returns, in bytes. A larger one is not text to base a decision on.
const LARGEST_READ: usize = 256 * 1024;

options! {
    struct ReadOptions {
        /// with `true`, it returns a blob; default `false`
        bytes: Option<bool>,
    }
}

function! {
    /// Returns the content of a file on the host, up to 256 KiB, as a string. It also reads in check mode:
    /// if an earlier task would change the file, it returns the content that the task would write. If that
    /// is not known, the rest of the host's closure is *unknown*.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| h.read("/etc/hostname"));
    /// ```
    pub(crate) READ = read(ReadOptions) {
        (host: Host, path: String) -> String,
        (host: Host, path: String, options: Map) -> Dynamic,
    }
}

function! {
    /// Undoes changes in reverse order: those of the given outcomes, or all that this run made on the host,
    /// in any attempt. Services that the changes restarted are restarted last. A change that cannot be undone
    /// is left as it is, and named in an error after the others are undone. Returns how many were undone.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| {
    ///     on_failure(|| h.undo());
    ///     h.apply(files::file("/etc/motd", "hello\n"));
    /// });
    /// ```
    UNDO = undo {
        (host: Host) -> i64,
        (host: Host, outcome: Outcome) -> i64,
        (host: Host, outcomes: Array) -> i64,
    }
}

function! {
    /// The host's name in the inventory.
    NAME = name {
        (host: Host) -> Dynamic,
    }

    /// The names of the groups that the host is in.
    GROUPS = groups {
        (host: Host) -> Dynamic,
    }

    /// The user that commands run as, or `()` for the login user.
    USER = user {
        (host: Host) -> Dynamic,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<HostValue>("Host");
    register_properties(engine);
    register_acts(engine);
    register_undo(engine);
}

fn register_properties(engine: &mut Engine) {
    declare_getter(&NAME)
        .register_into_engine(engine, |host: &mut HostValue| host.0.name().to_owned());
    declare_getter(&GROUPS).register_into_engine(engine, |host: &mut HostValue| {
        let groups = host.0.host().groups.iter();
        groups
            .map(|group| Dynamic::from(group.clone()))
            .collect::<Array>()
    });
    declare_getter(&USER).register_into_engine(engine, |host: &mut HostValue| {
        host.0.user.clone().map_or(Dynamic::UNIT, Dynamic::from)
    });
    engine.register_fn("to_string", |host: &mut HostValue| host.0.name().to_owned());
    engine.register_fn("to_debug", |host: &mut HostValue| {
        format!("Host({})", host.0.name())
    });
    engine.register_fn("==", |a: HostValue, b: HostValue| {
        a.0.name() == b.0.name() && a.0.user == b.0.user
    });
}

fn register_acts(engine: &mut Engine) {
    declare(&APPLY, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, task: TaskValue| {
            let applied = apply_all(&context, host, &[task])?;
            applied
                .into_iter()
                .next()
                .ok_or_else(|| argument(&context, "the task returned no outcome"))
        },
    );
    declare(&APPLY, 1).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, tasks: Array| -> Result<Array> {
            let mut flat = Vec::with_capacity(tasks.len());
            flatten(&context, tasks, &mut flat)?;
            Ok(apply_all(&context, host, &flat)?
                .into_iter()
                .map(Dynamic::from)
                .collect())
        },
    );
    declare(&RUN, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, line: Dynamic| {
            run(&context, host, &line, Map::new())
        },
    );
    declare(&RUN, 1).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, line: Dynamic, options: Map| {
            run(&context, host, &line, options)
        },
    );
    declare(&BECOME, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, user: &str| {
            become_user(&context, host, user)
        },
    );
    declare(&READ, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, path: &str| {
            read(&context, host, path, Map::new())
        },
    );
    declare(&READ, 1).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, path: &str, options: Map| {
            read(&context, host, path, options)
        },
    );
}

fn register_undo(engine: &mut Engine) {
    declare(&UNDO, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue| {
            undo_changes(&context, |cancel| {
                undo_since(&host.0, Mark::default(), cancel)
            })
        },
    );
    declare(&UNDO, 1).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, outcome: OutcomeValue| {
            let applied = [outcome.into_applied()];
            undo_changes(&context, |cancel| undo(&host.0, &applied, cancel))
        },
    );
    declare(&UNDO, 2).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, outcomes: Array| {
            let applied = outcomes.into_iter().map(|outcome| {
                let outcome = outcome.try_cast::<OutcomeValue>();
                outcome
                    .map(OutcomeValue::into_applied)
                    .ok_or_else(|| argument(&context, "`undo` takes only outcomes"))
            });
            let applied = applied.collect::<Result<Vec<_>>>()?;
            undo_changes(&context, |cancel| undo(&host.0, &applied, cancel))
        },
    );
}

fn flatten(context: &NativeCallContext<'_>, tasks: Array, flat: &mut Vec<TaskValue>) -> Result<()> {
    for task in tasks {
        let kind = described(&task);
        if task.is_array() {
            flatten(context, task.cast(), flat)?;
        } else if let Some(task) = task.try_cast::<TaskValue>() {
            flat.push(task);
        } else {
            return Err(argument(
                context,
                format!("`apply` takes tasks, not {kind}"),
            ));
        }
    }
    Ok(())
}

fn apply_all(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    tasks: &[TaskValue],
) -> Result<Vec<OutcomeValue>> {
    let frame = Frame::acting(context, "apply")?;
    let host = &HostValue(host.0.in_run(frame.run()));
    if host.0.is_controller() {
        return Err(controller_is_read_only(context));
    }
    within_limit("apply", context, frame.run(), &host.0)?;
    let jobs = tasks
        .iter()
        .map(|task| task.job(&frame, &host.0, context))
        .collect::<Result<Vec<_>>>()?;
    let batch = apply(&host.0, &jobs, frame.steps(), frame.cancel());
    host.0.history().remember(&batch.applied);
    if batch
        .applied
        .iter()
        .any(|applied| applied.decision.outcome == crate::model::Outcome::Unknown)
    {
        tracing::debug!(host = host.0.name(), "some outcomes are unknown");
    }
    match batch.failure {
        Some(failure) => Err(throw(failure, context)),
        None => Ok(batch.applied.into_iter().map(OutcomeValue::new).collect()),
    }
}

fn run(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    line: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let frame = Frame::acting(context, "run")?;
    let host = &HostValue(host.0.in_run(frame.run()));
    let call = Call::parse(line, &Options::read(&RUN, options, context)?)?;
    let command = call.command(context);
    if host.0.is_controller() && !command.reads {
        return Err(controller_is_read_only(context));
    }
    let sent = if frame.run().settings.mode == RunMode::Check && !command.reads {
        command::not_sent(&host.0, &command, frame.steps(), None);
        None
    } else if let Some(reason) = awaits_user(context, &frame, host)? {
        command::not_sent(&host.0, &command, frame.steps(), Some(reason));
        None
    } else {
        command::run(&host.0, &command, frame.steps(), frame.cancel())
            .map_err(|failure| throw(failure, context))?
    };
    sent.map(result)
        .ok_or_else(|| halt(Halt::Unknown, context.call_position()))
}

/// Refuses to change a host outside `--limit`.
///
/// # Errors
/// The host is outside it.
pub(super) fn within_limit(
    what: &str,
    context: &NativeCallContext<'_>,
    run: &Run,
    host: &HostHandle,
) -> Result<()> {
    if run.inventory.within_limit(host.host()) {
        return Ok(());
    }
    let message = format!("`{what}` would change a host that --limit excludes");
    let hint = "`hosts(.., #{ limit: false })` is for reading from hosts and running commands on them. \
                Select the hosts to change without it.";
    let failure = Failure::new(FailureKind::Failed, message)
        .hint(hint)
        .on(host.name());
    Err(throw(failure, context))
}

/// Why nothing can be read as this user in check mode: an earlier task would create the user.
fn awaits_user(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    host: &HostValue,
) -> Result<Option<String>> {
    pending_user(&host.0, frame.cancel()).map_err(|failure| throw(failure, context))
}

/// Ends the closure of the host as unknown if [`awaits_user`] returns a reason.
pub(super) fn known(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    host: &HostValue,
) -> Result<()> {
    match awaits_user(context, frame, host)? {
        Some(reason) => Err(end_unknown(context, frame, host, &reason)),
        None => Ok(()),
    }
}

/// Ends the closure of the host as unknown for this reason.
pub(super) fn end_unknown(
    context: &NativeCallContext<'_>,
    frame: &Frame,
    host: &HostValue,
    reason: &str,
) -> Box<EvalAltResult> {
    let level = LogLevel::Info;
    frame.run().log(
        level,
        Some(host.0.name()),
        format!("the rest is unknown: {reason}"),
    );
    halt(Halt::Unknown, context.call_position())
}

fn controller_is_read_only(context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
    let message = "the controller is read-only";
    let hint = "If the command only reads, add `reads: true`. To change this machine, add it to the \
                inventory with `via = \"local\"`.";
    throw(
        Failure::new(FailureKind::Failed, message).hint(hint),
        context,
    )
}

fn become_user(context: &NativeCallContext<'_>, host: &HostValue, user: &str) -> Result<HostValue> {
    if user.is_empty()
        || user.starts_with('-')
        || user.contains(|c: char| c.is_control() || c.is_whitespace())
    {
        return Err(argument(context, format!("invalid user name: `{user}`")));
    }
    Ok(HostValue(host.0.become_user(user)))
}

pub(super) fn read(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    path: &str,
    options: Map,
) -> Result<Dynamic> {
    let frame = Frame::acting(context, "read")?;
    let options = Options::<ReadOptions>::read(&READ, options, context)?;
    let blob = options.bytes.unwrap_or(false);
    if !path.starts_with('/') || path.contains('\0') {
        return Err(argument(
            context,
            format!("`{path}` is not an absolute path"),
        ));
    }
    known(context, &frame, host)?;
    let queries = [
        Query::Content(path.to_owned()),
        Query::Path(path.to_owned()),
    ];
    let outlook = host.0.history().outlook();
    let answers = match (outlook.left(&queries[0]), outlook.alters(&queries[0])) {
        (Some(Answer::Content(None)), _) => {
            let gone = PathState {
                own: None,
                target: None,
                link: None,
            };
            vec![(queries[1].clone(), Answer::Path(gone))]
        }
        (Some(left), _) => vec![(queries[0].clone(), left.clone())],
        (None, Some(reason)) => return Err(end_unknown(context, &frame, host, &reason)),
        (None, None) => ask(&host.0, frame.cancel(), queries.to_vec())
            .map_err(|failure| throw(failure, context))?,
    };
    let failed = |message: String| {
        let failure = Failure::new(FailureKind::Failed, message);
        throw(failure.on(host.0.name()), context)
    };
    let mut held = None;
    let mut why = "it is not a regular file that this user may read".to_owned();
    for (_, answer) in answers {
        match answer {
            Answer::Content(bytes) => held = bytes,
            Answer::Unknowable(reason) => why = reason,
            Answer::Path(state) => why = unreadable(&state),
            _ => {}
        }
    }
    match held {
        Some(bytes) if bytes.len() > LARGEST_READ => Err(failed(format!(
            "failed to read {path}: it has {} bytes, and the maximum is {LARGEST_READ}",
            bytes.len()
        ))),
        Some(bytes) if blob => Ok(Dynamic::from_blob(bytes)),
        Some(bytes) => String::from_utf8(bytes).map(Dynamic::from).map_err(|_| {
            failed(format!(
                "failed to read {path}: it is not UTF-8 (use `bytes: true`)"
            ))
        }),
        None => match outlook.may_bring(&queries[0]) {
            Some(reason) => Err(end_unknown(context, &frame, host, &reason)),
            None => Err(failed(format!("failed to read {path}: {why}"))),
        },
    }
}

/// Why a path has no readable content.
fn unreadable(state: &PathState) -> String {
    let why = match (&state.own, &state.target) {
        (None, _) => "it does not exist",
        (Some(_), None) => "it is a broken link",
        (Some(_), Some(stat)) if stat.kind == PathKind::File => "this user may not read it",
        (Some(_), Some(_)) => "it is not a regular file",
    };
    why.to_owned()
}

fn undo_changes(
    context: &NativeCallContext<'_>,
    undo: impl FnOnce(&CancellationToken) -> std::result::Result<usize, Failure>,
) -> Result<i64> {
    let frame = Frame::acting(context, "undo")?;
    let undone = undo(frame.cancel()).map_err(|failure| throw(failure, context))?;
    Ok(i64::try_from(undone).unwrap_or(i64::MAX))
}
