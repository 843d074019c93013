//! The cost of the journal of a run: every change is on disk before it is made, and every event is written.
//!
//! This cannot be switched off, not even for the benchmark. The same run is measured with its state on the
//! disk and on a file system in memory, where waiting for the disk takes no time.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::compare;
use crate::figures::{Section, median, millis, ratio, shown, shown_ratio};
use crate::fleet::{Fleet, Settings};
use crate::ops::Ops;
use crate::rivals::timed;
use crate::work::{Amount, Work};
use crate::{Extent, FAST_EXCHANGE};

/// A file system in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";

/// Number of tasks in the run that only produces events.
const MANY: usize = 2000;

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "journal",
        "The journal's share",
        "The same runs, with kept runs (`XDG_STATE_HOME`) on the disk and in memory (tmpfs). The difference is the wait for the disk.",
        &["", "on disk", "in memory", "ratio"],
    );
    let Ok(memory) = tempfile::Builder::new()
        .prefix("ops-bench-")
        .tempdir_in(IN_MEMORY)
    else {
        section.remark(&format!("there is no {IN_MEMORY} to compare with"));
        return section;
    };
    first_runs(&mut section, extent, memory.path());
    many_events(&mut section, extent, memory.path());
    waits(&mut section, extent);
    section
}

/// Twenty changing tasks on every host.
fn first_runs(section: &mut Section, extent: &Extent, memory: &Path) {
    let fleet = Fleet::sshd_with(extent.hosts, &Settings::default().config(FAST_EXCHANGE));
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=extent.rounds.min(5) {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            let work = Work::new(&format!("journal-{at}-{round}"), Amount::TWENTY);
            match changing(&fleet, &work, (at == 1).then_some(memory)) {
                Ok(time) if round > 0 => times[at].push(time),
                Ok(_) => {}
                Err(reason) => return section.wrong(&reason),
            }
            work.remove(&fleet);
        }
    }
    let what = format!("20 changing tasks, {} hosts", extent.hosts);
    row(section, &what, &times);
}

fn changing(fleet: &Fleet, work: &Work, state: Option<&Path>) -> Result<Duration, String> {
    let ops = compare::with_roots(fleet).file("playbook.rhai", work.playbook());
    let mut command = ops.command();
    command.args([
        "run",
        "playbook.rhai",
        "-i",
        "hosts.ini",
        "--output",
        "plain",
    ]);
    if let Some(state) = state {
        command.env("XDG_STATE_HOME", state);
    }
    let time = timed(&mut command)?;
    work.verify(fleet, 1)?;
    Ok(time)
}

/// Many small tasks on this machine: one event for each, and no wait for the disk.
fn many_events(section: &mut Section, extent: &Extent, memory: &Path) {
    let ops = local(&format!(
        "each(hosts(\"all\"), |h| {{ for i in 0..{} {{ h.apply([{}]); }} }});\n",
        MANY / 100,
        "files::directory(\"/tmp\"), ".repeat(100)
    ));
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=extent.rounds.min(5) {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            let mut command = ops.command();
            command.args([
                "run",
                "playbook.rhai",
                "-i",
                "inventory.toml",
                "--output",
                "json",
            ]);
            if at == 1 {
                command.env("XDG_STATE_HOME", memory);
            }
            match timed(&mut command) {
                Ok(time) if round > 0 => times[at].push(time),
                Ok(_) => {}
                Err(reason) => return section.wrong(&reason),
            }
        }
    }
    row(section, &format!("{MANY} unchanged tasks, local"), &times);
    if let Some(ms) = median(&times[0]) {
        let whole = u32::try_from(MANY).map_or(0.0, f64::from);
        section.remark(&format!(
            "{:.0} tasks per second, each with its event, in the local run",
            whole / ms * 1000.0
        ));
    }
}

/// How often a run waits for the disk, as counted by strace.
fn waits(section: &mut Section, extent: &Extent) {
    let fleet = Fleet::sshd_with(extent.hosts, &Settings::default().config(FAST_EXCHANGE));
    let work = Work::new("journal-waits", Amount::TWENTY);
    let ops = compare::with_roots(&fleet).file("playbook.rhai", work.playbook());
    let plain = ops.command();
    let out = fleet.dir().join("strace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-T", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&out)
        .arg(plain.get_program())
        .args([
            "run",
            "playbook.rhai",
            "-i",
            "hosts.ini",
            "--output",
            "plain",
        ])
        .env_clear()
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    if let Some(dir) = plain.get_current_dir() {
        command.current_dir(dir);
    }
    if let Err(reason) = timed(&mut command) {
        section.remark(&format!("the waits for the disk are not counted: {reason}"));
        return;
    }
    let text = std::fs::read_to_string(out).unwrap_or_default();
    let took: Vec<f64> = text
        .lines()
        .filter_map(|line| line.rsplit_once('<')?.1.strip_suffix('>')?.parse().ok())
        .collect();
    section.remark(&format!(
        "{} waits for the disk in a run of 20 changing tasks on {} hosts, {:.1} ms each and {:.0} ms in total; hosts that wait at the same time share a wait",
        took.len(),
        extent.hosts,
        took.iter().sum::<f64>() * 1000.0 / f64::from(u32::try_from(took.len().max(1)).unwrap_or(1)),
        took.iter().sum::<f64>() * 1000.0,
    ));
}

fn local(playbook: &str) -> Ops {
    Ops::new()
        .file("playbook.rhai", playbook)
        .file("inventory.toml", "[hosts.here]\nvia = \"local\"\n")
}

fn row(section: &mut Section, what: &str, times: &[Vec<Duration>; 2]) {
    let [disk, memory] = times;
    section.row(
        vec![
            what.to_owned(),
            shown(disk),
            shown(memory),
            shown_ratio(ratio(median(disk), median(memory))),
        ],
        json!({ "what": what, "disk_ms": millis(disk), "memory_ms": millis(memory) }),
    );
}
