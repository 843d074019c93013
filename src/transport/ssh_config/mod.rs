//! What the user's `ssh` would do to reach a host, found without starting it.
//!
//! [`Reader`] reads ssh_config(5) as `ssh` does: the files once for a run, a host's settings out of them as often as asked. Where
//! something stands there that only `ssh` can do, or that its versions read differently, it says so, and the host is
//! reached with `ssh`. It is never asked itself (`ssh -G`): that would be a process for each host, tells values without
//! their places, and runs the commands of `Match exec` besides those of the login.
//!
//! A line goes through [`words`], [`keyword`] and [`value`] to a [`file`]; [`options`] walks through the files for a host, and
//! [`resolve`] makes settings of what it found.

mod algorithms;
mod arguments;
mod condition;
mod file;
mod hardware;
mod include;
mod jump;
mod keyword;
mod local;
mod options;
mod pattern;
mod resolve;
mod tickets;
mod tokens;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::model::Connection;

use super::native::takes_ssh;
use super::settings::{Password, SshSettings};
use arguments::CommandLine;
use file::{File, Owner, Reading};
use jump::{Hop, Jump};
use local::Local;
use options::Options;
use resolve::Given;

/// A chain of jump hosts that is longer leads back to itself.
const MAX_JUMPS: usize = 16;

/// What is asked for beside the configuration.
#[derive(Debug, Clone, Copy)]
struct Asked {
    connect_timeout: Duration,
    has_password: bool,
}

impl Asked {
    const fn of(connection: &Connection) -> Self {
        Self {
            connect_timeout: connection.connect_timeout,
            has_password: connection.password.is_some(),
        }
    }
}

/// A file as it was read: why it cannot be, or nothing if it is not there.
type Read = Arc<Result<Option<File>, String>>;

/// Reads the user's configuration, each file once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    local: OnceLock<Result<Local, String>>,
    files: Mutex<HashMap<(PathBuf, Owner), Read>>,
    hardware: Mutex<HashMap<PathBuf, bool>>,
}

impl Reader {
    /// What `ssh` would do to reach a host.
    ///
    /// # Errors
    /// Why it takes `ssh` itself: a fragment such as "`ProxyCommand` is set, ~/.ssh/config:12".
    pub fn settings(&self, connection: &Connection) -> Result<SshSettings, String> {
        let local = self
            .local
            .get_or_init(Local::of_this_process)
            .as_ref()
            .map_err(Clone::clone)?;
        let mut line = CommandLine::of(connection)?;
        let host = line.destination(&connection.address)?;
        let mut settings = self.of_line(local, &host, &line, Asked::of(connection), 0)?;
        settings.login.password = connection.password.clone().map(Password::new);
        settings.login.key_file.clone_from(&connection.key_file);
        Ok(settings)
    }

    fn of_line(
        &self,
        local: &Local,
        host: &str,
        line: &CommandLine,
        asked: Asked,
        depth: usize,
    ) -> Result<SshSettings, String> {
        if depth > MAX_JUMPS {
            return Err(format!("the jump hosts to {host} do not end"));
        }
        let files = self.files(local, line.config.as_deref())?;
        let files: Vec<&File> = files
            .iter()
            .filter_map(|file| file.as_ref().as_ref().ok()?.as_ref())
            .collect();
        let options = Options::read(local, host, line, &files)?;
        let given = Given {
            local,
            connect_timeout: asked.connect_timeout,
            has_password: asked.has_password,
            hardware: &|path| self.is_hardware(path),
        };
        let mut settings = resolve::settings(&given, &options)?;
        settings.config.clone_from(&line.config);
        if let Some(reason) = takes_ssh(&settings) {
            return Err(reason);
        }
        if depth > 0 {
            resolve::refuse_master(local, &options, &settings)?;
        }
        if let Some((Jump::Through(hop), place)) = &options.jump {
            check_jump(hop, &settings).map_err(|error| format!("{error}, {place}"))?;
            settings.jumps = self
                .jumps(local, hop, line.config.as_deref(), asked, depth)
                .map_err(|error| format!("jump host {}: {error}", hop.host))?;
        }
        Ok(settings)
    }

    /// The jump host next to the host, and what is before it. `ssh` starts another `ssh` for it, which is told nothing of
    /// what the first was told but the configuration file.
    fn jumps(
        &self,
        local: &Local,
        hop: &Hop,
        config: Option<&str>,
        asked: Asked,
        depth: usize,
    ) -> Result<Vec<SshSettings>, String> {
        let user = hop.user.as_deref();
        let line = CommandLine::of_jump(user, hop.port, hop.through.as_deref(), config);
        // The password is for the host alone.
        let asked = Asked {
            has_password: false,
            ..asked
        };
        let mut last = self.of_line(local, &hop.host, &line, asked, depth + 1)?;
        let mut jumps = std::mem::take(&mut last.jumps);
        jumps.push(last);
        Ok(jumps)
    }

    /// The user's and the system's, or the one of `-F`.
    fn files(&self, local: &Local, config: Option<&str>) -> Result<Vec<Read>, String> {
        let files = match config {
            Some(none) if none.eq_ignore_ascii_case("none") => Vec::new(),
            Some(path) => {
                let file = self.file(local, Path::new(path), Owner::User, false);
                if matches!(*file, Ok(None)) {
                    return Err(format!("{path} cannot be opened, -F"));
                }
                vec![file]
            }
            None => vec![
                self.file(local, &file::of_user(local), Owner::User, true),
                self.file(local, &file::of_system(), Owner::System, false),
            ],
        };
        match files.iter().find_map(|file| file.as_ref().as_ref().err()) {
            Some(error) => Err(error.clone()),
            None => Ok(files),
        }
    }

    fn file(&self, local: &Local, path: &Path, owner: Owner, permissions: bool) -> Read {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = Reading {
            local,
            owner,
            permissions,
            depth: 0,
        };
        let read = files
            .entry((path.to_owned(), owner))
            .or_insert_with(|| Arc::new(file::read(path, reading)));
        Arc::clone(read)
    }

    fn is_hardware(&self, path: &Path) -> bool {
        let mut known = self.hardware.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&is) = known.get(path) {
            return is;
        }
        let is = hardware::holds(path);
        known.insert(path.to_owned(), is);
        is
    }
}

/// `ssh` ends at a jump host that is the host itself.
fn check_jump(hop: &Hop, target: &SshSettings) -> Result<(), String> {
    let is_itself = hop.host == target.host
        && hop.port.unwrap_or(22) == target.port
        && hop.user.as_ref().is_none_or(|user| *user == target.user);
    if is_itself {
        return Err(format!("jump host {}: it is the host itself", hop.host));
    }
    Ok(())
}
