//! The command line of `ssh`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::model::{Connection, HostKeys};
use crate::shell::REMOTE_COMMAND;

/// What an `ssh` process is started for.
#[derive(Debug, Clone, Copy)]
pub(in crate::transport) enum Holds {
    /// A connection, and its first stream: it ends with that.
    Stream,
    /// A connection that waits in the background for channels, and ends when it had none for so long.
    Nothing { persist: Duration },
}

/// All arguments. For an option that is given more than once `ssh` takes the first: so what the
/// session needs comes first, then what the inventory says, then what it may replace. All of them win
/// over the configuration files.
pub(in crate::transport) fn arguments(
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
        // Goes to the log, which names what was offered where a login is refused.
        "LogLevel=DEBUG1",
    ] {
        option(&mut arguments, needed);
    }
    match holds {
        Holds::Stream => option(&mut arguments, "ControlPersist=no"),
        Holds::Nothing { persist } => {
            // 0 would be for ever.
            let seconds = persist.as_secs_f64().ceil().max(1.0);
            option(&mut arguments, &format!("ControlPersist={seconds}"));
            arguments.push("-N".into());
        }
    }
    arguments.extend(["-S".into(), control.into(), "-E".into(), log.into()]);
    if let Some(port) = connection.port {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(user) = &connection.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(key) = &connection.key_file {
        arguments.extend(["-i".into(), key.into()]);
    }
    arguments.extend(connection.ssh_args.iter().map(OsString::from));
    option(
        &mut arguments,
        &format!("ConnectTimeout={}", connect_timeout.as_secs_f64().ceil()),
    );
    option(&mut arguments, "ServerAliveInterval=5");
    option(&mut arguments, "ServerAliveCountMax=3");
    match connection.host_keys {
        HostKeys::Strict => option(&mut arguments, "StrictHostKeyChecking=yes"),
        HostKeys::AcceptNew => option(&mut arguments, "StrictHostKeyChecking=accept-new"),
        HostKeys::SshConfig => {}
    }
    arguments.extend(["--".into(), connection.address.clone().into()]);
    if matches!(holds, Holds::Stream) {
        arguments.push(REMOTE_COMMAND.into());
    }
    arguments
}
