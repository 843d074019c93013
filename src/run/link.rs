//! The link to a host: its connection, and a session for each user on it.

mod failure;
mod left_running;
mod preconnect;
mod sudo;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::model::{Connection, Elevation, Emission, Failure, Host, HostFacts, Kind, Via};
use crate::shell::{RemoteLoop, Session, SessionError, SessionOptions};
use crate::transport::{Connector, Transport, TransportError, Turn};

use super::dispatcher::Bus;
use super::waits::Waits;
use preconnect::Preconnection;
use sudo::SudoPassword;

/// Multiplier of the connection timeout: the limit for a login to start a shell, and then for sudo.
const HELLO_FACTOR: u32 = 3;

/// The user that was become, and the purpose of the session.
type Key = (Option<String>, Lane);

/// The purpose of a session. Requests of one session run one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    /// The work of the playbook.
    Work,
    /// Requests that must not wait for that work: the renewal of a lease.
    Aside,
}

/// Sessions that other users will need. They open while the current user works: over a network, opening one
/// takes three round trips.
#[derive(Default)]
struct NextUsers {
    /// Not yet begun; the user whose turn it is comes first.
    wanted: Vec<String>,
    opening: HashMap<String, JoinHandle<Option<Session>>>,
}

/// The time between two reports that a host cannot be reached, while it does not answer.
const LOST_REPORT_INTERVAL: Duration = Duration::from_secs(30);

type OnUse = Box<dyn FnOnce() + Send>;

/// The connection to a host. Connects when it is first used.
pub struct Link {
    pub(super) host: Arc<Host>,
    connection: Connection,
    transport: Arc<dyn Transport>,
    bus: Bus,
    waits: Waits,
    connected: AtomicBool,
    /// When it was last reported that the host cannot be reached.
    told_lost: std::sync::Mutex<Option<Instant>>,
    /// The controller is not a host of the inventory: no event reports a connection to it.
    is_controller: bool,
    /// A stream that nobody has requested yet.
    ahead: std::sync::Mutex<Option<Preconnection>>,
    /// Called when the host is next used.
    on_use: std::sync::Mutex<Option<OnUse>>,
    /// By the user that was become (`None` is the login user), and the purpose.
    sessions: Mutex<HashMap<Key, Arc<Session>>>,
    /// What lost sessions may have left running, with the user of each.
    left_running: std::sync::Mutex<Vec<(Option<String>, RemoteLoop)>>,
    /// Held while those are being ended.
    ending: Mutex<()>,
    /// The users who will work on the host after the current one.
    next: std::sync::Mutex<NextUsers>,
    sudo: SudoPassword,
}

impl Link {
    #[must_use]
    pub(super) fn new(
        host: Arc<Host>,
        connection: Connection,
        connector: &Arc<Connector>,
        bus: Bus,
        waits: Waits,
    ) -> Self {
        let transport = connector.transport(&connection);
        Self {
            host,
            connection,
            transport,
            bus,
            waits,
            connected: AtomicBool::new(false),
            told_lost: std::sync::Mutex::default(),
            is_controller: false,
            ahead: std::sync::Mutex::default(),
            on_use: std::sync::Mutex::default(),
            sessions: Mutex::default(),
            left_running: std::sync::Mutex::default(),
            ending: Mutex::default(),
            next: std::sync::Mutex::default(),
            sudo: SudoPassword::default(),
        }
    }

    /// A host behind a transport that the test provides.
    #[cfg(test)]
    pub(super) fn over(
        name: &str,
        transport: Arc<dyn Transport>,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let bus = Bus::start("test", crate::model::Secrets::new(), Vec::new());
        let waits = Waits::new(super::waits::Pace::default(), bus.clone(), runtime);
        Self {
            transport,
            host: Arc::new(Host::new(name)),
            ..Self::controller(&Connector::new(), bus, waits)
        }
    }

    /// A shell on the controller, as the user who runs ops.
    #[must_use]
    pub(super) fn controller(connector: &Arc<Connector>, bus: Bus, waits: Waits) -> Self {
        let connection = Connection::new(Via::Local, "controller");
        let host = Arc::new(Host::new("controller"));
        Self {
            is_controller: true,
            ..Self::new(host, connection, connector, bus, waits)
        }
    }

    /// Whether it leads to the controller, which is read-only. A host of the inventory may be the same
    /// machine, and is a host like any other.
    #[must_use]
    pub(super) const fn is_controller(&self) -> bool {
        self.is_controller
    }

    fn emit(&self, kind: Kind) {
        if !self.is_controller {
            self.bus.emit(Emission::new(kind).host(&self.host.name));
        }
    }

