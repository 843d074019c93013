//! What `ops` decides about a host that it connects to.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ops::ssh::{
    AddressFamily, Algorithms, HostKeyPolicy, HostVerifier, KnownHosts, SshError, SshSettings,
    StrictHostKeyChecking,
};
use russh::keys::PublicKeyOrCertificate;

#[derive(Debug)]
pub(crate) enum Decision {
    Taken,
    Refused(SshError),
    /// There was no key to decide on: nothing that both sides know.
    NoKey(#[expect(dead_code, reason = "shown where a case fails")] russh::Error),
}

impl Decision {
    pub(crate) const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// Connects, and gives what became of the host's key.
pub(crate) fn decide(options: &[String], address: &str, port: u16) -> Decision {
    let verifier = HostVerifier::new(
        &settings(options, address, port),
        Arc::new(KnownHosts::default()),
    );
    decide_with(&verifier, &format!("{address}:{port}").parse().unwrap())
}

pub(crate) fn decide_with(verifier: &HostVerifier, address: &SocketAddr) -> Decision {
    let offer = verifier.algorithms();
    let mut config = russh::client::Config::default();
    config.preferred.kex = Cow::Borrowed(&[russh::kex::CURVE25519]);
    config.preferred.key = Cow::Owned(offer.keys);
    config.preferred.host_key_certificates = Cow::Owned(offer.certificates);
    let refused = Arc::new(Mutex::new(None));
    let client = Client {
        verifier: verifier.clone(),
        peer: *address,
        refused: refused.clone(),
    };
    let connected = super::super::runtime().block_on(async {
        let handle = tokio::time::timeout(
            Duration::from_secs(20),
            russh::client::connect(Arc::new(config), *address, client),
        )
        .await
        .expect("the host answers")?;
        let binding = handle.agent_session_binding().expect("a key exchange");
        Ok(verifier.check_signature(binding.signature()))
    });
    if let Some(error) = refused.lock().unwrap().take() {
        return Decision::Refused(error);
    }
    match connected {
        Ok(Ok(())) => Decision::Taken,
        Ok(Err(error)) => Decision::Refused(error),
        Err(error) => Decision::NoKey(error),
    }
}

struct Client {
    verifier: HostVerifier,
    peer: SocketAddr,
    refused: Arc<Mutex<Option<SshError>>>,
}

impl russh::client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        match self.verifier.check(shown, Some(self.peer)).await {
            Ok(()) => Ok(true),
            Err(error) => {
                *self.refused.lock().unwrap() = Some(error);
                Ok(false)
            }
        }
    }
}

/// The settings that options of `ssh -o` stand for.
pub(crate) fn settings(options: &[String], address: &str, port: u16) -> SshSettings {
    let mut settings = SshSettings {
        original: address.to_owned(),
        config: None,
        host: address.to_owned(),
        port,
        user: "nobody".to_owned(),
        address_family: AddressFamily::Any,
        bind_address: None,
        identity_files: Vec::new(),
        identity_files_are_set: false,
        certificate_files: Vec::new(),
        identities_only: false,
        login: ops::ssh::LoginSettings::default(),
        agent: None,
        environment: Vec::new(),
        host_key: HostKeyPolicy {
            strict: StrictHostKeyChecking::Yes,
            alias: None,
            user_files: Vec::new(),
            global_files: Vec::new(),
            revoked: None,
            check_host_ip: false,
            hash_names: false,
            trust_localhost: false,
        },
        algorithms: Algorithms {
            required_rsa_bits: 1024,
            ..Algorithms::default()
        },
        jumps: Vec::new(),
        keep_alive: None,
        connect_timeout: Duration::from_secs(10),
    };
    for option in options {
        let (name, value) = option.split_once('=').unwrap();
        let list = || Some(value.split(',').map(ToOwned::to_owned).collect());
        let paths = || value.split(' ').map(Into::into).collect();
        let policy = &mut settings.host_key;
        match name {
            "StrictHostKeyChecking" => {
                policy.strict = match value {
                    "yes" | "ask" => StrictHostKeyChecking::Yes,
                    "accept-new" => StrictHostKeyChecking::AcceptNew,
                    "no" | "off" => StrictHostKeyChecking::No,
                    _ => panic!("{option}"),
                }
            }
            "HostKeyAlias" => policy.alias = Some(value.to_owned()),
            "UserKnownHostsFile" => policy.user_files = paths(),
            "GlobalKnownHostsFile" => policy.global_files = paths(),
            "RevokedHostKeys" => policy.revoked = Some(value.into()),
            "CheckHostIP" => policy.check_host_ip = value == "yes",
            "HashKnownHosts" => policy.hash_names = value == "yes",
            "NoHostAuthenticationForLocalhost" => policy.trust_localhost = value == "yes",
            "HostKeyAlgorithms" => settings.algorithms.host_keys = list(),
            "CASignatureAlgorithms" => settings.algorithms.ca_signatures = list(),
            "RequiredRSASize" => settings.algorithms.required_rsa_bits = value.parse().unwrap(),
            "HostName" => value.clone_into(&mut settings.host),
            _ => panic!("{option}"),
        }
    }
    settings
}
