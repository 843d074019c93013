//! What the program asks of `ssh` or of this client for one host, in addition to the configuration.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::ssh::settings::{KeepAlive, Password, StrictHostKeyChecking};

/// A host to reach. For `ssh` it becomes part of a command line ([`arguments`](Self::arguments)). The
/// [`Reader`](super::Reader) evaluates the same values in the same order.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// `[user@]host`.
    pub address: &'a str,
    pub port: Option<u16>,
    pub user: Option<&'a str>,
    pub key_file: Option<&'a Path>,
    /// Further arguments for `ssh`: `-o`, `ProxyJump=bastion`.
    pub ssh_args: &'a [String],
    pub password: Option<Password>,
    /// These three are used if the arguments and, for the last one, the configuration do not set them.
    pub connect_timeout: Duration,
    pub keep_alive: KeepAlive,
    /// `None`: use the configuration.
    pub strict_host_keys: Option<StrictHostKeyChecking>,
}

impl Target<'_> {
    /// The arguments of `ssh` for this host, without the address. `ssh` uses the first value of an option,
    /// and prefers all of them to the configuration files.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(port) = self.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = self.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        if let Some(key) = self.key_file {
            arguments.extend(["-i".into(), key.into()]);
        }
        arguments.extend(self.ssh_args.iter().map(OsString::from));
        for option in self.options() {
            arguments.extend(["-o".into(), option.into()]);
        }
        arguments
    }

    /// The options that follow the arguments: `ConnectTimeout=10`.
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec![
            format!(
                "ConnectTimeout={}",
                self.connect_timeout.as_secs_f64().ceil()
            ),
            format!("ServerAliveInterval={}", self.keep_alive.interval.as_secs()),
            format!("ServerAliveCountMax={}", self.keep_alive.count),
        ];
        if let Some(strict) = self.strict_host_keys {
            options.push(format!("StrictHostKeyChecking={}", strict.name()));
        }
        options
    }
}