    /// The user that everything runs as unless the playbook sets another: the one of the inventory or of
    /// `-b`.
    #[must_use]
    pub(super) fn user(&self) -> Option<&str> {
        self.connection
            .elevation
            .as_ref()
            .map(|elevation| elevation.user.as_str())
    }

    /// Returns the session of `user`, and starts one if there is none. The bootstrap has been sent when
    /// this returns, but not answered: the first request is sent with it.
    pub(super) async fn session(&self, user: Option<&str>) -> Result<Arc<Session>, Failure> {
        let session = self.open(user).await?;
        self.end_left_running(user, &session).await;
        Ok(session)
    }

    /// Returns the session of `user` like [`session`](Self::session), but without ending what a lost one
    /// may have left running.
    async fn open(&self, user: Option<&str>) -> Result<Arc<Session>, Failure> {
        self.is_used();
        let mut sessions = self.sessions.lock().await;
        let user = user.map(ToOwned::to_owned);
        let key = (user.clone(), Lane::Work);
        self.bury(&mut sessions);
        if let Some(session) = sessions.get(&key)
            && !session.is_over()
        {
            let session = session.clone();
            self.open_next(&sessions);
            return Ok(session);
        }
        let connecting = |attempt: u32, reason: Option<String>| {
            let user = user.clone();
            if attempt > 1 {
                self.waits.told_of(&self.host.name);
            }
            let kind = Kind::HostConnecting {
                user,
                attempt,
                reason,
            };
            self.emit(kind);
        };
        connecting(1, None);
        if let Some(session) = self.opened_before(user.as_deref()).await {
            sessions.insert(key, session.clone());
            return Ok(session);
        }
        let turn = self
            .turn(user.as_ref())
            .await
            .map_err(|error| self.lost(&error))?;
        // Reported before the wait for the next attempt, not after it: the user sees the reason for the
        // wait.
        let failed = |attempt: u32, error: &TransportError| {
            connecting(attempt + 1, Some(error.to_string()));
        };
        let mut stream = None;
        if let Some(ahead) = self.take_ahead() {
            stream = ahead
                .stream(|attempt, reason| connecting(attempt + 1, Some(reason)))
                .await;
        }
        let stream = match stream {
            Some(stream) => stream,
            None => self.transport.open_watched(&failed).await,
        };
        let stream = stream.map_err(|error| {
            let failure = self.unreachable(error.to_string(), error.hint.clone());
            self.report_unreachable(&failure);
            failure
        })?;
        let session = Arc::new(Session::start(stream, self.options(user)));
        sudo::watch(turn, &session);
        sessions.insert(key, session.clone());
        self.open_next(&sessions);
        Ok(session)
    }

    /// Returns the turn to become a user with the password, if there is one.
    async fn turn(&self, user: Option<&String>) -> Result<Turn<SessionError>, SessionError> {
        let has_password = user.is_some_and(|user| self.elevation(user.clone()).password.is_some());
        sudo::turn(&self.sudo, has_password).await
    }

    /// Declares who will work on the host next. Their sessions open as soon as the current user has the
    /// connection.
    pub(super) fn expect(&self, users: Vec<String>) {
        self.next().wanted = users;
    }

    fn open_next(&self, sessions: &HashMap<Key, Arc<Session>>) {
        let mut next = self.next();
        for user in std::mem::take(&mut next.wanted) {
            let key = (Some(user.clone()), Lane::Work);
            if sessions.contains_key(&key) || next.opening.contains_key(&user) {
                continue;
            }
            let transport = self.transport.clone();
            let options = self.options(key.0);
            let password = self.sudo.clone();
            let opening = async move {
                let elevation = options.elevation.as_ref();
                let has_password = elevation.is_some_and(|e| e.password.is_some());
                let turn = sudo::turn(&password, has_password).await.ok()?;
                let session = Session::start(transport.open().await.ok()?, options);
                sudo::watch(turn, &session);
                Some(session)
            };
            next.opening.insert(user, tokio::spawn(opening));
        }
    }

    /// Returns the session that was opened ahead, even if it has ended since: its first request then fails
    /// with the reason, and a wrong password must not be tried again. `None`: there is none, or it could
    /// not be opened.
    async fn opened_before(&self, user: Option<&str>) -> Option<Arc<Session>> {
        let opening = self.next().opening.remove(user?)?;
        opening.await.ok()?.map(Arc::new)
    }

