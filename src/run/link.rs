//! The link to a host: its connection, and a session for each user on it.

mod failure;
mod former;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::model::{Connection, Elevation, Emission, Failure, Host, HostFacts, Kind, Via};
use crate::shell::{Former, Session, SessionError, SessionOptions};
use crate::transport::{Connector, Transport, TransportError, Turn};

use super::context::Run;
use super::early::Early;
use super::history::History;
use super::sudo::{self, SudoPassword};

/// How many times the time for connecting a login has to give a shell, and sudo after it.
const HELLO: u32 = 3;

/// The user that was become, and what the session is for.
type Key = (Option<String>, Lane);

/// What a session is for. Requests of one session go one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The work of the playbook.
    Work,
    /// What must not wait for that: the renewal of a lease.
    Aside,
}

/// Sessions of users that will be wanted, which open while another works: over a network that takes three round trips.
#[derive(Default)]
struct NextUsers {
    /// Not begun: the user whose turn it is comes first.
    wanted: Vec<String>,
    opening: HashMap<String, JoinHandle<Option<Session>>>,
}

/// How long it is between two reports that a host cannot be reached, while it answers nothing.
const STILL_LOST: Duration = Duration::from_secs(30);

type OnUse = Box<dyn FnOnce() + Send>;

/// A host and the way to it. Connects when it is first used.
pub struct Link {
    pub host: Arc<Host>,
    pub connection: Connection,
    transport: Arc<dyn Transport>,
    connected: AtomicBool,
    /// When it was last told that the host cannot be reached.
    told_lost: std::sync::Mutex<Option<Instant>>,
    /// The link whose connection this one uses, and the run that hears of it: nothing of its own is ever opened.
    beneath: Option<(Arc<Run>, Arc<Self>)>,
    /// It is not a host of the inventory: that it is reached is nobody's business.
    silent: bool,
    /// A stream that nobody has asked for yet.
    early: std::sync::Mutex<Option<Early>>,
    /// To be told when the host is next used.
    on_use: std::sync::Mutex<Option<OnUse>>,
    /// By the user that was become (`None` is the user who logged in), and what it is for.
    sessions: Mutex<HashMap<Key, Arc<Session>>>,
    /// What lost sessions may have left running, with the user of each.
    former: std::sync::Mutex<Vec<(Option<String>, Former)>>,
    /// Held by who ends that.
    ending: Mutex<()>,
    /// Those who will work here after the one who does now.
    next: std::sync::Mutex<NextUsers>,
    sudo: SudoPassword,
    /// What this run did here.
    pub history: History,
}

impl Link {
    #[must_use]
    pub fn new(host: Arc<Host>, connection: Connection, connector: &Arc<Connector>) -> Self {
        let transport = connector.transport(&connection);
        Self {
            host,
            connection,
            transport,
            connected: AtomicBool::new(false),
            told_lost: std::sync::Mutex::default(),
            beneath: None,
            silent: false,
            early: std::sync::Mutex::default(),
            on_use: std::sync::Mutex::default(),
            sessions: Mutex::default(),
            former: std::sync::Mutex::default(),
            ending: Mutex::default(),
            next: std::sync::Mutex::default(),
            sudo: SudoPassword::default(),
            history: History::default(),
        }
    }

