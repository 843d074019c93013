//! A host as a user of it: what a playbook holds in its hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, HostFacts};
use crate::shell::{Listener, Reply, Request};

use super::context::{Run, interrupted};
use super::link::Link;
use super::waits::{Wait, Waited};

/// A host, seen as one of its users.
#[derive(Clone)]
pub struct HostHandle {
    pub run: Arc<Run>,
    pub link: Arc<Link>,
    /// The user to become; `None` is the user who logs in.
    pub user: Option<String>,
    /// It is only looked at, again and again.
    pub looks: Option<Arc<Looks>>,
}

/// What repeated looks at a host found. A rollout looks at a host's health many times, most often in vain at first: what
/// fails then is no failure, and what is as it was is no news.
#[derive(Debug, Default)]
pub struct Looks(Mutex<HashMap<String, &'static str>>);

impl Looks {
    /// Whether this is not what was found last.
    fn is_news(&self, what: &str, found: &'static str) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(what.to_owned(), found) != Some(found)
    }
}

impl HostHandle {
    #[must_use]
    pub fn new(run: Arc<Run>, link: Arc<Link>) -> Self {
        let user = link.user().map(ToOwned::to_owned);
        Self {
            run,
            link,
            user,
            looks: None,
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.link.host.name
    }

    /// Whether a failure is final: sudo refused the password, which is not tried again.
    #[must_use]
    pub fn is_final(&self, failure: &Failure) -> bool {
        self.link.is_refused_password(failure)
    }

    /// The same host where it is only looked at.
    #[must_use]
    pub fn looked_at(&self, looks: &Arc<Looks>) -> Self {
        Self {
            looks: Some(looks.clone()),
            ..self.clone()
        }
    }

    /// Whether what was found there is to be told.
    #[must_use]
    pub fn is_news(&self, what: &str, found: &'static str) -> bool {
        self.looks
            .as_ref()
            .is_none_or(|looks| looks.is_news(what, found))
    }

    /// The same host, seen as another user.
    #[must_use]
    pub fn become_user(&self, user: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            ..self.clone()
        }
    }

    /// Begins a wait on the host.
    #[must_use]
    pub fn wait_for(&self, what: impl Into<String>) -> Wait {
        self.run.waits.begin(self.waited(what))
    }

    /// A wait on the host. The controller does not count as a host.
    pub fn waited(&self, what: impl Into<String>) -> Waited {
        let name = (!self.link.is_controller()).then(|| self.name());
        Waited::new(what).on(name)
    }

    /// The wait of a request whose sender does not name one.
    fn wait_for_answer(&self) -> Option<Wait> {
        let waited = self.waited("for the host to answer");
        self.run.waits.begin_unless_known(waited)
    }

    /// What the host tells of itself. Connects, if nothing has yet.
    ///
    /// # Errors
    /// `Unreachable`, or `Interrupted` when `cancel` comes first.
    pub fn facts(&self, cancel: &CancellationToken) -> Result<HostFacts, Failure> {
        let _answer = self.wait_for_answer();
        self.run
            .wait(cancel, self.link.facts(&self.run, self.user.as_deref()))?
    }

    /// Sends a request and waits for its reply, from a thread that is not the runtime's own. A cancel
    /// kills what runs on the host and comes back as a step that was cancelled.
    ///
    /// # Errors
    /// `Unreachable` when there is no reply, `Interrupted` when it was cancelled before it was sent.
    pub fn request(
        &self,
        cancel: &CancellationToken,
        request: Request,
        listener: &dyn Listener,
    ) -> Result<Reply, Failure> {
        self.run
            .runtime
            .block_on(self.send(cancel, request, listener))
    }

    /// The same, for many hosts at a time on one thread.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub async fn send(
        &self,
        cancel: &CancellationToken,
        request: Request,
        listener: &dyn Listener,
    ) -> Result<Reply, Failure> {
        let _answer = self.wait_for_answer();
        let connection = self.wait_for("for a connection");
        let open = self.link.session(&self.run, self.user.as_deref());
        let session = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(interrupted()),
            session = open => session?,
        };
        drop(connection);
        let reply = session.request(request, listener, cancel).await;
        if reply.is_ok() {
            self.link.report_connected(&self.run, &session).await;
        }
        reply.map_err(|error| self.link.lost(&self.run, &error))
    }

    /// Sends a request that must not wait for what the playbook does on the host: through a session of its own, where
    /// the host grants one. Says nothing of a host that is lost: that is for who asks.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub async fn send_aside(
        &self,
        cancel: &CancellationToken,
        request: Request,
    ) -> Result<Reply, Failure> {
        let session = match self.link.aside(self.user.as_deref()).await {
            Ok(session) => session,
            Err(_) => self.link.session(&self.run, self.user.as_deref()).await?,
        };
        session
            .request(request, &(), cancel)
            .await
            .map_err(|error| self.link.failure_of(&error))
    }
}
