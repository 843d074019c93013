//! The cost of `ops` before it does anything: start-up, a large inventory, the size of the binary.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Extent;
use crate::figures::{Section, median, millis, shown};
use crate::ops::{Ops, binary};

/// Number of hosts in the large inventory.
const HOSTS: usize = 10_000;

const NOOP: &str = "each(hosts(\"all\"), |h| h.apply(files::directory(\"/tmp\")));\n";

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "start-up",
        "Start-up",
        "From the start of the process to its end. The local run starts a `sh`, checks one directory and keeps the run.",
        &["", "time"],
    );
    // A playbook of the usual length: every line is checked.
    let long: String = (0..200)
        .map(|n| format!("fn step{n}(h) {{ h.run(\"true {n}\") }}\n"))
        .collect();
    let ops = Ops::new()
        .file("noop.rhai", NOOP)
        .file("inventory.toml", "[hosts.here]\nvia = \"local\"\n")
        .file("long.rhai", format!("{NOOP}{long}"));
    for (what, arguments, at_most) in [
        ("`ops --version`", &["--version"][..], None),
        (
            "`ops check`, 200 functions",
            &["check", "long.rhai", "-i", "inventory.toml"],
            None,
        ),
        (
            "`ops run`, local, nothing to change",
            &["run", "noop.rhai", "-i", "inventory.toml"],
            Some(15.0),
        ),
    ] {
        let times = timed(
            &mut section,
            ops.command().args(arguments),
            extent.rounds * 3,
        );
        row(&mut section, what, &times);
        if let Some(at_most) = at_most {
            section.goal(
                "local run, nothing to change",
                median(&times),
                at_most,
                "ms",
            );
        }
    }
    let size = std::fs::metadata(binary()).map_or(0, |meta| meta.len());
    let megabytes = format!("{}.{} MB", size / 1_000_000, size / 100_000 % 10);
    section.row(
        vec!["the binary".to_owned(), megabytes],
        json!({ "what": "binary", "bytes": size }),
    );
    section
}

/// Ten thousand hosts, in each of the formats.
pub(crate) fn inventory(extent: &Extent) -> Section {
    let mut section = Section::new(
        "inventory",
        "An inventory of 10,000 hosts",
        "`ops check` of a playbook of one line: the inventory is read, its groups and variables are resolved, and the pattern of the playbook is matched. \
         Every host has a variable of its own.",
        &["", "time"],
    );
    let all = |line: &dyn Fn(usize) -> String| (0..HOSTS).map(line).collect::<String>();
    let toml = all(&|n| format!("[hosts.web{n}]\nvars = {{ rack = {} }}\n", n % 40));
    let yaml = all(&|n| format!("    web{n}:\n      rack: {}\n", n % 40));
    let ini = all(&|n| format!("web{n} rack={}\n", n % 40));
    let ops = Ops::new()
        .file("noop.rhai", NOOP)
        .file("large.toml", toml)
        .file("large.yml", format!("all:\n  hosts:\n{yaml}"))
        .file("large.ini", format!("[web]\n{ini}"));
    for (what, file) in [
        ("ops's own, TOML", "large.toml"),
        ("Ansible's YAML", "large.yml"),
        ("Ansible's INI", "large.ini"),
    ] {
        let mut command = ops.command();
        command.args(["check", "noop.rhai", "-i", file]);
        let times = timed(&mut section, &mut command, extent.rounds);
        row(&mut section, what, &times);
    }
    section
}

fn row(section: &mut Section, what: &str, times: &[Duration]) {
    section.row(
        vec![what.to_owned(), shown(times)],
        json!({ "what": what, "ms": millis(times) }),
    );
}

/// Runs it this many times, and once before to warm up.
fn timed(section: &mut Section, command: &mut Command, times: usize) -> Vec<Duration> {
    let mut all = Vec::new();
    for round in 0..=times {
        let began = Instant::now();
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("the built ops");
        let took = began.elapsed();
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            section.wrong(&format!("{command:?}: {}: {printed}", output.status));
            break;
        }
        if round > 0 {
            all.push(took);
        }
    }
    all
}