    fn next(&self) -> std::sync::MutexGuard<'_, NextUsers> {
        lock(&self.next)
    }

    /// Connects in the background, so that the next user of the host does not wait for that. `settled` is
    /// called when the connection is open or has failed. Returns false if connecting is pointless, or if it
    /// would need a process.
    pub(super) fn connect_ahead(
        &self,
        runtime: &tokio::runtime::Handle,
        settled: impl FnOnce() + Send + 'static,
    ) -> bool {
        if !self.transport.can_wait() {
            return false;
        }
        // Already connected or connecting.
        if !self
            .sessions
            .try_lock()
            .is_ok_and(|sessions| sessions.is_empty())
        {
            return false;
        }
        let mut ahead = lock(&self.ahead);
        if ahead.is_some() {
            return false;
        }
        let transport = Arc::clone(&self.transport);
        *ahead = Some(Preconnection::start(runtime, transport, settled));
        true
    }

    /// Closes a stream that was opened ahead and not used.
    pub(super) fn close_ahead(&self) {
        drop(self.take_ahead());
    }

    /// Takes the stream that was opened ahead and not used. Dropping it closes it.
    pub(super) fn take_ahead(&self) -> Option<Preconnection> {
        lock(&self.ahead).take()
    }

    /// Calls `told` when the host is next used.
    pub(super) fn on_use(&self, told: impl FnOnce() + Send + 'static) {
        *lock(&self.on_use) = Some(Box::new(told));
    }

    pub(super) fn is_used(&self) {
        // Without the lock: `told` may use this link.
        let told = lock(&self.on_use).take();
        if let Some(told) = told {
            told();
        }
    }

    pub(super) fn forget_use(&self) {
        drop(lock(&self.on_use).take());
    }

    /// Returns a session of `user` that is separate from the playbook's work. Does not report failures: the
    /// caller does.
    pub(super) async fn aside(&self, user: Option<&str>) -> Result<Arc<Session>, Failure> {
        let key = (user.map(ToOwned::to_owned), Lane::Aside);
        if let Some(session) = self.sessions.lock().await.get(&key)
            && !session.is_over()
        {
            return Ok(session.clone());
        }
        let turn = self
            .turn(key.0.as_ref())
            .await
            .map_err(|error| self.failure_of(&error))?;
        // Without holding the lock of the sessions: a host that does not answer would delay the work.
        let stream = self
            .transport
            .open()
            .await
            .map_err(|error| self.unreachable(error.to_string(), error.hint.clone()))?;
        let session = Arc::new(Session::start(stream, self.options(key.0.clone())));
        sudo::watch(turn, &session);
        self.sessions.lock().await.insert(key, session.clone());
        Ok(session)
    }

    fn options(&self, user: Option<String>) -> SessionOptions {
        SessionOptions {
            elevation: user.map(|user| self.elevation(user)),
            state_dir: self.connection.state_dir.clone(),
            hello_timeout: self.connection.connect_timeout * HELLO_FACTOR,
            ..SessionOptions::default()
        }
    }

    fn elevation(&self, user: String) -> Elevation {
        let known = self.connection.elevation.as_ref();
        Elevation {
            method: known.map_or_else(
                || {
                    let refusal = self.connection.become_refusal.clone();
                    refusal.unwrap_or_else(|| "sudo".to_owned())
                },
                |e| e.method.clone(),
            ),
            password: known
                .and_then(|e| e.password.clone())
                .or_else(|| self.connection.become_password.clone()),
            user,
        }
    }

    /// Reports once that the host answers.
    pub(super) async fn report_connected(&self, session: &Session) {
        lock(&self.told_lost).take();
        if !self.connected.load(Ordering::Relaxed)
            && let Ok(facts) = session.facts().await
            && !self.connected.swap(true, Ordering::Relaxed)
        {
            let kind = Kind::HostConnected {
                facts: Box::new(facts),
            };
            self.emit(kind);
        }
    }

    /// Returns the facts that the host reports about itself.
    pub(super) async fn facts(&self, user: Option<&str>) -> Result<HostFacts, Failure> {
        let session = self.session(user).await?;
        let facts = session.facts().await.map_err(|error| self.lost(&error))?;
        self.report_connected(&session).await;
        Ok(facts)
    }

    /// Ends the sessions and the connection.
    pub(super) async fn close(&self) {
        self.close_ahead();
        let sessions: Vec<_> = self
            .sessions
            .lock()
            .await
            .drain()
            .map(|(_, session)| session)
            .collect();
        let unwanted: Vec<_> = self
            .next()
            .opening
            .drain()
            .map(|(_, opening)| opening)
            .collect();
        for opening in unwanted {
            // It was not needed.
            opening.abort();
            if let Ok(Some(session)) = opening.await {
                session.close().await;
            }
        }
        // A session still in use ends when its user drops it.
        let closing = sessions
            .into_iter()
            .filter_map(Arc::into_inner)
            .map(Session::close);
        futures_util::future::join_all(closing).await;
        self.transport.close().await;
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