    /// A host behind a transport of the test's own.
    #[cfg(test)]
    pub(super) fn over(name: &str, transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            host: Arc::new(Host::new(name)),
            ..Self::controller(&Connector::new())
        }
    }

    /// A shell of the machine that ops runs on, as the user who runs it. No host of the run: no event tells of it.
    #[must_use]
    pub(super) fn controller(connector: &Arc<Connector>) -> Self {
        let connection = Connection::new(Via::Local, "controller");
        let host = Arc::new(Host::new("controller"));
        Self {
            silent: true,
            ..Self::new(host, connection, connector)
        }
    }

    /// Whether it leads to the machine that ops runs on, which is only looked at. A host of the inventory may be the same machine, and is
    /// a host like any other.
    #[must_use]
    pub const fn is_controller(&self) -> bool {
        self.silent
    }

    /// A link for a rehearsal: over the connection of `link`, with a history of its own. What happens to the connection is told to `run`.
    #[must_use]
    pub(super) fn rehearsing(run: &Arc<Run>, link: &Arc<Self>, connector: &Arc<Connector>) -> Self {
        Self {
            beneath: Some((run.clone(), link.clone())),
            ..Self::new(link.host.clone(), link.connection.clone(), connector)
        }
    }

    fn emit(&self, run: &Run, kind: Kind) {
        if !self.silent {
            run.bus.emit(Emission::new(kind).host(&self.host.name));
        }
    }

    /// The user that everything runs as where the playbook does not say: the inventory's or `-b`'s.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.connection
            .elevation
            .as_ref()
            .map(|elevation| elevation.user.as_str())
    }

    /// The session of `user`, started if there is none. The bootstrap is on its way when this returns, its
    /// answer is not waited for: the first request travels with it.
    pub(super) async fn session(
        &self,
        run: &Run,
        user: Option<&str>,
    ) -> Result<Arc<Session>, Failure> {
        if let Some((run, link)) = &self.beneath {
            return Box::pin(link.session(run, user)).await;
        }
        let session = self.open(run, user).await?;
        self.end_former(run, user, &session).await;
        Ok(session)
    }

    /// The session of `user` like [`session`](Self::session), but without ending what a lost one may have left.
    async fn open(&self, run: &Run, user: Option<&str>) -> Result<Arc<Session>, Failure> {
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
                run.waits.told_of(&self.host.name);
            }
            let kind = Kind::HostConnecting {
                user,
                attempt,
                reason,
            };
            self.emit(run, kind);
        };
        connecting(1, None);
        if let Some(session) = self.opened_before(user.as_deref()).await {
            sessions.insert(key, session.clone());
            return Ok(session);
        }
        let turn = self
            .turn(user.as_ref())
            .await
            .map_err(|error| self.lost(run, &error))?;
        // Told when the next attempt is due, and not when it begins: the wait in between is what one wonders at.
        let failed = |attempt: u32, error: &TransportError| {
            connecting(attempt + 1, Some(error.to_string()));
        };
        let mut stream = None;
        if let Some(early) = self.take_early() {
            stream = early
                .stream(|attempt, reason| connecting(attempt + 1, Some(reason)))
                .await;
        }
        let stream = match stream {
            Some(stream) => stream,
            None => self.transport.open_watched(&failed).await,
        };
        let stream = stream.map_err(|error| {
            let failure = self.unreachable(error.to_string(), error.hint.clone());
            self.report_unreachable(run, &failure);
            failure
        })?;
        let session = Arc::new(Session::start(stream, self.options(user)));
        sudo::watch(turn, &session);
        sessions.insert(key, session.clone());
        self.open_next(&sessions);
        Ok(session)
    }

    /// The turn to become a user with the password, if there is one.
    async fn turn(&self, user: Option<&String>) -> Result<Turn<SessionError>, SessionError> {
        let has_password = user.is_some_and(|user| self.elevation(user.clone()).password.is_some());
        sudo::turn(&self.sudo, has_password).await
    }

    /// Who will work here next. Their sessions open as soon as the one that works now has the connection.
    pub(super) fn expect(&self, users: Vec<String>) {
        if let Some((_, link)) = &self.beneath {
            return link.expect(users);
        }
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

    /// The session that was opened ahead. Also one that has ended since: why it did is for its first request to tell, and a
    /// password that was wrong is not to be tried again. `None`: there is none, or it could not be opened.
    async fn opened_before(&self, user: Option<&str>) -> Option<Arc<Session>> {
        let opening = self.next().opening.remove(user?)?;
        opening.await.ok()?.map(Arc::new)
    }

    fn next(&self) -> std::sync::MutexGuard<'_, NextUsers> {
        lock(&self.next)
    }

    /// Connects in the background, so that whoever uses the host next need not wait for that. `settled` is called when it
    /// is known what comes of it. False where there is no point in it, or where it would take a process.
    pub(super) fn connect_early(
        &self,
        runtime: &tokio::runtime::Handle,
        settled: impl FnOnce() + Send + 'static,
    ) -> bool {
        if !self.transport.can_wait() {
            return false;
        }
        // Somebody is connecting, or has.
        if !self
            .sessions
            .try_lock()
            .is_ok_and(|sessions| sessions.is_empty())
        {
            return false;
        }
        let mut early = lock(&self.early);
        if early.is_some() {
            return false;
        }
        *early = Some(Early::start(runtime, Arc::clone(&self.transport), settled));
        true
    }

    /// What was made ahead, if nobody used it so far. Dropping it lets go of it.
    pub(super) fn take_early(&self) -> Option<Early> {
        lock(&self.early).take()
    }

    /// Has `told` called when the host is next used.
    pub(super) fn on_use(&self, told: impl FnOnce() + Send + 'static) {
        *lock(&self.on_use) = Some(Box::new(told));
    }

    pub(super) fn is_used(&self) {
        // Not with the lock in hand: who is told may look at this link.
        let told = lock(&self.on_use).take();
        if let Some(told) = told {
            told();
        }
    }

    pub(super) fn forget_use(&self) {
        drop(lock(&self.on_use).take());
    }

    /// A session of `user` that no work waits in. Says nothing of what goes wrong: that is for who asks.
    pub(super) async fn aside(&self, user: Option<&str>) -> Result<Arc<Session>, Failure> {
        if let Some((_, link)) = &self.beneath {
            return Box::pin(link.aside(user)).await;
        }
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
        // Not with the sessions in hand: a host that does not answer would hold up the work.
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
            hello_timeout: self.connection.connect_timeout * HELLO,
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
    pub(super) async fn report_connected(&self, run: &Run, session: &Session) {
        if let Some((run, link)) = &self.beneath {
            return Box::pin(link.report_connected(run, session)).await;
        }
        lock(&self.told_lost).take();
        if !self.connected.load(Ordering::Relaxed)
            && let Ok(facts) = session.facts().await
            && !self.connected.swap(true, Ordering::Relaxed)
        {
            let kind = Kind::HostConnected {
                facts: Box::new(facts),
            };
            self.emit(run, kind);
        }
    }

    /// What the host tells of itself.
    pub(super) async fn facts(&self, run: &Run, user: Option<&str>) -> Result<HostFacts, Failure> {
        let session = self.session(run, user).await?;
        let facts = session
            .facts()
            .await
            .map_err(|error| self.lost(run, &error))?;
        self.report_connected(run, &session).await;
        Ok(facts)
    }

    /// Ends the sessions and the connection.
    pub(super) async fn close(&self) {
        drop(self.take_early());
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
            // Nobody came to want it.
            opening.abort();
            if let Ok(Some(session)) = opening.await {
                session.close().await;
            }
        }
        // One that something still holds ends when that lets go of it.
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
