//! What to do to a unit.

use std::time::Duration;

use super::script::{Action, Enable, Script, recur, watch};
use super::service::Service;
use super::stamp::{Input, START, Stamp};
use super::unit::Unit;
use crate::model::Diff;
use crate::task::{Answer, Change, Found, MISSING_LINKS, Plan, Query, Resource, Task, Touches};
use crate::tasks::fs::HostPath;

/// A unit that systemd has restarted by itself counts as running after this uptime.
const STEADY: Duration = Duration::from_secs(3);

/// A unit that was restarted more than once is trusted without a look at its journal after this uptime.
const TRUSTED: Duration = Duration::from_mins(5);

/// Why there is no plan.
enum Stop {
    Impossible(String),
    Unknown(String),
    Ask(Vec<Query>),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Unknown(reason)
    }
}

impl Task for Service {
    fn label(&self) -> String {
        format!("services::{} {}", self.called, self.name)
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = vec![self.unit_query()];
        if self.inputs().next().is_some() {
            queries.push(self.stamp_query());
            queries.extend(self.inputs().flat_map(Input::queries));
        }
        queries
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Service(self.name.to_string()))
    }

    fn plan(&self, found: &Found) -> Plan {
        plan(self, found)
    }
}

fn plan(service: &Service, found: &Found) -> Plan {
    match decide(service, found) {
        Ok(Some(change)) => Plan::Change(Box::new(change)),
        Ok(None) => Plan::Unchanged,
        Err(Stop::Impossible(reason)) => Plan::Impossible(reason),
        Err(Stop::Unknown(reason)) => Plan::Unknown(reason),
        Err(Stop::Ask(queries)) => Plan::Ask(queries),
    }
}

fn decide(service: &Service, found: &Found) -> Result<Option<Change>, Stop> {
    let unit = Unit(found.table(&service.unit_query())?);
    let must_read_unit = is_there(service, unit, found)?;
    let mut diff = Vec::new();
    if must_read_unit {
        diff.push(note(format!(
            "reloads the unit files: that of {} changed",
            service.name
        )));
    }
    let enable = enablement(service, unit, found, &mut diff)?;
    let stamp = match service.inputs().next() {
        Some(_) => found.table(&service.stamp_query())?,
        None => &[],
    };
    let stamp = Stamp(stamp);
    let restart_on = inputs(&service.restart_on, found)?;
    let reload_on = inputs(&service.reload_on, found)?;
    let action = match service.active {
        Some(true) => {
            let inputs = (restart_on.as_slice(), reload_on.as_slice());
            activation(service, unit, &stamp, inputs, found, &mut diff)?
        }
        Some(false) => stop(unit, &mut diff),
        None => None,
    };
    // If a unit only has to be enabled, `systemctl enable` reloads the files itself.
    let must_read_unit = must_read_unit && service.active == Some(true);
    if action.is_none() && enable.is_none() && !must_read_unit {
        return Ok(None);
    }
    let inputs: Vec<Input> = restart_on.into_iter().chain(reload_on).collect();
    let starts = matches!(action, Some(Action::Start | Action::Restart));
    let is_stamped = !inputs.is_empty() && (starts || action == Some(Action::Reload));
    let stamp_rows = is_stamped.then(|| stamp.renewed(unit, &inputs, !starts));
    let script = Script {
        unit: service.name.as_str(),
        // The unit itself, if the given name is an alias.
        id: match unit.get("Id") {
            "" => service.name.as_str(),
            id => id,
        },
        must_read_unit,
        enable,
        action,
        settle: service.settle,
        stamp: stamp_rows.as_deref(),
        former: &stamp,
        former_is_valid: stamp.is_about(unit),
    };
    let mut alters = vec![Resource::Service(service.name.to_string())];
    if action.is_some() {
        alters.extend(unit.alters());
    }
    let leaves = leaves(service, unit, action, enable, stamp_rows.as_deref());
    let change = Change::new(diff, script.apply(), script.undo()).leaving(leaves);
    Ok(Some(Change {
        undo_last: script.undo_last(),
        alters: Some(alters),
        command: true,
        timeout: service.timeout.map(|span| span.0),
        shown: Some(script.shown()),
        ..change
    }))
}

