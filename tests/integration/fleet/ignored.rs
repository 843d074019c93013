//! Tests that cannot run on this machine. The test harness cannot ignore a test that has started, and calls it
//! passed. So such a test says that it is ignored, and why; `scripts/test` shows it as ignored, and lists it
//! again at the end. With one thread, the harness may run tests on its main thread: then only the list says so.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::Location;

/// Reports that this test is ignored. The test must return then.
#[track_caller]
pub(crate) fn ignored(reason: &str) {
    report("ignored", reason);
}

/// Reports that a part of this test is ignored.
#[track_caller]
pub(crate) fn partly_ignored(reason: &str) {
    report("partly ignored", reason);
}

#[track_caller]
fn report(what: &str, reason: &str) {
    let thread = std::thread::current();
    let location = Location::caller();
    // The harness names the thread of a test after it.
    let name = match thread.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => format!("{}:{}", location.file(), location.line()),
    };
    let line = format!("{what}: {name}: {reason}\n");
    // Not `eprintln!`, which the harness captures.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os("OPS_TEST_IGNORED") {
        let file = OpenOptions::new().create(true).append(true).open(list);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the list of ignored tests");
    }
}
