//! The shell script that brings a unit into its state, and back.

use std::time::Duration;

use super::stamp::Stamp;
use crate::declare::Span;
use crate::shell::quote_str as quote;

const FUNCTIONS: &str = include_str!("service.sh");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Restart,
    Reload,
    Stop,
}

/// How to change whether the unit starts at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enable {
    On,
    Off,
    /// The unit is enabled only until the next boot, and becomes enabled permanently.
    ForGood,
    /// The unit is enabled only until the next boot, and becomes disabled.
    OffRuntime,
    /// The unit is enabled, but some links that its file requires are missing.
    Again,
}

/// A change to a unit.
pub(crate) struct Script<'a> {
    /// The name in the playbook.
    pub unit: &'a str,
    /// The name that systemd uses: an alias cannot be enabled.
    pub id: &'a str,
    pub must_read_unit: bool,
    pub enable: Option<Enable>,
    pub action: Option<Action>,
    pub settle: Option<Span>,
    /// The rows of the new stamp, if one is to be written.
    pub stamp: Option<&'a [(String, String)]>,
    pub former: &'a Stamp<'a>,
    /// Whether the former stamp is about the current start.
    pub former_is_valid: bool,
}

const DAEMON_RELOAD: &str = "systemctl --no-ask-password daemon-reload\n";

impl Script<'_> {
    pub(crate) fn apply(&self) -> String {
        let mut text = self.head();
        if self.must_read_unit {
            text.push_str(DAEMON_RELOAD);
        }
        if let Some(enable) = self.enable {
            text.push_str(&match enable {
                Enable::On => self.systemctl("enable -q"),
                Enable::Off => self.systemctl("disable -q"),
                Enable::ForGood => {
                    format!(
                        "{}{}",
                        self.systemctl("disable -q --runtime"),
                        self.systemctl("enable -q")
                    )
                }
                Enable::OffRuntime => self.systemctl("disable -q --runtime"),
                Enable::Again => self.systemctl("reenable -q"),
            });
        }
        text.push_str(&self.action.map(act).unwrap_or_default());
        if let Some(rows) = self.stamp {
            text.push_str(&stamp(rows));
        }
        text
    }

    /// Restores the former state. A restart is undone last: see [`Script::undo_last`].
    pub(crate) fn undo(&self) -> String {
        let mut text = self.head();
        match self.action {
            Some(Action::Start) => {
                text.push_str("systemctl --no-ask-password stop -- \"$unit\"\n");
                text.push_str(&self.former_file());
            }
            Some(Action::Stop) => {
                text.push_str(&act(Action::Start));
            }
            Some(Action::Restart | Action::Reload) | None => {}
        }
        if let Some(enable) = self.enable {
            text.push_str(&match enable {
                Enable::On => self.systemctl("disable -q"),
                Enable::Off => self.systemctl("enable -q"),
                Enable::ForGood => {
                    format!(
                        "{}{}",
                        self.systemctl("disable -q"),
                        self.systemctl("enable -q --runtime")
                    )
                }
                Enable::OffRuntime => self.systemctl("enable -q --runtime"),
                // Done when the unit file has been restored: see `undo_last`.
                Enable::Again => String::new(),
            });
        }
        text
    }

    /// Makes the service read the files that the other undos restored.
    pub(crate) fn undo_last(&self) -> Option<String> {
        let mut text = self.head();
        if self.must_read_unit {
            text.push_str(DAEMON_RELOAD);
        }
        let again = self.enable == Some(Enable::Again);
        if again {
            text.push_str(&self.systemctl("reenable -q"));
        }
        match self.action {
            Some(action @ (Action::Restart | Action::Reload)) => text.push_str(&act(action)),
            _ if self.must_read_unit || again => return Some(text),
            _ => return None,
        }
        // The recorded fingerprints describe the restored inputs, and the service has just started with
        // them. For inputs that were not recorded, the times decide.
        let rows: Vec<(String, String)> = self
            .former
            .inputs()
            .filter(|_| self.former_is_valid)
            .cloned()
            .collect();
        text.push_str(&stamp(&rows));
        Some(text)
    }

    /// For a message.
    pub(crate) fn shown(&self) -> String {
        let verb = match (self.action, self.enable) {
            (Some(Action::Start), _) => "start",
            (Some(Action::Restart), _) => "restart",
            (Some(Action::Reload), _) => "reload",
            (Some(Action::Stop), _) => "stop",
            (None, Some(Enable::On | Enable::ForGood)) => "enable",
            (None, Some(Enable::Again)) => "reenable",
            (None, Some(Enable::Off | Enable::OffRuntime)) => "disable",
            (None, None) => return "systemctl daemon-reload".to_owned(),
        };
        format!("systemctl {verb} {}", quote(self.unit))
    }

    fn head(&self) -> String {
        let settle = self.settle.map_or(0.5, |span| span.0.as_secs_f64());
        format!("unit={}\nsettle={settle}\n{FUNCTIONS}", quote(self.unit))
    }

    fn systemctl(&self, verb: &str) -> String {
        format!("systemctl --no-ask-password {verb} -- {}\n", quote(self.id))
    }

    /// The former stamp.
    fn former_file(&self) -> String {
        let rows: Vec<(String, String)> = self.former.inputs().cloned().collect();
        match self.former.start() {
            None => stamp(&[]),
            Some(start) => format!("start={}\n{}", quote(start), stamp(&rows)),
        }
    }
}

/// Watches a unit until it has been up for `wanted`, or has restarted. Prints `steady`, or `unsteady`, the
/// number of restarts and the last line of the journal.
pub(crate) fn watch(unit: &str, wanted: Duration) -> String {
    format!(
        "unit={}\nwanted={}\n{FUNCTIONS}\nwatch\n",
        quote(unit),
        wanted.as_secs_f64().ceil()
    )
}

/// Checks the journal for a unit that keeps failing. Prints `steady`, or `loops`, the number of restarts,
/// the seconds between them and how it ended last.
pub(crate) fn recur(unit: &str) -> String {
    format!("unit={}\n{FUNCTIONS}\nrecur\n", quote(unit))
}

fn stamp(rows: &[(String, String)]) -> String {
    let mut text = "stamp".to_owned();
    for (fingerprint, path) in rows {
        text.push(' ');
        text.push_str(&quote(&format!("{fingerprint}={path}")));
    }
    text.push('\n');
    text
}

/// Starts, restarts, reloads or stops the unit, and waits until it is up.
fn act(action: Action) -> String {
    let (forget, verb, expect) = match action {
        Action::Start => ("forget_starts\n", "start", "expect_up\n"),
        Action::Restart => ("forget_starts\n", "restart", "expect_up\n"),
        Action::Reload => ("", "reload", "expect_up\n"),
        Action::Stop => ("", "stop", ""),
    };
    format!(
        "{forget}systemctl --no-ask-password {verb} -- \"$unit\" || failed 'did not {verb}'\n{expect}"
    )
}
