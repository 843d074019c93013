//! What the connections of a run share.

use std::sync::Arc;

use crate::transport::AskPassphrase;
use crate::transport::startups::Startups;

use super::host_key::KnownHosts;
use super::login::{Agents, KeyFiles, Passwords};
use super::tunnel::Jumps;

/// Caches and limits.
#[derive(Debug, Default)]
pub(in super::super) struct Shared {
    /// The files that say who a host is.
    pub(super) known_hosts: Arc<KnownHosts>,
    pub(super) keys: KeyFiles,
    pub(super) agents: Agents,
    pub(super) passwords: Passwords,
    /// Of `ssh` too.
    pub(in super::super) startups: Startups,
    pub(super) jumps: Jumps,
}

impl Shared {
    /// With somebody who can be asked for passphrases.
    pub fn asking(ask: Arc<AskPassphrase>) -> Self {
        Self {
            keys: KeyFiles::asking(ask),
            ..Self::default()
        }
    }
}
