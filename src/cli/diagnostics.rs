//! What goes to the user outside of a run: failures on stderr, data on stdout, and the word of a bug.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::model::Failure;

/// Prints failures on stderr.
pub fn print(failures: &[Failure]) {
    for failure in failures {
        let mut text = format!("error: {failure}\n");
        if let Some(at) = &failure.at {
            let _ = writeln!(text, "  --> {at}");
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "  help: {hint}");
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Prints data on stdout. A reader that has gone away has read enough.
pub fn out(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// A panic is a bug of ours, and says so.
pub fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        let _ = writeln!(
            std::io::stderr(),
            "\nThis is a bug in ops {}. What was done on hosts so far stays done; run it again to go on.",
            env!("CARGO_PKG_VERSION"),
        );
    }));
}