/// Checks that the unit can be managed. Returns whether systemd has to load its file (again) first.
fn is_there(service: &Service, unit: Unit<'_>, found: &Found) -> Result<bool, Stop> {
    let name = &service.name;
    let needs_reload = unit.is("NeedDaemonReload", "yes");
    match unit.get("LoadState") {
        "loaded" => Ok(needs_reload),
        // Before version 244, systemd does not look again for the file of a unit that was missing at the
        // last look-up.
        "not-found" => {
            let files: Vec<String> = unit_files(name.as_str());
            let open: Vec<Query> = files
                .iter()
                .map(|path| Query::Path(path.clone()))
                .filter(|query| found.get(query).is_none())
                .collect();
            if !open.is_empty() {
                return Err(Stop::Ask(open));
            }
            for path in &files {
                if found.path(path)?.target.is_some() {
                    return Ok(true);
                }
            }
            Err(Stop::Impossible(format!("there is no unit {name}")))
        }
        "masked" if service.active == Some(true) || service.enabled == Some(true) => {
            Err(Stop::Impossible(format!(
                "{name} is masked: `systemctl unmask {name}` would allow it to start again"
            )))
        }
        "masked" => Ok(false),
        _ if needs_reload => Ok(true),
        state => Err(Stop::Impossible(format!(
            "{name} cannot be loaded: its state is {state}"
        ))),
    }
}

/// The path of the administrator's file for a unit.
fn unit_files(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some((prefix, rest)) = name.split_once('@')
        && let Some((_, suffix)) = rest.rsplit_once('.')
    {
        names.push(format!("{prefix}@.{suffix}"));
    }
    names
        .iter()
        .map(|name| format!("/etc/systemd/system/{name}"))
        .collect()
}

fn inputs(paths: &[HostPath], found: &Found) -> Result<Vec<Input>, String> {
    paths.iter().map(|path| Input::of(path, found)).collect()
}

fn activation(
    service: &Service,
    unit: Unit<'_>,
    stamp: &Stamp<'_>,
    (restart_on, reload_on): (&[Input], &[Input]),
    found: &Found,
    diff: &mut Vec<Diff>,
) -> Result<Option<Action>, Stop> {
    let name = &service.name;
    if unit.runs_to_its_end() {
        return Err(Stop::Impossible(format!(
            "{name} is a one-shot unit without RemainAfterExit: it exits and never stays active"
        )));
    }
    if !reload_on.is_empty() && unit.is("CanReload", "no") && unit.is("LoadState", "loaded") {
        return Err(Stop::Impossible(format!(
            "{name} has no ExecReload and cannot be reloaded: use `restart_on`"
        )));
    }
    if !unit.is_active() {
        let before = match unit.get("ActiveState") {
            "" => "inactive",
            state => state,
        };
        diff.push(property("state", before, "active"));
        return Ok(Some(Action::Start));
    }
    for (inputs, action, verb) in [
        (restart_on, Action::Restart, "restarts"),
        (reload_on, Action::Reload, "reloads"),
    ] {
        let mut newer = Vec::new();
        for input in inputs {
            if input.is_newer(unit, stamp)? {
                newer.push(input.path.as_str());
            }
        }
        if !newer.is_empty() {
            diff.push(note(format!(
                "{verb} {name}: {} changed since it started",
                newer.join(", ")
            )));
            return Ok(Some(action));
        }
    }
    stays_up(service, unit, found)?;
    Ok(None)
}

/// Fails if systemd restarts the unit again and again: its being up at this moment means little.
fn stays_up(service: &Service, unit: Unit<'_>, found: &Found) -> Result<(), Stop> {
    let name = service.name.as_str();
    let wanted = service.settle.map_or(STEADY, |span| span.0.max(STEADY));
    let Some(up) = unit.up().filter(|_| unit.restarts() > 0) else {
        return Ok(());
    };
    if unit.restarts() > 1 && up < TRUSTED {
        let (verdict, ended) = answer(service, found, recur(name))?;
        if let Some(looped) = verdict.strip_prefix("loops ") {
            let (restarts, every) = looped.split_once(' ').unwrap_or((looped, "?"));
            let ended = Some(ended).filter(|ended| !ended.is_empty());
            let ended = ended.map_or_else(String::new, |ended| format!("; {ended}"));
            return Err(Stop::Impossible(format!(
                "{name} does not stay up: systemd has restarted it {restarts} times, every {every} s{ended}"
            )));
        }
    }
    if up >= wanted {
        return Ok(());
    }
    let (verdict, journal) = answer(service, found, watch(name, wanted))?;
    let Some(restarts) = verdict.strip_prefix("unsteady ") else {
        return Ok(());
    };
    let times = match restarts {
        "1" => "once".to_owned(),
        restarts => format!("{restarts} times"),
    };
    let ends = match journal.as_str() {
        "" => String::new(),
        line => format!("; its journal ends with: {line}"),
    };
    Err(Stop::Impossible(format!(
        "{name} does not stay up: systemd has restarted it {times}{ends}"
    )))
}

/// The first line that a script about the unit printed, and the rest.
fn answer(service: &Service, found: &Found, script: String) -> Result<(String, String), Stop> {
    let query = Query::Probe {
        script,
        reads: vec![Resource::Service(service.name.to_string())],
    };
    if found.get(&query).is_none() {
        return Err(Stop::Ask(vec![query]));
    }
    let output = &found.command(&query)?.stdout;
    let (verdict, rest) = output.split_once('\n').unwrap_or((output, ""));
    Ok((verdict.trim().to_owned(), rest.trim().to_owned()))
}

