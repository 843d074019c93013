//! The command line of `ssh`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::model::Connection;
use crate::shell::REMOTE_COMMAND;
use crate::transport::destination;

/// The purpose of an `ssh` process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holds {
    /// A connection and its first stream: it ends with that stream.
    Stream,
    /// A connection that waits in the background for channels, and ends after having none for this long.
    Nothing { persist: Duration },
}

/// All arguments. `ssh` uses the first value of an option: so the options that the session needs come
/// first, then those of the inventory, then defaults that these may override. All of them take precedence
/// over the configuration files.
pub(super) fn arguments(
    connection: &Connection,
    control: &Path,
    log: &Path,
    connect_timeout: Duration,
    holds: Holds,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let option = |arguments: &mut Vec<OsString>, option: &str| {
        arguments.extend(["-o".into(), option.into()]);
    };
    for needed in [
        "BatchMode=yes",
        "ControlMaster=yes",
        "RemoteCommand=none",
        "RequestTTY=no",
        "ClearAllForwardings=yes",
        // For the log: it then names the keys that were offered if a login is refused.
        "LogLevel=DEBUG1",
    ] {
        option(&mut arguments, needed);
    }
    match holds {
        Holds::Stream => option(&mut arguments, "ControlPersist=no"),
        Holds::Nothing { persist } => {
            // 0 would mean no limit.
            let seconds = persist.as_secs_f64().ceil().max(1.0);
            option(&mut arguments, &format!("ControlPersist={seconds}"));
            arguments.push("-N".into());
        }
    }
    arguments.extend(["-S".into(), control.into(), "-E".into(), log.into()]);
    arguments.extend(destination::target(connection, connect_timeout).arguments());
    arguments.extend(["--".into(), connection.address.clone().into()]);
    if matches!(holds, Holds::Stream) {
        arguments.push(REMOTE_COMMAND.into());
    }
    arguments
}
