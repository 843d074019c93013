//! Chooses the transport for a host, and holds what the transports of a run share.

use std::sync::Arc;

use super::child::ChildTransport;
use super::destination;
use super::native::NativeTransport;
use super::openssh::OpensshTransport;
use super::transport::Transport;
use super::unavailable::Unavailable;
use crate::model::{Connection, SshClient, Via};
use crate::ssh::{AskPassphrase, Client, SshSettings, config};

/// One per run. It caches what is read for one host and also applies to others (configuration, known hosts,
/// keys).
#[derive(Debug, Default)]
pub struct Connector {
    client: Arc<Client>,
    config: config::Reader,
}

/// The SSH client for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The client in this process.
    Native(Box<SshSettings>),
    /// The user's own `ssh`, with the reason if it was not requested.
    Openssh { reason: Option<String> },
    /// Neither can meet the settings; the reason.
    None { reason: String },
}

impl Connector {
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Creates a connector that asks for the passphrases of key files.
    #[must_use]
    pub fn asking(ask: Arc<AskPassphrase>) -> Arc<Self> {
        Arc::new(Self {
            client: Arc::new(Client::asking(ask)),
            config: config::Reader::default(),
        })
    }

    /// The transport for a host's connection. Nothing is connected yet.
    #[must_use]
    pub fn transport(&self, connection: &Connection) -> Arc<dyn Transport> {
        match &connection.via {
            Via::Ssh => match self.choice(connection) {
                Choice::Native(settings) => Arc::new(NativeTransport::new(
                    connection.clone(),
                    *settings,
                    self.client.clone(),
                )),
                Choice::None { reason } => Arc::new(Unavailable::new(connection, &reason)),
                Choice::Openssh { reason } => {
                    if let Some(reason) = reason {
                        tracing::debug!(host = connection.address, reason, "needs ssh");
                    }
                    Arc::new(OpensshTransport::new(
                        connection.clone(),
                        self.client.clone(),
                    ))
                }
            },
            Via::Local => Arc::new(ChildTransport::local()),
            Via::Exec(prefix) => Arc::new(ChildTransport::exec(prefix.clone())),
        }
    }

    /// The SSH client for a host, and why.
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

    /// The client that the settings require.
    fn client(&self, connection: &Connection) -> Choice {
        match connection.ssh_client {
            SshClient::Openssh => Choice::Openssh { reason: None },
            _ if connection.persist.is_some() => Choice::Openssh {
                reason: Some(
                    "`ops_persist` is set, and only ssh keeps connections open".to_owned(),
                ),
            },
            SshClient::Auto | SshClient::Native => {
                let settings = self
                    .config
                    .settings(&destination::target(connection, connection.connect_timeout));
                let settings = settings.and_then(|settings| {
                    // A user who requests this client may have another key that it can use; with a password
                    // no key is needed.
                    let keys_decide =
                        connection.ssh_client == SshClient::Auto && connection.password.is_none();
                    let reason = keys_decide.then(|| self.client.keys_need_ssh(&settings));
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