fn stop(unit: Unit<'_>, diff: &mut Vec<Diff>) -> Option<Action> {
    if unit.is_stopped() {
        return None;
    }
    diff.push(property("state", unit.get("ActiveState"), "inactive"));
    let triggers = unit.get("TriggeredBy");
    if !triggers.is_empty() {
        diff.push(note(format!("may be started again by {triggers}")));
    }
    Some(Action::Stop)
}

/// Whether and how the unit has to be enabled or disabled (`systemctl is-enabled`, systemctl(1)).
fn enablement(
    service: &Service,
    unit: Unit<'_>,
    found: &Found,
    diff: &mut Vec<Diff>,
) -> Result<Option<Enable>, Stop> {
    let Some(wanted) = service.enabled else {
        return Ok(None);
    };
    let name = &service.name;
    let state = unit.get("UnitFileState");
    let enabled = match state {
        "enabled" | "alias" => true,
        "enabled-runtime" if !wanted => true,
        // A System V init script, for which systemd generated a unit.
        "generated" => {
            let query = sysv(unit.get("Id"));
            match found.get(&query) {
                None => return Err(Stop::Ask(vec![query])),
                Some(_) => found.table(&query)?.iter().any(|row| row.1 == "yes"),
            }
        }
        // `static`, `indirect`, `transient`, or no file at all, although the unit is known.
        "static" | "indirect" | "transient" | "bad" | ""
            if wanted && unit.is("LoadState", "loaded") =>
        {
            let why = match state {
                "indirect" => "only the units in its Also= can be enabled",
                "transient" => "it is transient: it has no file and is lost at the next boot",
                _ => "its file has no [Install] section",
            };
            return Err(Stop::Impossible(format!("{name} cannot be enabled: {why}")));
        }
        _ => false,
    };
    let missing = unit.missing_links();
    if enabled && wanted && !missing.is_empty() {
        diff.push(note(format!(
            "enables it again: [Install] requires {}",
            missing.join(", ")
        )));
        return Ok(Some(Enable::Again));
    }
    if enabled == wanted {
        return Ok(None);
    }
    let word = |enabled: bool| if enabled { "enabled" } else { "disabled" };
    let before = if state == "enabled-runtime" {
        state
    } else {
        word(enabled)
    };
    diff.push(property("at boot", before, word(wanted)));
    Ok(Some(match (wanted, state) {
        (true, "enabled-runtime") => Enable::ForGood,
        (true, _) => Enable::On,
        (false, "enabled-runtime") => Enable::OffRuntime,
        (false, _) => Enable::Off,
    }))
}

fn sysv(name: &str) -> Query {
    let name = crate::shell::quote_str(name);
    Query::Script {
        script: format!(
            "if systemctl is-enabled -q -- {name}; then echo enabled=yes; else echo enabled=no; fi"
        ),
        reads: vec![Resource::Service(name)],
    }
}

/// What a query for the unit would return afterwards.
fn leaves(
    service: &Service,
    unit: Unit<'_>,
    action: Option<Action>,
    enable: Option<Enable>,
    stamp: Option<&[(String, String)]>,
) -> Vec<(Query, Answer)> {
    const NEXT: &str = "the next start";
    let mut changes = vec![("NeedDaemonReload", "no"), ("LoadState", "loaded")];
    match action {
        Some(Action::Start | Action::Restart) => {
            changes.extend([("ActiveState", "active"), ("InvocationID", NEXT)]);
        }
        Some(Action::Stop) => changes.push(("ActiveState", "inactive")),
        Some(Action::Reload) | None => {}
    }
    match enable {
        Some(Enable::On | Enable::ForGood) => changes.push(("UnitFileState", "enabled")),
        Some(Enable::Again) => changes.push((MISSING_LINKS, "")),
        Some(Enable::Off | Enable::OffRuntime) => changes.push(("UnitFileState", "disabled")),
        None => {}
    }
    let after = unit.with(&changes);
    let mut leaves = Vec::new();
    if let Some(rows) = stamp {
        let start = Unit(&after).start().to_owned();
        let mut noted = vec![(START.to_owned(), start)];
        noted.extend(rows.iter().cloned());
        leaves.push((service.stamp_query(), Answer::Table(noted)));
    }
    leaves.push((service.unit_query(), Answer::Table(after)));
    leaves
}

fn note(text: String) -> Diff {
    Diff::Note { text }
}

fn property(name: &str, before: &str, after: &str) -> Diff {
    Diff::Property {
        name: name.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    }
}
