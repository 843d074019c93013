//! Tasks that a playbook or the standard library defines.

use std::sync::Arc;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext};

use crate::model::Diff;
use crate::shell::has_nul;
use crate::task::{Change, Found, Plan, Query, Resource, Task, Touches, Undoes};

use super::convert::described;
use super::frame::Frame;
use super::isolate::isolate;
use super::options::Options;
use super::stored_closure::{Stopped, StoredClosure};
use crate::declare::{Closure, OneOrMany, options};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    /// The options of `task(#{...})`.
    pub(crate) struct TaskOptions {
        /// the name to show to the user
        name: String,
        /// a shell script that only reads
        probe: String,
        /// a closure that gets the result of the probe and returns the plan
        plan: Closure,
        /// what the probe depends on; default `"any"`
        reads: Option<OneOrMany>,
        /// what the change may alter; default `"any"`
        writes: Option<OneOrMany>,
        /// with `true`, its plan is also called in check mode if an earlier task would change what it reads;
        /// default `false`
        foresees: Option<bool>,
    }
}

/// A task that a playbook defines.
#[derive(Clone)]
pub(crate) struct Definition {
    name: String,
    probe: String,
    plan: FnPtr,
    reads: Vec<Resource>,
    writes: Vec<Resource>,
    /// Whether its plan uses what earlier changes would alter.
    foresees: bool,
}

impl Definition {
    pub(crate) fn new(options: &Options<'_, TaskOptions>) -> Result<Self> {
        if has_nul(&options.probe) {
            return Err(options.wrong("probe", "contains a NUL byte"));
        }
        let plan = options.closure(Some(options.plan));
        let plan = plan.ok_or_else(|| options.wrong("plan", "must be a closure"))?;
        Ok(Self {
            name: options.name.clone(),
            probe: options.probe.clone(),
            // Copied now: while a host applies the task, the captured variables may be in use, above all the
            // host itself.
            plan: isolate(plan),
            reads: resources(options, "reads", options.reads.as_ref())?,
            writes: resources(options, "writes", options.writes.as_ref())?,
            foresees: options.foresees.unwrap_or(false),
        })
    }

    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The task for the host of a frame, with its own copy of the closure.
    pub(crate) fn task(&self, frame: &Frame, context: &NativeCallContext<'_>) -> Arc<dyn Task> {
        Arc::new(Custom {
            definition: self.clone(),
            plan: StoredClosure::new(&self.plan, frame, context),
        })
    }

    fn query(&self) -> Query {
        Query::Probe {
            script: self.probe.clone(),
            reads: self.reads.clone(),
        }
    }
}

fn resources(
    options: &Options<'_, TaskOptions>,
    key: &str,
    given: Option<&OneOrMany>,
) -> Result<Vec<Resource>> {
    let Some(given) = given else {
        return Ok(vec![Resource::Any]);
    };
    let given = given.clone().into_vec();
    let resources = given.iter().map(|name| resource(name));
    resources.collect::<Option<_>>().ok_or_else(|| {
        let known = "\"package:NAME\", \"service:NAME\", \"user:NAME\", \"group:NAME\" or \"any\"";
        options.wrong(key, &format!("must list absolute paths, {known}"))
    })
}

/// The entries of `reads` that earlier changes would alter, as written in the playbook.
fn altered(reads: &[Resource], found: &Found) -> Array {
    let is_altered = |read: &&Resource| found.altered().iter().any(|a| a.overlaps(read));
    let name = |read: &Resource| match read {
        Resource::Path(path) => path.clone(),
        Resource::Package(name) => format!("package:{name}"),
        Resource::Service(name) => format!("service:{name}"),
        Resource::User(name) => format!("user:{name}"),
        Resource::Group(name) => format!("group:{name}"),
        _ => "any".to_owned(),
    };
    let names = reads.iter().filter(is_altered).map(name);
    names.map(Dynamic::from).collect()
}

fn resource(name: &str) -> Option<Resource> {
    if name == "any" {
        return Some(Resource::Any);
    }
    if name.starts_with('/') {
        return Some(Resource::Path(name.to_owned()));
    }
    let (kind, name) = name.split_once(':')?;
    let name = name.to_owned();
    match kind {
        "package" => Some(Resource::Package(name)),
        "service" => Some(Resource::Service(name)),
        "user" => Some(Resource::User(name)),
        "group" => Some(Resource::Group(name)),
        _ => None,
    }
}

