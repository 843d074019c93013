//! Picks the way to a host, and holds what the ways to many hosts share.

use std::sync::Arc;

use crate::model::{Connection, SshClient, Via};

use super::impossible::Impossible;
use super::native::{self, NativeTransport};
use super::settings::SshSettings;
use super::{AskPassphrase, ChildTransport, OpensshTransport, Transport, ssh_config};

/// One for a run. What is read for one host and holds for others too (configuration, known hosts, keys) is kept here.
#[derive(Debug, Default)]
pub struct Connector {
    native: native::Shared,
    ssh_config: ssh_config::Reader,
}

/// What carries SSH to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This process.
    Native(Box<SshSettings>),
    /// The user's own `ssh`; why, if it was not asked for.
    Openssh { reason: Option<String> },
    /// Neither can do what is asked for; why.
    None { reason: String },
}

impl Connector {
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// One that asks for the passphrases of key files.
    #[must_use]
    pub fn asking(ask: Arc<AskPassphrase>) -> Arc<Self> {
        Arc::new(Self {
            ssh_config: ssh_config::Reader::default(),
            native: native::Shared::asking(ask),
        })
    }

    pub(super) const fn native(&self) -> &native::Shared {
        &self.native
    }

    /// The transport that a host's connection asks for. Nothing is connected yet.
    #[must_use]
    pub fn transport(self: &Arc<Self>, connection: &Connection) -> Arc<dyn Transport> {
        match &connection.via {
            Via::Ssh => match self.choice(connection) {
                Choice::Native(settings) => Arc::new(NativeTransport::new(
                    connection.clone(),
                    *settings,
                    self.clone(),
                )),
                Choice::None { reason } => Arc::new(Impossible::new(connection, &reason)),
                Choice::Openssh { reason } => {
                    if let Some(reason) = reason {
                        tracing::debug!(host = connection.address, reason, "takes ssh");
                    }
                    Arc::new(OpensshTransport::new(connection.clone(), self.clone()))
                }
            },
            Via::Local => Arc::new(ChildTransport::local()),
            Via::Exec(prefix) => Arc::new(ChildTransport::exec(prefix.clone())),
        }
    }

    /// What carries SSH to a host, and why.
    #[must_use]
    pub fn choice(&self, connection: &Connection) -> Choice {
        let choice = self.client(connection);
        match choice {
            Choice::Openssh { reason } if connection.password.is_some() => Choice::None {
                reason: reason.unwrap_or_else(|| "`ops_transport` is `openssh`".to_owned()),
            },
            Choice::Openssh {
                reason: Some(reason),
            } if connection.ssh_client == SshClient::Native => Choice::None { reason },
            choice => choice,
        }
    }

    /// The client that the configuration takes.
    fn client(&self, connection: &Connection) -> Choice {
        match connection.ssh_client {
            SshClient::Openssh => Choice::Openssh { reason: None },
            _ if connection.persist.is_some() => Choice::Openssh {
                reason: Some("`ops_persist` is set, and only ssh keeps connections".to_owned()),
            },
            SshClient::Auto | SshClient::Native => {
                let settings = self.ssh_config.settings(connection);
                let settings = settings.and_then(|settings| {
                    // Who asks for this client may have a key in mind that it can use; with a password none is needed.
                    let keys_decide =
                        connection.ssh_client == SshClient::Auto && connection.password.is_none();
                    let reason =
                        keys_decide.then(|| native::keys_take_ssh(&settings, &self.native));
                    reason.flatten().map_or(Ok(settings), Err)
                });
                match settings {
                    Ok(settings) => Choice::Native(Box::new(settings)),
                    Err(reason) => Choice::Openssh {
                        reason: Some(reason),
                    },
                }
            }
        }
    }
}
