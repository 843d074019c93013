//! Reads the user's configuration, each file once per run, and derives the settings of each host from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::arguments::CommandLine;
use super::file::{self, File, Owner, Reading};
use super::jump::{Hop, Jump};
use super::local::Local;
use super::options::Options;
use super::resolve::{self, Given};
use super::target::Target;
use crate::ssh::host_keys::host_key_needs_ssh;
use crate::ssh::settings::SshSettings;

/// A longer chain of jump hosts must be a loop.
const MAX_JUMPS: usize = 16;

/// A file that was read, or why it cannot be read; `None` if it does not exist.
type ReadFile = Arc<Result<Option<File>, String>>;

/// Reads the user's configuration, each file once.
#[derive(Debug, Default)]
pub struct Reader {
    local: OnceLock<Result<Local, String>>,
    files: Mutex<HashMap<(PathBuf, Owner), ReadFile>>,
}

impl Reader {
    /// The settings with which `ssh` would reach a host.
    ///
    /// # Errors
    /// The reason why only `ssh` itself can reach it: a fragment such as "`ProxyCommand` is set,
    /// ~/.ssh/config:12".
    pub fn settings(&self, target: &Target<'_>) -> Result<SshSettings, String> {
        let local = self
            .local
            .get_or_init(Local::of_this_process)
            .as_ref()
            .map_err(Clone::clone)?;
        let mut line = CommandLine::of(target)?;
        let host = line.destination(target.address)?;
        let given = Given {
            local,
            config: line.config.as_deref(),
            connect_timeout: target.connect_timeout,
            has_password: target.password.is_some(),
            depth: 0,
        };
        let mut settings = self.of_line(&given, &host, &line)?;
        settings.login.password.clone_from(&target.password);
        settings.login.key_file = target.key_file.map(Path::to_owned);
        Ok(settings)
    }

    fn of_line(
        &self,
        given: &Given<'_>,
        host: &str,
        line: &CommandLine,
    ) -> Result<SshSettings, String> {
        if given.depth > MAX_JUMPS {
            return Err(format!("the jump hosts to {host} form a loop"));
        }
        let files = self.files(given)?;
        let files: Vec<&File> = files
            .iter()
            .filter_map(|file| file.as_ref().as_ref().ok()?.as_ref())
            .collect();
        let options = Options::read(given.local, host, line, &files)?;
        let mut settings = resolve::settings(given, &options)?;
        if let Some(reason) = host_key_needs_ssh(&settings) {
            return Err(reason);
        }
        if let Some((Jump::Through(hop), place)) = &options.jump {
            check_jump(hop, &settings).map_err(|error| format!("{error}, {place}"))?;
            settings.jumps = self
                .jumps(given, hop)
                .map_err(|error| format!("jump host {}: {error}", hop.host))?;
        }
        Ok(settings)
    }

    /// The jump host next to the host, and those before it. `ssh` starts another `ssh` for it, and passes
    /// only the configuration file on to it.
    fn jumps(&self, given: &Given<'_>, hop: &Hop) -> Result<Vec<SshSettings>, String> {
        let line = CommandLine::of_jump(hop);
        let given = Given {
            // The password is only for the host.
            has_password: false,
            depth: given.depth + 1,
            ..*given
        };
        let mut last = self.of_line(&given, &hop.host, &line)?;
        let mut jumps = std::mem::take(&mut last.jumps);
        jumps.push(last);
        Ok(jumps)
    }

    /// The user's and the system's file, or the file of `-F`.
    fn files(&self, given: &Given<'_>) -> Result<Vec<ReadFile>, String> {
        let local = given.local;
        let files = match given.config {
            Some(none) if none.eq_ignore_ascii_case("none") => Vec::new(),
            Some(path) => {
                let file = self.file(local, Path::new(path), Owner::User, false);
                if matches!(*file, Ok(None)) {
                    return Err(format!("cannot open {path}, -F"));
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

    fn file(&self, local: &Local, path: &Path, owner: Owner, permissions: bool) -> ReadFile {
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
}

/// Refuses a jump host that is the host itself, like `ssh`.
fn check_jump(hop: &Hop, target: &SshSettings) -> Result<(), String> {
    let is_itself = hop.host == target.host
        && hop.port.unwrap_or(22) == target.port
        && hop.user.as_ref().is_none_or(|user| *user == target.user);
    if is_itself {
        return Err(format!("jump host {}: it is the host itself", hop.host));
    }
    Ok(())
}
