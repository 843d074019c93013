//! The built `ops`, from start to end, with almost nothing to do.

use std::fs;
use std::process::Command;

/// Number of functions in the playbook that is checked: a long one.
const FUNCTIONS: usize = 200;

/// The commands that are counted, with their arguments.
pub(crate) const ALL: &[(&str, &[&str])] = &[
    ("`ops --version`", &["--version"]),
    (
        "`ops check`, a playbook with 200 functions",
        &["check", "long.rhai", "-i", "inventory.toml"],
    ),
    (
        "`ops run`, one local host, nothing to change",
        &[
            "run",
            "noop.rhai",
            "-i",
            "inventory.toml",
            "--output",
            "plain",
        ],
    ),
];

/// `ops` with these arguments, in its own directory.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let dir = std::env::temp_dir().join(format!("ops-instructions-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a temporary directory");
    let noop = "each(hosts(\"all\"), |h| h.apply(files::directory(\"/tmp\")));\n";
    let functions: String = (0..FUNCTIONS)
        .map(|n| format!("fn step{n}(h) {{ h.run(\"true {n}\") }}\n"))
        .collect();
    for (name, text) in [
        ("noop.rhai", noop.to_owned()),
        ("long.rhai", format!("{noop}{functions}")),
        (
            "inventory.toml",
            "[hosts.here]\nvia = \"local\"\n".to_owned(),
        ),
    ] {
        fs::write(dir.join(name), text).expect("a file in it");
    }
    // Otherwise ops would read the runs that earlier counts stored.
    let _ = fs::remove_dir_all(dir.join("state"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command
        .args(arguments)
        .current_dir(&dir)
        .env("HOME", &dir)
        .env("XDG_STATE_HOME", dir.join("state"));
    command
}

/// Removes that directory.
pub(crate) fn clean_up() {
    let dir = std::env::temp_dir().join(format!("ops-instructions-{}", std::process::id()));
    let _ = fs::remove_dir_all(dir);
}