/// A definition, applied to a host.
struct Custom {
    definition: Definition,
    plan: StoredClosure,
}

impl Task for Custom {
    fn label(&self) -> String {
        self.definition.name.clone()
    }

    fn queries(&self) -> Vec<Query> {
        vec![self.definition.query()]
    }

    fn touches(&self) -> Touches {
        Touches {
            reads: Vec::new(),
            writes: self.definition.writes.clone(),
        }
    }

    fn foresees(&self) -> bool {
        self.definition.foresees
    }

    fn plan(&self, found: &Found) -> Plan {
        let altered = altered(&self.definition.reads, found);
        let ran = match found.command(&self.definition.query()) {
            Ok(ran) => ran,
            Err(reason) => return Plan::Unknown(reason),
        };
        let mut found = Map::from([
            ("code".into(), Dynamic::from(i64::from(ran.code))),
            (
                "stdout".into(),
                Dynamic::from(ran.stdout.trim_end_matches('\n').to_owned()),
            ),
            (
                "stderr".into(),
                Dynamic::from(ran.stderr.trim_end_matches('\n').to_owned()),
            ),
        ]);
        if self.definition.foresees {
            found.insert("altered".into(), altered.into());
        }
        match self.plan.call(found) {
            Ok(wanted) => read_plan(wanted)
                .unwrap_or_else(|message| Plan::Impossible(format!("its plan {message}"))),
            Err(Stopped::Interrupted) => Plan::Interrupted,
            Err(Stopped::Failed(message)) => Plan::Impossible(message),
        }
    }
}

fn read_plan(wanted: Dynamic) -> std::result::Result<Plan, String> {
    if wanted.is_unit() {
        return Ok(Plan::Unchanged);
    }
    let kind = described(&wanted);
    let Some(mut wanted) = wanted.try_cast::<Map>() else {
        return Err(format!("must return () or a map, not {kind}"));
    };
    let keeps = keeps(wanted.remove("keeps"))?;
    let mut text = |key: &str| match wanted.remove(key) {
        None => Ok(None),
        Some(value) if value.is_unit() => Ok(None),
        Some(value) => {
            let text = value.try_cast::<ImmutableString>().map(String::from);
            text.map(Some)
                .ok_or_else(|| format!("has a `{key}` that is not a string"))
        }
    };
    let (unknown, apply, undo, undo_last, diff) = (
        text("unknown")?,
        text("apply")?,
        text("undo")?,
        text("undo_last")?,
        text("diff")?,
    );
    if let Some(key) = wanted.keys().next() {
        return Err(format!(
            "has the unknown key `{key}`; the keys are `apply`, `undo`, `undo_last`, `diff`, \
             `keeps` and `unknown`"
        ));
    }
    if let Some(reason) = unknown {
        return Ok(Plan::Unknown(reason));
    }
    let Some(apply) = apply else {
        return Err("has neither `apply` nor `unknown`".to_owned());
    };
    let scripts = [Some(&apply), undo.as_ref(), undo_last.as_ref()];
    if scripts.into_iter().flatten().any(|script| has_nul(script)) {
        return Err("contains a NUL byte".to_owned());
    }
    let diff = diff.unwrap_or_else(|| apply.trim().to_owned());
    let mut change = Change::new(vec![Diff::Note { text: diff }], apply, "");
    // With `undo_last` alone, there is nothing to do at its turn, but the change can be undone.
    change.undo = undo.or_else(|| undo_last.is_some().then(|| ":".to_owned()));
    change.undoes = Undoes::Change;
    change.undo_last = undo_last;
    change.command = true;
    change.keeps = keeps;
    Ok(Plan::Change(Box::new(change)))
}

/// The entries of its `writes` that a change leaves as they are.
fn keeps(given: Option<Dynamic>) -> std::result::Result<Vec<Resource>, String> {
    let Some(given) = given.filter(|given| !given.is_unit()) else {
        return Ok(Vec::new());
    };
    let wrong = || "has a `keeps` that is not a list of entries of `writes`".to_owned();
    let given = given.try_cast::<Array>().ok_or_else(wrong)?;
    let one = |name: Dynamic| {
        let name = name.try_cast::<ImmutableString>();
        name.as_deref().and_then(resource).ok_or_else(wrong)
    };
    given.into_iter().map(one).collect()
}
