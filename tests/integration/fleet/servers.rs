//! Hosts by the thousand: SSH servers of this process, each on a loopback address of its own, all on one
//! port. A server lets in one key and starts a real `sh` for what it is asked to run, with a home of its own;
//! all share this machine's file system. What needs a real `sshd` (other users, its configuration) is not
//! here: see [`super::Sshd`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::process::{self, MARK};
use super::served::{Host, serve};
use super::sshd::{current_user, generate_key};
use super::wire::distant;
use super::{Endpoint, inventory_text, ssh_config_text};
use crate::ops::Ops;

/// What the files of one fleet are called.
const INVENTORY: &str = "hosts.ini";

/// Some servers, and what reaches them. Dropping it ends them, and what was started through them.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<Server>,
    /// `None` once they are to end.
    runtime: Option<Runtime>,
    /// Dropped after the servers that live in it.
    dir: Arc<tempfile::TempDir>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Server {
    endpoint: Endpoint,
    host_key: PublicKey,
    dir: PathBuf,
    state: Arc<State>,
}

/// What a server does, and did.
#[derive(Debug, Default)]
struct State {
    silent: AtomicBool,
    accepted: AtomicUsize,
    let_in: AtomicUsize,
}

impl Servers {
    /// Starts `n` of them, named `h1`, `h2`, ...
    pub(crate) fn start(n: usize) -> Self {
        Self::start_with(n, Duration::ZERO)
    }

    /// The same, so far away that a round trip takes this long.
    pub(crate) fn start_with(n: usize, round_trip: Duration) -> Self {
        process::sweep_the_dead();
        super::raise_file_limit();
        let dir = Arc::new(
            tempfile::Builder::new()
                .prefix("ops-fleet-")
                .tempdir()
                .expect("a temporary directory"),
        );
        generate_key(&dir.path().join("id"));
        let public = std::fs::read_to_string(dir.path().join("id.pub")).expect("the public key");
        let key = PublicKey::from_openssh(&public).expect("ssh-keygen writes OpenSSH's format");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("servers")
            .enable_all()
            .build()
            .expect("threads");
        let guard = runtime.enter();
        let user = current_user();
        let servers = listen(n)
            .into_iter()
            .enumerate()
            .map(|(index, listener)| {
                let name = format!("h{}", index + 1);
                Server::start(dir.path(), name, &user, &key, listener, round_trip)
            })
            .collect();
        drop(guard);
        let fleet = Self {
            all: servers,
            runtime: Some(runtime),
            dir,
        };
        let write = |name: &str, text: &str| {
            std::fs::write(fleet.dir().join(name), text).expect("a file in the fleet's directory");
        };
        let known_hosts: String = fleet.all.iter().map(Server::known_hosts_line).collect();
        write("known_hosts", &known_hosts);
        write(
            "ssh_config",
            &ssh_config_text(fleet.endpoints(), &fleet.known_hosts_file()),
        );
        write(INVENTORY, &fleet.inventory_text());
        fleet
    }

    /// A run of `ops` with this fleet as its inventory.
    pub(crate) fn ops(&self) -> Ops {
        self.ops_with(|_| {})
    }

    /// The same with every host's entry in the inventory changed.
    pub(crate) fn ops_with(&self, change: impl Fn(&mut Endpoint)) -> Ops {
        let mut endpoints: Vec<_> = self.endpoints().cloned().collect();
        endpoints.iter_mut().for_each(change);
        Ops::new().inventory_named(INVENTORY, &inventory_text(&endpoints, &self.ssh_args()))
    }

    pub(crate) fn servers(&self) -> &[Server] {
        &self.all
    }

    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.all.iter().map(Server::endpoint)
    }

    /// The private key that every server lets in.
    pub(crate) fn key(&self) -> PathBuf {
        self.dir().join("id")
    }

    /// Holds the host key of every server.
    pub(crate) fn known_hosts_file(&self) -> PathBuf {
        self.dir().join("known_hosts")
    }

    /// For `ssh -F`: the hosts under their names.
    pub(crate) fn ssh_config(&self) -> PathBuf {
        self.dir().join("ssh_config")
    }

    /// The inventory as a file, for what does not run through [`Servers::ops`].
    pub(crate) fn inventory_file(&self) -> PathBuf {
        self.dir().join(INVENTORY)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// An Ansible inventory in INI: the hosts, all in the group `fleet`.
    pub(crate) fn inventory_text(&self) -> String {
        inventory_text(self.endpoints(), &self.ssh_args())
    }

    /// What `ansible_ssh_common_args` says for these hosts.
    pub(crate) fn ssh_args(&self) -> String {
        format!(
            "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null",
            self.known_hosts_file().display()
        )
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
        // Their streams have ended. What does not heed that is ended here.
        let mark = format!("{}/", process::mark(self.dir()));
        process::kill_marked(&mark);
    }
}

