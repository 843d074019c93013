//! Reads the user's configuration, each file once for a run, and makes settings of it for each host.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::arguments::CommandLine;
use super::file::{self, File, Owner, Reading};
use super::jump::{Hop, Jump};
use super::local::Local;
use super::options::Options;
use super::resolve::{self, Given};
use super::security_key;
use super::target::Target;
use crate::ssh::host_keys::host_key_needs_ssh;
use crate::ssh::settings::SshSettings;

/// A longer chain of jump hosts leads back to itself.
const MAX_JUMPS: usize = 16;

/// What the program asks for, for a host and its jump hosts.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    connect_timeout: Duration,
    has_password: bool,
}

/// A file that was read: why it cannot be, or nothing if it does not exist.
type ReadFile = Arc<Result<Option<File>, String>>;

/// Reads the user's configuration, each file once.
#[derive(Debug, Default)]
pub struct Reader {
    local: OnceLock<Result<Local, String>>,
    files: Mutex<HashMap<(PathBuf, Owner), ReadFile>>,
    security_keys: Mutex<HashMap<PathBuf, bool>>,
}

impl Reader {
    /// What `ssh` would do to reach a host.
    ///
    /// # Errors
    /// Why only `ssh` itself can reach it: a fragment such as "`ProxyCommand` is set, ~/.ssh/config:12".
    pub fn settings(&self, target: &Target<'_>) -> Result<SshSettings, String> {
        let local = self
            .local
            .get_or_init(Local::of_this_process)
            .as_ref()
            .map_err(Clone::clone)?;
        let mut line = CommandLine::of(target)?;
        let host = line.destination(target.address)?;
        let wanted = Wanted {
            connect_timeout: target.connect_timeout,
            has_password: target.password.is_some(),
        };
        let mut settings = self.of_line(local, &host, &line, wanted, 0)?;
        settings.login.password.clone_from(&target.password);
        settings.login.key_file = target.key_file.map(Path::to_owned);
        Ok(settings)
    }

    fn of_line(
        &self,
        local: &Local,
        host: &str,
        line: &CommandLine,
        wanted: Wanted,
        depth: usize,
    ) -> Result<SshSettings, String> {
        if depth > MAX_JUMPS {
            return Err(format!("the jump hosts to {host} lead back to themselves"));
        }
        let files = self.files(local, line.config.as_deref())?;
        let files: Vec<&File> = files
            .iter()
            .filter_map(|file| file.as_ref().as_ref().ok()?.as_ref())
            .collect();
        let options = Options::read(local, host, line, &files)?;
        let given = Given {
            local,
            connect_timeout: wanted.connect_timeout,
            has_password: wanted.has_password,
            is_security_key: &|path| self.is_security_key(path),
        };
        let mut settings = resolve::settings(&given, &options)?;
        settings.config.clone_from(&line.config);
        if let Some(reason) = host_key_needs_ssh(&settings) {
            return Err(reason);
        }
        if depth > 0 {
            resolve::refuse_master(local, &options, &settings)?;
        }
        if let Some((Jump::Through(hop), place)) = &options.jump {
            check_jump(hop, &settings).map_err(|error| format!("{error}, {place}"))?;
            settings.jumps = self
                .jumps(local, hop, line.config.as_deref(), wanted, depth)
                .map_err(|error| format!("jump host {}: {error}", hop.host))?;
        }
        Ok(settings)
    }

    /// The jump host next to the host, and those before it. `ssh` starts another `ssh` for it, and passes on
    /// nothing but the configuration file.
    fn jumps(
        &self,
        local: &Local,
        hop: &Hop,
        config: Option<&str>,
        wanted: Wanted,
        depth: usize,
    ) -> Result<Vec<SshSettings>, String> {
        let user = hop.user.as_deref();
        let line = CommandLine::of_jump(user, hop.port, hop.through.as_deref(), config);
        // The password is only for the host.
        let wanted = Wanted {
            has_password: false,
            ..wanted
        };
        let mut last = self.of_line(local, &hop.host, &line, wanted, depth + 1)?;
        let mut jumps = std::mem::take(&mut last.jumps);
        jumps.push(last);
        Ok(jumps)
    }

    /// The user's and the system's, or the one of `-F`.
    fn files(&self, local: &Local, config: Option<&str>) -> Result<Vec<ReadFile>, String> {
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

    fn is_security_key(&self, path: &Path) -> bool {
        let mut known = self
            .security_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(&is) = known.get(path) {
            return is;
        }
        let is = security_key::holds(path);
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
