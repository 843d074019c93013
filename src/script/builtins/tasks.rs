//! Task values: the constructors of the built-in tasks, and `task(#{...})`.

use std::cell::Cell;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use super::{constructors, declare};
use crate::declare::{Arguments, Value, function};
use crate::model::Position;
use crate::run::{HostHandle, Job};
use crate::script::custom_task::{Definition, TaskOptions};
use crate::script::error::{argument, position, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::script::refusal;
use crate::task::Task;
use crate::tasks::{self, Artifact, Entry, Surroundings};
use crate::template::Compiled;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A task as a value: the desired state, and where the playbook created it.
#[derive(Clone)]
pub struct TaskValue(Arc<Inner>);

struct Inner {
    what: What,
    at: Option<Position>,
    user: Option<String>,
}

enum What {
    /// Created from its arguments; the same for every host.
    Made(Arc<dyn Task>),
    /// Created separately for each host, because it uses the host's variables.
    PerHost(&'static Entry, Arguments),
    Custom(Definition),
}

function! {
    /// Defines a task in the playbook. It works like a built-in one: it is probed with the other tasks in one
    /// round trip, planned, verified after the change, and it can be undone.
    ///
    /// `name` is what the user sees. `probe` is a shell script that only reads. `plan` gets the result of
    /// the probe, a map with `code`, `stdout` and `stderr`. It returns `()` if nothing needs to change, or
    /// a map with `apply`, the script that makes the change; `undo`, the script that restores the previous
    /// state; `undo_last`, a script that runs after everything else on the host has been undone, such as a
    /// restart that reads a restored file; and `diff`, a text for the user. If it cannot determine what
    /// would change, it returns a map with `unknown`, the reason. `reads` and `writes` list what the probe
    /// depends on and what the change may alter: paths, `"package:NAME"`, `"service:NAME"`, `"user:NAME"`
    /// or `"any"`, which is the default of both.
    ///
    /// In check mode, a task whose probe reads what an earlier task would change is *unknown*. With
    /// `foresees: true`, its plan is called anyway if it is known what would change: `found` is the current
    /// state of the host, and `found.altered` lists the entries of `reads` that would have changed by then.
    /// In a real run that list is empty. In `keeps`, the plan lists the entries of `writes` that the change
    /// leaves unchanged for later tasks: for example, a service keeps running if systemd only reads its
    /// unit file again.
    ///
    /// ```rhai
    /// let swap_off = task(#{
    ///     name: "swap off",
    ///     probe: "cat /proc/swaps",
    ///     reads: ["/proc/swaps"],
    ///     writes: ["/proc/swaps"],
    ///     plan: |found| if found.stdout.split("\n").len() > 1 {
    ///         #{ apply: "swapoff -a", undo: "swapon -a", diff: "turns swap off" }
    ///     },
    /// });
    /// each(hosts("all"), |h| h.apply(swap_off));
    /// ```
    pub(crate) TASK = task(TaskOptions) {
        (definition: Map) -> Task,
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<TaskValue>("Task");
    engine.register_fn("to_string", |task: &mut TaskValue| task.label());
    let mut modules: Vec<(&str, Module)> = Vec::new();
    for entry in tasks::TASKS {
        let at = modules
            .iter()
            .position(|(name, _)| *name == entry.namespace)
            .unwrap_or_else(|| {
                modules.push((entry.namespace, Module::new()));
                modules.len() - 1
            });
        constructors::register(&mut modules[at].1, entry, "Task", make);
    }
    for (name, module) in modules {
        engine.register_static_module(name, module.into());
    }
    declare(&TASK, 0).register_into_engine(
        engine,
        |context: NativeCallContext, definition: Map| {
            let definition = Definition::new(&Options::read(&TASK, definition, &context)?)?;
            Ok::<_, Box<EvalAltResult>>(TaskValue::new(What::Custom(definition), &context, None))
        },
    );
}

fn make(
    context: &NativeCallContext<'_>,
    entry: &'static Entry,
    values: Vec<Dynamic>,
) -> Result<TaskValue> {
    let mut arguments = constructors::arguments(context, values)?;
    let user = become_option(&mut arguments, context)?;
    let frame = Frame::of(context)?;
    let around = Around::new(&frame, None);
    let made = (entry.make)(arguments.clone(), &around);
    let what = match made {
        _ if around.asked_for_vars.get() => What::PerHost(entry, arguments),
        Ok(task) => What::Made(task),
        Err(error) => return Err(constructors::refused(context, entry, &error)),
    };
    Ok(TaskValue::new(what, context, user))
}

fn become_option(
    arguments: &mut Arguments,
    context: &NativeCallContext<'_>,
) -> Result<Option<String>> {
    match arguments.take_option("become") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(user)) if !user.is_empty() && !user.starts_with('-') => Ok(Some(user)),
        Some(_) => Err(argument(
            context,
            "option `become` must be the name of a user",
        )),
    }
}

impl TaskValue {
    fn new(what: What, context: &NativeCallContext<'_>, user: Option<String>) -> Self {
        Self(Arc::new(Inner {
            what,
            at: position(context),
            user,
        }))
    }

    /// Where the playbook created it.
    pub(in crate::script) fn at(&self) -> Option<&Position> {
        self.0.at.as_ref()
    }

    pub(in crate::script) fn label(&self) -> String {
        match &self.0.what {
            What::Made(task) => task.label(),
            What::PerHost(entry, _) => entry.full_name(),
            What::Custom(definition) => definition.name().to_owned(),
        }
    }

    /// The task for a host.
    pub(super) fn job(
        &self,
        frame: &Frame,
        host: &HostHandle,
        context: &NativeCallContext<'_>,
    ) -> Result<Job> {
        let task = match &self.0.what {
            What::Made(task) => task.clone(),
            What::PerHost(entry, arguments) => {
                (entry.make)(arguments.clone(), &Around::new(frame, Some(host))).map_err(
                    |error| {
                        let failure = refusal::failure(&entry.full_name(), &error)
                            .on(host.name())
                            .at(self.0.at.clone());
                        throw(failure, context)
                    },
                )?
            }
            What::Custom(definition) => definition.task(frame, context),
        };
        Ok(Job {
            task,
            at: self.0.at.clone(),
            user: self.0.user.clone(),
        })
    }
}

/// What a constructor may request from the playbook.
struct Around<'a> {
    frame: &'a Frame,
    host: Option<&'a HostHandle>,
    asked_for_vars: Cell<bool>,
}

impl<'a> Around<'a> {
    fn new(frame: &'a Frame, host: Option<&'a HostHandle>) -> Self {
        Self {
            frame,
            host,
            asked_for_vars: Cell::new(false),
        }
    }
}

impl Surroundings for Around<'_> {
    fn read(&self, path: &str) -> std::result::Result<Arc<[u8]>, String> {
        self.frame.world().read(path)
    }

    fn artifact(&self, path: &str) -> std::result::Result<Arc<Artifact>, String> {
        self.frame.world().artifact(path)
    }

    fn template(
        &self,
        name: &str,
        text: &str,
    ) -> std::result::Result<Arc<Compiled>, minijinja::Error> {
        self.frame.world().templates.get(name, text)
    }

    fn vars(&self) -> minijinja::Value {
        self.asked_for_vars.set(true);
        match self.host {
            Some(host) => self.frame.run().inventory.context(host.host()),
            None => minijinja::Value::UNDEFINED,
        }
    }
}
