//! The machine that was measured on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

pub(crate) fn describe() -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory_gib": memory(),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "ssh": ssh(),
        "build": if cfg!(debug_assertions) { "ops built **without optimisation**: no figures" } else { "ops built as a release" },
    })
}

fn field(file: &str, name: &str) -> String {
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))
        .map_or_else(
            || "an unknown processor".to_owned(),
            |value| value.trim().to_owned(),
        )
}

fn memory() -> u64 {
    let kib: u64 = field("/proc/meminfo", "MemTotal")
        .split(' ')
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    (kib + 512 * 1024) / (1024 * 1024)
}

/// `OpenSSH_9.2p1`
fn ssh() -> String {
    let output = Command::new("ssh").arg("-V").output();
    let text = output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    text.split([' ', ',']).next().unwrap_or_default().to_owned()
}