impl Server {
    fn start(
        fleet: &Path,
        name: String,
        user: &str,
        key: &PublicKey,
        listener: TcpListener,
        round_trip: Duration,
    ) -> Self {
        let dir = fleet.join(&name);
        for part in ["home", "root"] {
            std::fs::create_dir_all(dir.join(part)).expect("the host's directory");
        }
        let address = listener.local_addr().expect("a bound socket");
        let IpAddr::V4(ip) = address.ip() else {
            unreachable!("it was bound to an IPv4 address")
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("random bytes");
        let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
        let host_key = PrivateKey::new(pair, "").expect("an ed25519 key");
        let server = Self {
            endpoint: Endpoint {
                name,
                address: ip,
                port: address.port(),
                user: user.to_owned(),
                key: fleet.join("id"),
                vars: vec![(
                    "ops_state_dir".into(),
                    dir.join("state").display().to_string(),
                )],
            },
            host_key: host_key.public_key().clone(),
            state: Arc::default(),
            dir,
        };
        let host = Host {
            home: server.home(),
            mark: (MARK, process::mark(&server.dir)),
        };
        let config = server::Config {
            methods: MethodSet::from(&[MethodKind::PublicKey][..]),
            auth_rejection_time: Duration::ZERO,
            inactivity_timeout: None,
            nodelay: true,
            keys: vec![host_key],
            ..server::Config::default()
        };
        let login = Login {
            user: user.to_owned(),
            key: key.clone(),
            host: Arc::new(host),
            state: server.state.clone(),
        };
        tokio::spawn(accept(listener, Arc::new(config), login, round_trip));
        server
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn name(&self) -> &str {
        &self.endpoint.name
    }

    /// A directory that tests may treat as the host's own.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// `HOME` on the host.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.join("home")
    }

    /// From now on it accepts connections and says nothing: a machine that hangs.
    pub(crate) fn fall_silent(&self) {
        self.state.silent.store(true, Ordering::SeqCst);
    }

    /// How many connections came.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many of them were let in.
    pub(crate) fn let_in(&self) -> usize {
        self.state.let_in.load(Ordering::SeqCst)
    }

    pub(crate) fn known_hosts_line(&self) -> String {
        let key = self.host_key.to_openssh().expect("a key has a text");
        format!("[{}]:{} {key}\n", self.endpoint.address, self.endpoint.port)
    }
}

/// One listener an address, all on one port that is free on every one of them.
fn listen(n: usize) -> Vec<TcpListener> {
    let address = |index: usize| {
        let [.., high, low] = u32::try_from(index / 250 * 256 + index % 250 + 1)
            .expect("a loopback network has room")
            .to_be_bytes();
        // Not where `Sshd` and the containers are.
        Ipv4Addr::new(127, 1, high, low)
    };
    let try_all = || -> std::io::Result<Vec<TcpListener>> {
        let mut port = 0;
        (0..n)
            .map(|index| {
                let listener =
                    std::net::TcpListener::bind(SocketAddr::from((address(index), port)))?;
                port = listener.local_addr()?.port();
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            })
            .collect()
    };
    let mut tries = std::iter::repeat_with(try_all).take(20);
    let last = tries.find(|result| match result {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
    });
    last.expect("a port that is free on every address")
        .expect("loopback addresses")
}

async fn accept(
    listener: TcpListener,
    config: Arc<server::Config>,
    login: Login,
    round_trip: Duration,
) {
    let mut kept = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        login.state.accepted.fetch_add(1, Ordering::SeqCst);
        if login.state.silent.load(Ordering::SeqCst) {
            kept.push(stream);
            continue;
        }
        tokio::spawn(one(stream, config.clone(), login.clone(), round_trip));
    }
}

/// A connection, until its end. That one was cut is the client's to tell.
async fn one(stream: TcpStream, config: Arc<server::Config>, login: Login, round_trip: Duration) {
    let _ = stream.set_nodelay(true);
    let running = if round_trip.is_zero() {
        server::run_stream(config, stream, login).await
    } else {
        let stream = distant(stream, round_trip).await;
        server::run_stream(config, stream, login).await
    };
    if let Ok(running) = running {
        let _ = running.await;
    }
}

/// Who is let in, and where to.
#[derive(Clone)]
struct Login {
    user: String,
    key: PublicKey,
    host: Arc<Host>,
    state: Arc<State>,
}

impl server::Handler for Login {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: server::PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.decide(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let auth = self.decide(user, key.public_key);
        if auth == Auth::Accept {
            self.state.let_in.fetch_add(1, Ordering::SeqCst);
        }
        Ok(auth)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        tokio::spawn(serve(channel, session.handle(), self.host.clone()));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        // The channel itself is told too, and does it.
        session.channel_success(channel)
    }
}

impl Login {
    fn decide(&self, user: &str, key: &PublicKey) -> Auth {
        if user == self.user && key.key_data() == self.key.key_data() {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}
