//! The user's key agent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::HashAlg;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use tokio::net::UnixStream;
use tokio::sync::{OnceCell, Semaphore};

/// Maximum number of concurrent requests to an agent. It answers them one after the other, and its socket
/// queues only a few, so the others wait here, in order.
const MAX_REQUESTS: usize = 8;

/// The agents of a run: nearly always only one.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    agents: Mutex<HashMap<PathBuf, Arc<Agent>>>,
}

/// An agent, identified by its socket.
#[derive(Debug)]
pub(crate) struct Agent {
    socket: PathBuf,
    turn: Semaphore,
    /// Requested once: otherwise every host would request the list from an agent with many keys.
    identities: OnceCell<Vec<AgentIdentity>>,
}

impl Agents {
    pub(crate) fn at(&self, socket: &Path) -> Arc<Agent> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let agent = agents.entry(socket.to_owned()).or_insert_with(|| {
            Arc::new(Agent {
                socket: socket.to_owned(),
                turn: Semaphore::new(MAX_REQUESTS),
                identities: OnceCell::new(),
            })
        });
        Arc::clone(agent)
    }
}

impl Agent {
    /// Its keys. If it does not answer, it counts as having none, as in `ssh`.
    pub(crate) async fn identities(&self) -> &[AgentIdentity] {
        self.identities
            .get_or_init(|| async { self.list(None).await.unwrap_or_default() })
            .await
    }

    /// Its keys for one connection: keys that are restricted to certain hosts are only shown to these
    /// (`ssh-add -h`).
    pub(crate) async fn identities_for(
        &self,
        binding: Option<&AgentSessionBinding>,
    ) -> Vec<AgentIdentity> {
        self.list(binding).await.unwrap_or_default()
    }

    async fn list(&self, binding: Option<&AgentSessionBinding>) -> Option<Vec<AgentIdentity>> {
        let _turn = self.turn.acquire().await.ok()?;
        let mut client = self.connect(binding).await?;
        client
            .request_identities()
            .await
            .inspect_err(|error| tracing::debug!(%error, "the agent does not list its keys"))
            .ok()
    }

    /// Appends the agent's signature to a login request.
    pub(crate) async fn sign(
        &self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        request: Vec<u8>,
        binding: Option<&AgentSessionBinding>,
    ) -> Option<Vec<u8>> {
        let _turn = self.turn.acquire().await.ok()?;
        let mut client = self.connect(binding).await?;
        client
            .sign_request(identity, hash, request)
            .await
            .inspect_err(|error| tracing::debug!(%error, "the agent does not sign"))
            .ok()
    }

    async fn connect(
        &self,
        binding: Option<&AgentSessionBinding>,
    ) -> Option<AgentClient<UnixStream>> {
        let mut client = AgentClient::connect_uds(&self.socket)
            .await
            .inspect_err(
                |error| tracing::debug!(socket = %self.socket.display(), %error, "no agent"),
            )
            .ok()?;
        if let Some(binding) = binding {
            // An agent without this extension has no such keys.
            let _ = client.bind_session(binding, false).await;
        }
        Some(client)
    }
}
