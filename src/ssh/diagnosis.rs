//! Explains why a host could not be reached, with the same messages as `ssh` where it has one.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use russh::AlgorithmKind;

use super::error::{Advice, SshError, SshErrorKind as Kind};
use super::news::News;
use super::settings::SshSettings;

/// Why a connection's task ended.
#[derive(Debug)]
pub(super) enum HandlerError {
    Ssh(russh::Error),
    /// This client refused the host's key.
    Refused(SshError),
}

impl From<russh::Error> for HandlerError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// Refuses a host or user name that looks like an option of `ssh`, or like more than a name.
pub fn check_destination(host: &str, user: Option<&str>) -> Result<(), SshError> {
    for (what, name) in [("address", Some(host)), ("user", user)] {
        let Some(name) = name else { continue };
        let why = if name.is_empty() {
            "is empty"
        } else if name.starts_with('-') {
            "starts with a dash"
        } else if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
            "contains a blank or a control character"
        } else {
            continue;
        };
        return Err(SshError {
            kind: Kind::Invalid,
            message: format!("the {what} {name:?} {why}"),
            advice: Some(Advice::CheckDestination),
        });
    }
    Ok(())
}

/// The error for a failed connection to an address.
pub(super) fn unreachable(
    settings: &SshSettings,
    address: SocketAddr,
    error: &io::Error,
) -> SshError {
    use io::ErrorKind as Io;
    let (kind, what, advice) = match error.kind() {
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
    SshError {
        kind,
        message: format!("connect to {address}: {what}"),
        advice: Some(Advice::try_this(advice)),
    }
}

const DOWN: &str = "Is the host up, and does a firewall let this machine through?";

fn again(settings: &SshSettings) -> String {
    let config = match &settings.config {
        Some(file) => format!(" -F {}", quoted(file)),
        None => String::new(),
    };
    format!(
        "Try `ssh -v{config} -p {} -l {} {}`.",
        settings.port,
        quoted(&settings.user),
        quoted(&settings.original)
    )
}

/// Quotes a word for a shell. (NUL bytes have been refused as control characters.)
fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// The error for a name without an address.
pub(super) fn not_resolved(settings: &SshSettings, why: &str) -> SshError {
    SshError {
        kind: Kind::NameNotResolved,
        message: format!("Could not resolve hostname {}: {why}", settings.host),
        advice: Some(Advice::CheckAddress),
    }
}

/// The error for a host that accepted the connection but then sent nothing.
pub(super) fn silent(settings: &SshSettings) -> SshError {
    SshError {
        kind: Kind::TimedOut,
        message: format!(
            "Connection timed out during banner exchange with {} port {}",
            settings.host, settings.port
        ),
        advice: Some(Advice::try_this(DOWN)),
    }
}

/// The error for a step that took too long.
pub(super) fn too_slow(what: &str, after: Duration) -> SshError {
    SshError {
        kind: Kind::TimedOut,
        message: format!("{what} within {} s", after.as_secs_f64().ceil()),
        advice: Some(Advice::try_this(DOWN)),
    }
}

/// The error for a failed key exchange. `before` is what the server sent before its version.
pub(super) fn key_exchange(
    settings: &SshSettings,
    error: HandlerError,
    news: &News,
    before: &str,
) -> SshError {
    let error = match error {
        HandlerError::Refused(error) => return error,
        HandlerError::Ssh(error) => error,
    };
    let advice = Some(Advice::try_this(again(settings)));
    match &error {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => {
            let (what, setting) = match kind {
                AlgorithmKind::Kex => ("key exchange method", "KexAlgorithms"),
                AlgorithmKind::Key => ("host key type", "HostKeyAlgorithms"),
                AlgorithmKind::Cipher => ("cipher", "Ciphers"),
                AlgorithmKind::Mac => ("MAC", "MACs"),
                AlgorithmKind::Compression => ("compression", "Compression"),
            };
            SshError {
                kind: Kind::Other,
                message: format!(
                    "no matching {what} found. Ours: {}. Theirs: {}",
                    offer(ours),
                    offer(theirs)
                ),
                advice: Some(Advice::UseSsh {
                    setting: Some(setting),
                }),
            }
        }
        russh::Error::Version => SshError {
            kind: Kind::Other,
            message: format!("no SSH server answers on this port{}", after(before)),
            advice: Some(Advice::try_this("Is this sshd's port?")),
        },
        russh::Error::WrongServerSig => SshError {
            kind: Kind::HostKeyUnknown,
            message: "the host did not prove that it has the host key it presents".into(),
            advice,
        },
        // The server closes the connection without a message if it has too many connections, or if no rule of
        // its configuration allows this one.
        _ => SshError {
            kind: if is_protocol(&error) {
                Kind::Other
            } else {
                Kind::Network
            },
            message: match news.end() {
                Some(end) if !end.is_empty() => format!("{end}{}", after(before)),
                _ => format!("{}{}", words(&error), after(before)),
            },
            advice,
        },
    }
}

/// The error for a connection that ended during the login without a refusal.
pub(super) fn lost(settings: &SshSettings, news: &News) -> SshError {
    let end = news.end().unwrap_or_default();
    let message = if end.is_empty() {
        "Connection closed by the host".to_owned()
    } else {
        end
    };
    SshError {
        kind: Kind::Network,
        message: format!("{message}{}", after(&news.banner())),
        advice: Some(Advice::try_this(again(settings))),
    }
}

/// The message for a protocol error.
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

/// A list of algorithms, without the extensions that it contains as well.
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

/// Maximum length of a host's text in an error, in characters.
const MAX_EXCERPT: usize = 600;

/// A text from a host on one line, without control characters, shortened if it is long.
pub(super) fn excerpt(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim);
    let line = lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    let mut shown: String = line
        .chars()
        .take(MAX_EXCERPT)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if line.chars().nth(MAX_EXCERPT).is_some() {
        shown.push_str(" ...");
    }
    shown
}

/// A sentence about the keys that had not been tried when the host ended the login.
pub fn not_tried(keys: &[impl AsRef<str>]) -> String {
    let (more, were) = match keys.len() {
        0 => return String::new(),
        1 => ("1 more key".to_owned(), "was"),
        many => (format!("{many} more keys"), "were"),
    };
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    format!(
        " The host ended the login before {more} {were} tried: {}.",
        keys.join("; ")
    )
}
