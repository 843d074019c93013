//! Names what went wrong on the way to a host, in the words of `ssh` where it has any.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use russh::AlgorithmKind;

use crate::shell::quote_str;
use crate::transport::settings::SshSettings;
use crate::transport::{TransportError, TransportErrorKind as Kind};

use super::handler::{Ended, News};

/// An address took no connection.
pub(super) fn unreachable(
    settings: &SshSettings,
    address: SocketAddr,
    error: &io::Error,
) -> TransportError {
    use io::ErrorKind as Io;
    let (kind, what, hint) = match error.kind() {
        Io::ConnectionRefused => (
            Kind::Refused,
            "Connection refused".to_owned(),
            "Is sshd running there, on that port?".to_owned(),
        ),
        Io::TimedOut => (
            Kind::TimedOut,
            "Connection timed out".to_owned(),
            DOWN.to_owned(),
        ),
        Io::HostUnreachable => (
            Kind::Network,
            "No route to host".to_owned(),
            again(settings),
        ),
        Io::NetworkUnreachable => (
            Kind::Network,
            "Network is unreachable".to_owned(),
            again(settings),
        ),
        Io::AddrNotAvailable | Io::InvalidInput | Io::PermissionDenied => {
            (Kind::Other, error.to_string(), again(settings))
        }
        _ => (Kind::Network, error.to_string(), again(settings)),
    };
    TransportError {
        kind,
        message: format!("connect to {address}: {what}"),
        hint: Some(hint),
    }
}

const DOWN: &str = "Is the host up, and does a firewall let this machine through?";

fn again(settings: &SshSettings) -> String {
    let config = match &settings.config {
        Some(file) => format!(" -F {}", quote_str(file)),
        None => String::new(),
    };
    format!(
        "Try `ssh -v{config} -p {} -l {} {}`.",
        settings.port,
        quote_str(&settings.user),
        quote_str(&settings.original)
    )
}

/// A name that no address is found for.
pub(super) fn not_resolved(settings: &SshSettings, why: &str) -> TransportError {
    TransportError {
        kind: Kind::NameNotResolved,
        message: format!("Could not resolve hostname {}: {why}", settings.host),
        hint: Some("Check the host's address in the inventory.".into()),
    }
}

/// A host that took the connection and did not go on.
pub(super) fn silent(settings: &SshSettings) -> TransportError {
    TransportError {
        kind: Kind::TimedOut,
        message: format!(
            "Connection timed out during banner exchange with {} port {}",
            settings.host, settings.port
        ),
        hint: Some(DOWN.into()),
    }
}

/// A step took too long.
pub(super) fn too_slow(what: &str, after: Duration) -> TransportError {
    TransportError {
        kind: Kind::TimedOut,
        message: format!("{what} within {} s", after.as_secs_f64().ceil()),
        hint: Some(DOWN.into()),
    }
}

/// A key exchange that failed. `before` is what the server said before its version.
pub(super) fn key_exchange(
    settings: &SshSettings,
    ended: Ended,
    news: &News,
    before: &str,
) -> TransportError {
    let error = match ended {
        Ended::Refused(error) => return error,
        Ended::Ssh(error) => error,
    };
    let hint = Some(again(settings));
    match &error {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => {
            let (what, setting) = match kind {
                AlgorithmKind::Kex => ("key exchange method", "KexAlgorithms"),
                AlgorithmKind::Key => ("host key type", "HostKeyAlgorithms"),
                AlgorithmKind::Cipher => ("cipher", "Ciphers"),
                AlgorithmKind::Mac => ("MAC", "MACs"),
                AlgorithmKind::Compression => ("compression", "Compression"),
            };
            TransportError {
                kind: Kind::Other,
                message: format!(
                    "no matching {what} found. Ours: {}. Theirs: {}",
                    offer(ours),
                    offer(theirs)
                ),
                hint: Some(format!(
                    "Set {setting} for this host in the ssh configuration, or `ops_transport = \"openssh\"`."
                )),
            }
        }
        russh::Error::Version => TransportError {
            kind: Kind::Other,
            message: format!("what answered is no SSH server{}", after(before)),
            hint: Some("Is this sshd's port?".into()),
        },
        russh::Error::WrongServerSig => TransportError {
            kind: Kind::HostKeyUnknown,
            message: "the host did not prove that the key that it shows is its own".into(),
            hint,
        },
        // The other side goes away without a word where it has too many connections, or none of its rules lets this one in.
        _ => TransportError {
            kind: if is_protocol(&error) {
                Kind::Other
            } else {
                Kind::Network
            },
            message: match news.end() {
                Some(end) if !end.is_empty() => format!("{end}{}", after(before)),
                _ => format!("{}{}", words(&error), after(before)),
            },
            hint,
        },
    }
}

/// A connection that ended during the login, and not by a refusal of it.
pub(super) fn lost(settings: &SshSettings, news: &News) -> TransportError {
    let end = news.end().unwrap_or_default();
    let message = if end.is_empty() {
        "Connection closed by the host".to_owned()
    } else {
        end
    };
    TransportError {
        kind: Kind::Network,
        message: format!("{message}{}", after(&news.banner())),
        hint: Some(again(settings)),
    }
}

/// What an error of the protocol is called.
pub(super) fn words(error: &russh::Error) -> String {
    use russh::Error as Ssh;
    match error {
        Ssh::Disconnect | Ssh::HUP => "Connection closed by the host".into(),
        Ssh::KeepaliveTimeout | Ssh::InactivityTimeout => "Timeout, server not responding.".into(),
        Ssh::IO(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => "Connection closed by the host".into(),
            io::ErrorKind::ConnectionReset => "Connection reset by the host".into(),
            io::ErrorKind::BrokenPipe => "Broken pipe".into(),
            io::ErrorKind::TimedOut => "Connection timed out".into(),
            _ => error.to_string(),
        },
        _ => error.to_string(),
    }
}

fn is_protocol(error: &russh::Error) -> bool {
    use russh::Error as Ssh;
    !matches!(
        error,
        Ssh::Disconnect | Ssh::HUP | Ssh::IO(_) | Ssh::KeepaliveTimeout | Ssh::InactivityTimeout
    )
}

/// A list of algorithms without what is no algorithm.
fn offer(names: &[String]) -> String {
    names
        .iter()
        .filter(|name| !name.starts_with("kex-strict-") && !name.starts_with("ext-info-"))
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

fn after(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {}", text.replace("\r\n", "\n").replace('\n', "; "))
    }
}
