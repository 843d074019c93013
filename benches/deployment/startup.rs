//! What `ops` costs before it does anything: start-up, a large inventory, the size of the binary.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::figures::{Figures, median};
use crate::ops::{Ops, binary};

const TIMES: usize = 21;

pub fn measure(figures: &mut Figures) {
    let noop = "each(hosts(\"all\"), |h| h.apply(files::directory(\"/tmp\")));\n";
    let one = "[hosts.here]\nvia = \"local\"\n";
    let ops = Ops::new()
        .file("noop.rhai", noop)
        .file("inventory.toml", one);

    // A playbook of a usual length: each of these lines is looked at.
    let long: String = (0..200)
        .map(|n| format!("fn step{n}(h) {{ h.run(\"true {n}\") }}\n"))
        .collect();
    let ops = ops.file("long.rhai", format!("{noop}{long}"));
    let thousands: String = (0..10_000)
        .map(|n| format!("[hosts.web{n}]\nvars = {{ rack = {} }}\n", n % 40))
        .collect();
    let ops = ops.file("large.toml", thousands);

    for (what, args, at_most) in [
        ("`ops --version`", &["--version"][..], 10.0),
        (
            "`ops check`, 200 functions",
            &["check", "long.rhai", "-i", "inventory.toml"],
            10.0,
        ),
        (
            "`ops run`, local, nothing to change",
            &["run", "noop.rhai", "-i", "inventory.toml"],
            20.0,
        ),
        (
            "`ops check` with 10,000 hosts",
            &["check", "noop.rhai", "-i", "large.toml"],
            200.0,
        ),
    ] {
        figures.single(what, time(ops.command().args(args)), "ms", at_most);
    }
    let size = std::fs::metadata(binary()).expect("the built ops").len();
    #[expect(clippy::cast_precision_loss, reason = "a binary is no petabyte")]
    figures.single("the binary, stripped", size as f64 / 1e6, "MB", 20.0);
}

/// The median, in milliseconds.
fn time(command: &mut Command) -> f64 {
    let times: Vec<_> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            let output = command
                .stdin(Stdio::null())
                .output()
                .expect("the built ops");
            let took = began.elapsed();
            assert!(
                output.status.success(),
                "{command:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            took
        })
        .collect();
    median(&times)
}
