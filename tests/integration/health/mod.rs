//! Health checks of real servers: what each kind reports, from which vantage, and how waiting for it works.

mod data;
mod here;
mod http;
mod looks;
mod names;
mod own;
mod servers;
mod tools;
mod vantage;
mod waiting;
mod web;

use crate::ops::Ops;
use crate::ran::Ran;

/// A host `h1` that is this machine.
fn here() -> Ops {
    let ops = Ops::new();
    let state = ops.path("state").display().to_string();
    let line = format!("h1 ansible_connection=local ops_state_dir={state}\n");
    ops.inventory_named("hosts.ini", &line)
}

/// Runs each of some checks once on every host, written as in a playbook. The playbook continues whatever
/// their results are.
fn playbook(checks: &[String]) -> String {
    format!(
        "each(hosts(\"all\"), |h| h.check([\n{}\n], #{{ ok: [\"critical\", \"error\"] }}));\n",
        checks.join(",\n")
    )
}

/// Returns the results of the checks of [`playbook`] on a host: `passing: 200 in ...` for each, without the
/// times.
fn seen(ran: &Ran, host: &str) -> Vec<String> {
    let time = regex::Regex::new("([0-9]{3}) in [0-9a-z ]+s$").expect("an expression");
    let of_host = |event: &serde_json::Value| event["host"] == host;
    ran.events_of("health.checked")
        .iter()
        .filter(|event| of_host(event))
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let line = format!("{}: {}", text("state"), text("message"));
            time.replace(&line, "$1 in time").into_owned()
        })
        .collect()
}
