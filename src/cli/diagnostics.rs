//! What the user sees outside of a run: failures on stderr, data on stdout, and the message of a panic.

use std::io::Write as _;

use crate::model::Failure;
use crate::report::{Settings, diagnostic, github, runner};

/// Prints failures on stderr.
pub(crate) fn print(failures: &[Failure]) {
    let colour = Settings::takes_colour(&std::io::stderr());
    let mut drawn = diagnostic::render_all(failures.iter().map(|failure| (failure, None)), colour);
    if runner::is_step() {
        drawn = runner::harmless(&drawn);
        drawn.push_str(&github::annotate(
            failures,
            &github::Workflow::of_environment(),
        ));
    }
    // If the terminal is gone, nobody can be told.
    let _ = std::io::stderr().write_all(drawn.as_bytes());
}

/// Prints a warning on stderr before a run starts.
pub(crate) fn warn(message: &str, hint: Option<&str>) {
    let colour = Settings::takes_colour(&std::io::stderr());
    let mut drawn = diagnostic::render_warning(message, hint, colour);
    if runner::is_step() {
        drawn = runner::harmless(&drawn);
    }
    // If the terminal is gone, nobody can be told.
    let _ = std::io::stderr().write_all(drawn.as_bytes());
}

/// Prints warnings on stderr, each with its position.
pub(crate) fn warn_all(warnings: &[Failure]) {
    let mut text = String::new();
    for warning in warnings {
        let at = warning.at.as_ref().map(ToString::to_string);
        text.push_str(&format!("warning: {}\n", warning.message));
        if let Some(at) = at {
            text.push_str(&format!("  --> {at}\n"));
        }
        if let Some(hint) = &warning.hint {
            text.push_str(&format!("  {hint}\n"));
        }
    }
    if runner::is_step() {
        text = runner::harmless(&text);
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints a text on stdout.
pub(crate) fn out(text: &str) {
    if runner::is_step() {
        unchanged(&runner::harmless(text));
    } else {
        unchanged(text);
    }
}

/// Prints JSON on stdout.
pub(crate) fn json(text: &str) {
    unchanged(&runner::harmless_json(text));
}

/// Prints data on stdout as it is. A reader that closed the pipe has read enough.
pub(crate) fn unchanged(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// A panic is a bug in ops, and the message says so.
pub(crate) fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        let _ = writeln!(
            std::io::stderr(),
            "\nThis is a bug in ops {}. Changes made on hosts so far stay; \
             run the playbook again to continue.",
            env!("CARGO_PKG_VERSION"),
        );
    }));
}
