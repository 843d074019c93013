//! One task on thousands of hosts: SSH servers in this process on loopback addresses, each of which starts
//! a real `sh` for a session. ops is compared with a bare loop on the same SSH library, which does the same
//! with its own script. Both run as separate processes, one at a time.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Extent;
use crate::bare;
use crate::figures::{Section, ratio, shown_ratio};
use crate::fleet::{Measured, Servers, measure as taken};

/// Hosts at a time: the default of `--forks`.
const FORKS: usize = 50;

/// How much more time per host ops may take from 100 to 1,000 hosts: the kernel counts processor time in
/// hundredths of a second.
const NO_FASTER: f64 = 1.05;

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "scale",
        "One task on 1 to 1,000 hosts",
        "One file on every host, over the native transport, 50 hosts at a time. The hosts are SSH servers in the benchmark's own process, with a loopback address each; \
         each starts a real `sh`. The bare loop is the minimum of work, on the same SSH library: connect, log in, start `sh`, send it a script, read the answer. \
         Processor time and memory are those of the controller's process only.",
        &[
            "hosts",
            "",
            "wall",
            "to the bare loop",
            "CPU a host",
            "peak memory",
        ],
    );
    let mut at_100 = None;
    for &size in &extent.sizes {
        let servers = Servers::start(size);
        bare::describe(&servers);
        let rounds = if size >= 1000 {
            2
        } else {
            extent.rounds.min(3)
        };
        let mut runs: [Vec<Measured>; 3] = Default::default();
        for round in 0..rounds {
            if let Err(reason) = all_three(&servers, round, rounds, &mut runs) {
                section.wrong(&format!("{size} hosts: {reason}"));
                break;
            }
        }
        if runs[2].is_empty() {
            continue;
        }
        let loops = middle(&runs[0], wall);
        for (what, runs) in ["bare loop", "ops, all changes", "ops, nothing to change"]
            .iter()
            .zip(&runs)
        {
            row(&mut section, size, what, runs, loops);
        }
        let idle = &runs[2];
        let cpu = middle(idle, cpu).map(|cpu| cpu / hosts(size));
        if size == 100 {
            at_100 = cpu;
        }
        if size == 1000 {
            let name = "1,000 hosts, one task, nothing to change";
            section.goal(&format!("{name}: controller CPU per host"), cpu, 2.0, "ms");
            section.goal(
                &format!("{name}: peak memory"),
                middle(idle, peak),
                150.0,
                "MB",
            );
            let slower = ratio(middle(idle, wall), loops);
            section.goal(
                &format!("{name}: wall time"),
                slower,
                1.2,
                "x the bare loop",
            );
            let growth = ratio(cpu, at_100);
            section.goal(
                "controller CPU per host, from 100 to 1,000 hosts",
                growth,
                NO_FASTER,
                "x",
            );
        }
    }
    section
}

/// The bare loop, a run of ops that changes everything, and one that has nothing to change.
fn all_three(
    servers: &Servers,
    round: usize,
    rounds: usize,
    runs: &mut [Vec<Measured>; 3],
) -> Result<(), String> {
    let loops = bare_loop(servers, round)?;
    verify(servers, round)?;
    let other = rounds + round;
    let changing = ops(servers, other)?;
    verify(servers, other)?;
    let idle = ops(servers, other)?;
    verify(servers, other)?;
    for (runs, run) in runs.iter_mut().zip([loops, changing, idle]) {
        runs.push(run);
    }
    Ok(())
}

/// The content of the file in each round.
pub(crate) fn content(round: usize) -> String {
    format!("round {round}\n")
}

fn bare_loop(servers: &Servers, round: usize) -> Result<Measured, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(this);
    command
        .args(["bare".as_ref(), servers.dir().as_os_str()])
        .args([FORKS.to_string(), round.to_string()]);
    succeeded(taken(&mut command), "the bare loop")
}

fn ops(servers: &Servers, round: usize) -> Result<Measured, String> {
    let playbook = format!(
        "each(hosts(\"all\"), |h| h.apply(files::file(h.vars.root + \"/file\", {:?})));",
        content(round)
    );
    let ops = servers
        .ops_with(|endpoint| {
            let root = servers.dir().join(&endpoint.name).join("root");
            endpoint.var("root", &root.display().to_string());
        })
        .playbook(&playbook)
        .args(["--transport", "native", "--output", "plain"])
        .args(["--forks", &FORKS.to_string()]);
    succeeded(taken(ops.command().stdout(Stdio::null())), "ops")
}

fn succeeded(run: Measured, who: &str) -> Result<Measured, String> {
    if run.status.success() {
        Ok(run)
    } else {
        Err(format!("{who} ended with {}", run.status))
    }
}

fn verify(servers: &Servers, round: usize) -> Result<(), String> {
    for server in servers.servers() {
        let path = server.root().join("file");
        let there =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if there != content(round) {
            return Err(format!("{} holds {there:?}", path.display()));
        }
    }
    Ok(())
}

fn row(section: &mut Section, size: usize, what: &str, runs: &[Measured], loops: Option<f64>) {
    let all = |of: fn(&Measured) -> f64| runs.iter().map(of).collect::<Vec<_>>();
    let raw: Value = json!({
        "hosts": size, "what": what, "wall_ms": all(wall), "cpu_ms": all(cpu), "peak_mb": all(peak),
    });
    let text = |value: Option<f64>, digits: usize, unit: &str| {
        value.map_or("-".to_owned(), |value| format!("{value:.digits$} {unit}"))
    };
    section.row(
        vec![
            size.to_string(),
            what.to_owned(),
            text(middle(runs, wall), 0, "ms"),
            shown_ratio(ratio(middle(runs, wall), loops)),
            text(middle(runs, cpu).map(|cpu| cpu / hosts(size)), 2, "ms"),
            text(middle(runs, peak), 0, "MB"),
        ],
        raw,
    );
}

fn wall(run: &Measured) -> f64 {
    run.wall.as_secs_f64() * 1000.0
}

fn cpu(run: &Measured) -> f64 {
    run.cpu.as_secs_f64() * 1000.0
}

/// In megabytes.
#[expect(clippy::cast_precision_loss, reason = "nobody has as much memory")]
fn peak(run: &Measured) -> f64 {
    run.peak as f64 / 1e6
}

fn hosts(size: usize) -> f64 {
    u32::try_from(size).map_or(f64::INFINITY, f64::from)
}

fn middle(runs: &[Measured], of: fn(&Measured) -> f64) -> Option<f64> {
    let mut all: Vec<f64> = runs.iter().map(of).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}
