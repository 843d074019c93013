//! A host as one of its users: the value that playbooks work with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, Host, HostFacts};
use crate::shell::{Listener, Reply, Request};

use super::context::Run;
use super::history::{History, Mark};
use super::link::Link;
use super::recording::Recording;
use super::waits::{Wait, Waited};

/// A host as one of its users.
#[derive(Clone)]
pub struct HostHandle {
    pub run: Arc<Run>,
    link: Arc<Link>,
    history: Arc<History>,
    /// The user to become; `None` is the login user.
    pub user: Option<String>,
    polled: Option<Arc<Polled>>,
}

/// The last results of polls of a host. A rollout checks a host's health many times, and the first checks
/// often fail: that is not the failure of a task, and only a change is reported.
#[derive(Debug, Default)]
pub struct Polled(Mutex<HashMap<String, &'static str>>);

impl Polled {
    /// Whether this differs from the last result.
    fn is_news(&self, what: &str, found: &'static str) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(what.to_owned(), found) != Some(found)
    }
}

impl HostHandle {
    /// Creates the handle of a host of a run. It connects when it is first used.
    ///
    /// # Errors
    /// The variables that describe how to reach the host do not render, or are invalid.
    pub fn new(run: &Arc<Run>, host: &Arc<Host>) -> Result<Self, Failure> {
        let history = run.history(&host.name);
        Ok(Self::over(run, run.link(host)?, history))
    }

    /// The controller, on which a playbook may only read.
    #[must_use]
    pub fn controller(run: &Arc<Run>) -> Self {
        Self::over(run, run.links.controller(), Arc::default())
    }

    /// Calls `work` with a shell on the controller. No other caller uses that shell meanwhile, so that slow
    /// work for one host does not delay another.
    pub fn with_controller<T>(run: &Arc<Run>, work: impl FnOnce(&Self) -> T) -> T {
        let over = |link| Self::over(run, link, Arc::default());
        run.links.with_controller(|link| work(&over(link)))
    }

    fn over(run: &Arc<Run>, link: Arc<Link>, history: Arc<History>) -> Self {
        let user = link.user().map(ToOwned::to_owned);
        Self {
            run: run.clone(),
            link,
            history,
            user,
            polled: None,
        }
    }

    /// The same host, over the same connection, in a rehearsal of its run, or the reverse.
    #[must_use]
    pub fn in_run(&self, run: &Arc<Run>) -> Self {
        if Arc::ptr_eq(&self.run, run) {
            return self.clone();
        }
        let history = if self.is_controller() {
            Arc::default()
        } else {
            run.history(self.name())
        };
        Self {
            run: run.clone(),
            history,
            ..self.clone()
        }
    }

    /// The same host, as another user.
    #[must_use]
    pub fn become_user(&self, user: &str) -> Self {
        self.as_user(Some(user.to_owned()))
    }

    /// The same host, as this user; `None` is the login user.
    pub(super) fn as_user(&self, user: Option<String>) -> Self {
        Self {
            user,
            ..self.clone()
        }
    }

    /// The same host while it is polled: only changes of the result are reported, and no failures.
    #[must_use]
    pub fn polled(&self, polled: &Arc<Polled>) -> Self {
        Self {
            polled: Some(polled.clone()),
            ..self.clone()
        }
    }

    #[must_use]
    pub const fn is_polled(&self) -> bool {
        self.polled.is_some()
    }

    /// Whether this result must be reported.
    #[must_use]
    pub fn is_news(&self, what: &str, found: &'static str) -> bool {
        let polled = self.polled.as_ref();
        polled.is_none_or(|polled| polled.is_news(what, found))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.host().name
    }

    /// The host as defined in the inventory.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.link.host
    }

    #[must_use]
    pub fn is_controller(&self) -> bool {
        self.link.is_controller()
    }

    /// The user that everything runs as unless the playbook sets another.
    #[must_use]
    pub fn default_user(&self) -> Option<&str> {
        self.link.user()
    }

    /// What the run did on the host.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What the run has changed on the host so far: see [`undo_since`](super::undo_since).
    #[must_use]
    pub fn mark(&self) -> Mark {
        let past = self.run.past.as_ref();
        Mark {
            earlier: past.map_or(0, |past| past.count_changes(self.name())),
            now: self.history.count(),
        }
    }

    /// The connection.
    #[must_use]
    pub const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Whether a failure is final: sudo refused the password, which is not tried again.
    #[must_use]
    pub fn is_final(&self, failure: &Failure) -> bool {
        self.link.is_refused_password(failure)
    }

    /// Begins a wait on the host.
    #[must_use]
    pub fn wait_for(&self, what: impl Into<String>) -> Wait {
        self.run.waits.begin(self.waited(what))
    }

    /// Describes a wait on the host. The controller does not count as a host.
    pub fn waited(&self, what: impl Into<String>) -> Waited {
        let name = (!self.is_controller()).then(|| self.name());
        Waited::new(what).on(name)
    }

    /// Begins the wait of a request whose sender does not describe one.
    fn wait_for_answer(&self) -> Option<Wait> {
        let waited = self.waited("for the host to answer");
        self.run.waits.begin_unless_known(waited)
    }

    /// Returns the facts that the host reports about itself. Connects if necessary.
    ///
    /// # Errors
    /// `Unreachable`, or `Interrupted` if `cancel` comes first.
    pub fn facts(&self, cancel: &CancellationToken) -> Result<HostFacts, Failure> {
        let _answer = self.wait_for_answer();
        self.run
            .wait(cancel, self.link.facts(self.user.as_deref()))?
    }

    /// Sends a request and waits for its reply, from a thread outside the runtime. Cancelling kills what
    /// runs on the host; the reply then contains a cancelled step.
    ///
    /// # Errors
    /// `Unreachable` if there is no reply, `Interrupted` if it was cancelled before it was sent.
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

    /// Like [`request`](Self::request), for many hosts at a time on one thread.
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
        let open = self.link.session(self.user.as_deref());
        let session = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Failure::interrupted()),
            session = open => session?,
        };
        drop(connection);
        let recording = Recording {
            run: &self.run,
            host: self.name(),
            history: &self.history,
            listener,
        };
        let listener: &dyn Listener = match request.records {
            Some(_) => &recording,
            None => listener,
        };
        let reply = session.request(request, listener, cancel).await;
        if reply.is_ok() {
            self.link.report_connected(&session).await;
        }
        reply.map_err(|error| self.link.lost(&error))
    }

    /// Sends a request that must not wait for what the playbook does on the host: through a separate
    /// session, if the host allows one. Does not report that a host is lost: the caller does.
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
            Err(_) => self.link.session(self.user.as_deref()).await?,
        };
        session
            .request(request, &(), cancel)
            .await
            .map_err(|error| self.link.failure_of(&error))
    }
}
