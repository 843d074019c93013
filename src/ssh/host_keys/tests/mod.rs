//! Tests which keys are accepted for which host, without a network.

mod learning;
mod lookup;
mod policy;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKeyOrCertificate};

use super::{HostVerifier, KnownHosts};
use crate::ssh::error::SshError;
use crate::ssh::settings::{
    AddressFamily, Algorithms, HostKeyPolicy, LoginSettings, SshSettings, StrictHostKeyChecking,
};

/// The keys of the tests.
static KEYS: LazyLock<[PrivateKey; 3]> = LazyLock::new(|| {
    [Algorithm::Ed25519, Algorithm::Ed25519, p256()].map(|algorithm| {
        PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).expect("a key")
    })
});

const fn p256() -> Algorithm {
    Algorithm::Ecdsa {
        curve: russh::keys::EcdsaCurve::NistP256,
    }
}

/// The text of one of the keys: `ssh-ed25519 AAAA...`.
fn text(key: usize) -> String {
    KEYS[key].public_key().to_openssh().expect("a key")
}

fn presented(key: usize) -> PublicKeyOrCertificate {
    KEYS[key].public_key().clone().into()
}

/// A host, and the known keys.
struct Case {
    dir: tempfile::TempDir,
    settings: SshSettings,
    peer: Option<SocketAddr>,
}

impl Case {
    /// In the text, `{0}` stands for the first key, and so on.
    fn new(known: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("known_hosts");
        std::fs::write(&file, fill(known)).expect("a file");
        Self {
            settings: settings(vec![file]),
            dir,
            peer: Some(([192, 0, 2, 1], 22).into()),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut SshSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn strict(self, strict: StrictHostKeyChecking) -> Self {
        self.with(|settings| settings.host_key.strict = strict)
    }

    fn verifier(&self) -> HostVerifier {
        HostVerifier::new(&self.settings, Arc::new(KnownHosts::default()))
    }

    fn check(&self, key: usize) -> Result<(), SshError> {
        check(&self.verifier(), key, self.peer)
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }
}

fn check(verifier: &HostVerifier, key: usize, peer: Option<SocketAddr>) -> Result<(), SshError> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(verifier.check(&presented(key), peer))
}

fn fill(known: &str) -> String {
    (0..KEYS.len()).fold(known.to_owned(), |known, key| {
        known.replace(&format!("{{{key}}}"), &text(key))
    })
}

fn settings(files: Vec<PathBuf>) -> SshSettings {
    SshSettings {
        original: "web1".into(),
        config: None,
        host: "web1".into(),
        port: 22,
        user: "amy".into(),
        address_family: AddressFamily::Any,
        bind_address: None,
        identity_files: Vec::new(),
        identity_files_are_set: false,
        certificate_files: Vec::new(),
        identities_only: false,
        login: LoginSettings::default(),
        agent: None,
        environment: Vec::new(),
        host_key: HostKeyPolicy {
            strict: StrictHostKeyChecking::Yes,
            alias: None,
            user_files: files,
            global_files: vec![Path::new("/nowhere/known_hosts").into()],
            revoked: None,
            check_host_ip: false,
            hash_names: false,
            trust_localhost: false,
        },
        algorithms: Algorithms::default(),
        jumps: Vec::new(),
        keep_alive: None,
        connect_timeout: Duration::from_secs(10),
    }
}
