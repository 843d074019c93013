//! Logins: every case is tried with the real `ssh` and with this process's own client, and both must agree
//! with each other and with the expected result here.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ops::model::{Connection, HostKeys, SshClient};
use ops::shell::{Session, SessionOptions};
use ops::transport::{Choice, Connector, TransportError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fleet::Fleet;
use crate::over;

/// The number of simultaneous logins.
const AT_ONCE: usize = 4;

/// The expected result of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    In,
    Denied,
    /// Succeeds by `ssh`: this process's own client leaves it to `ssh`, and reports why.
    LeftToSsh,
}

/// Logins to the hosts of a fleet under given configurations.
pub(crate) struct Logins<'a> {
    fleet: &'a Fleet,
    cases: Vec<(String, String, Login)>,
}

impl<'a> Logins<'a> {
    pub(crate) const fn new(fleet: &'a Fleet) -> Self {
        Self {
            fleet,
            cases: Vec::new(),
        }
    }

    /// A login to `h1`, with lines of ssh_config(5). They are followed by what the host needs (`HostName`,
    /// `Port`, `User`, known hosts), and nothing about keys or agents.
    pub(crate) fn case(&mut self, name: &str, config: &str, login: Login) -> &mut Self {
        let case = (name.to_owned(), config.to_owned(), login);
        self.cases.push(case);
        self
    }

    /// Tries all of them.
    #[track_caller]
    pub(crate) fn check(&self) {
        let next = AtomicUsize::new(0);
        let faults = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.cases.len() {
                            break;
                        }
                        faults.lock().expect("faults").extend(self.faults(index));
                    }
                });
            }
        });
        let faults = faults.into_inner().expect("faults");
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Returns what is wrong with one case.
    fn faults(&self, index: usize) -> Option<String> {
        let (name, config, login) = &self.cases[index];
        let file = self.fleet.dir().join(format!("case-{index}"));
        std::fs::write(&file, format!("{config}\n{}", self.rest())).expect("a configuration");
        let (ssh, said) = by_ssh(&file);
        if (ssh == Login::Denied) != (*login == Login::Denied) {
            return Some(format!("{name}: ssh is {ssh:?}: {said}"));
        }
        let (native, said) = by_native(&file);
        (native != *login).then(|| format!("{name}: native is {native:?}: {said}"))
    }

    fn rest(&self) -> String {
        let config = std::fs::read_to_string(self.fleet.ssh_config()).expect("the configuration");
        let kept = config.lines().filter(|line| {
            !["IdentityFile", "IdentitiesOnly", "IdentityAgent"]
                .iter()
                .any(|key| line.trim().starts_with(key))
        });
        let kept: Vec<_> = kept.collect();
        // The usual key exchange takes 80 ms of CPU.
        format!(
            "{}\n  KexAlgorithms curve25519-sha256\n  IdentityAgent none\n",
            kept.join("\n")
        )
    }
}

fn by_ssh(config: &Path) -> (Login, String) {
    let output = Command::new("ssh")
        .args(["-o", "BatchMode=yes", "-F"])
        .arg(config)
        .args(["h1", "true"])
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .output()
        .expect("ssh is installed");
    let login = if output.status.success() {
        Login::In
    } else {
        Login::Denied
    };
    (login, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn by_native(config: &Path) -> (Login, String) {
    let connection = Connection {
        ssh_args: vec!["-F".into(), config.display().to_string()],
        host_keys: HostKeys::SshConfig,
        ssh_client: SshClient::Native,
        // Some key exchanges take seconds of CPU in an unoptimised build. A host that refuses is tried once.
        connect_timeout: Duration::from_mins(1),
        retry_for: Duration::from_mins(1),
        ..over::by_name("h1")
    };
    let connector = Connector::new();
    let choice = connector.choice(&connection);
    if !matches!(choice, Choice::Native(_)) {
        return (Login::LeftToSsh, format!("{choice:?}"));
    }
    over::run(async {
        let transport = connector.transport(&connection);
        let (first, failed) = tokio::sync::mpsc::unbounded_channel();
        let first = move |_: u32, error: &TransportError| {
            let _ = first.send(error.clone());
        };
        let opened = first_attempt(transport.open_watched(&first), failed);
        let session = match opened
            .await
            .map(|stream| Session::start(stream, SessionOptions::default()))
        {
            Ok(session) => session,
            Err(error) => {
                let hint = error.hint.clone().unwrap_or_default();
                return (Login::Denied, format!("{error} {hint}"));
            }
        };
        // A login is only complete when a command runs.
        let facts = session.facts().await.map(drop);
        session.close().await;
        transport.close().await;
        facts.map_or_else(
            |error| (Login::Denied, error.to_string()),
            |()| (Login::In, String::new()),
        )
    })
}

/// Returns the result of the first attempt, without waiting for another.
async fn first_attempt<T>(
    opened: impl Future<Output = Result<T, TransportError>>,
    mut failed: UnboundedReceiver<TransportError>,
) -> Result<T, TransportError> {
    tokio::select! {
        opened = opened => opened,
        Some(error) = failed.recv() => Err(error),
    }
}
