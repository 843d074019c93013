//! Explains a failed connection by the messages of `ssh`.
//!
//! `ssh` always exits with 255, so its messages are the only clue. They are never translated: of the
//! locale, it uses only the character set.

use std::time::Duration;

use crate::model::Connection;
use crate::shell::quote_str;
use crate::ssh::not_tried;
use crate::transport::error::{
    ACCEPT_HOST_KEY, NAME_KEY, TransportError, TransportErrorKind as Kind,
};

/// Prefixes of lines that report no problem, at the log level used.
const CHATTER: &[&str] = &[
    "debug",
    "OpenSSH_",
    "@@@",
    "Authenticated ",
    "Transferred:",
    "Bytes per second:",
    "Warning: Permanently added",
];

/// The messages of `ssh` without its debug output.
pub(super) fn words(log: &str) -> String {
    let wanted =
        |line: &&str| !line.is_empty() && !CHATTER.iter().any(|chatter| line.starts_with(chatter));
    log.lines()
        .map(str::trim_end)
        .filter(wanted)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The error of a failed connection, from the log.
pub(super) fn diagnose(connection: &Connection, log: &str) -> TransportError {
    let said = words(log);
    let any = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    let host = &connection.address;
    let (kind, hint) = if any(&["REMOTE HOST IDENTIFICATION HAS CHANGED", "host key for"])
        && any(&["HAS CHANGED", "has changed"])
    {
        (
            Kind::HostKeyChanged,
            format!(
                "If the host was reinstalled, remove its old key with `{}`; otherwise someone may be \
                 intercepting the connection.",
                forget_key(&said, host)
            ),
        )
    } else if any(&["Host key verification failed", "host key is known for"]) {
        (Kind::HostKeyUnknown, ACCEPT_HOST_KEY.to_owned())
    } else if any(&["Permission denied", "Too many authentication failures"]) {
        (Kind::Authentication, authentication(connection, log))
    } else if any(&["Could not resolve hostname"]) {
        (
            Kind::NameNotResolved,
            "Check the host's address in the inventory.".to_owned(),
        )
    } else if any(&["Connection refused"]) {
        (
            Kind::Refused,
            "Is sshd running there, on that port?".to_owned(),
        )
    } else if any(&["timed out", "not responding"]) {
        (
            Kind::TimedOut,
            "Is the host up, and does a firewall let this machine through?".to_owned(),
        )
    } else if any(&[
        "No route to host",
        "Network is unreachable",
        "Connection reset",
        "Connection closed",
        "closed by remote host",
        "kex_exchange_identification",
        "banner exchange",
        "Broken pipe",
    ]) {
        (Kind::Network, try_ssh(connection))
    } else {
        (Kind::Other, try_ssh(connection))
    };
    let message = match kind {
        // Of the eleven lines, only the one with the reason and the new fingerprint.
        Kind::HostKeyChanged => changed_key(&said),
        Kind::Authentication => denied(&said),
        _ if said.is_empty() => "ssh exited without a message".to_owned(),
        _ => said
            .strip_suffix("\nHost key verification failed.")
            .unwrap_or(&said)
            .to_owned(),
    };
    TransportError {
        kind,
        message,
        hint: Some(hint),
    }
}

/// The error of an attempt that took too long.
pub(super) fn too_slow(log: &str, after: Duration) -> TransportError {
    let said = words(log);
    let after = after.as_secs_f64().ceil();
    TransportError {
        kind: Kind::TimedOut,
        message: if said.is_empty() {
            format!("the connection was not ready within {after} s")
        } else {
            format!("the connection was not ready within {after} s: {said}")
        },
        hint: Some("Is the host up, and does a firewall let this machine through?".into()),
    }
}

/// The command that shows more, with the connection's port, user and configuration.
fn try_ssh(connection: &Connection) -> String {
    let mut words = vec!["ssh".to_owned(), "-v".to_owned()];
    if let Some(port) = connection.port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = &connection.user {
        words.extend(["-l".to_owned(), quote_str(user)]);
    }
    if let Some(key) = &connection.key_file {
        words.extend(["-i".to_owned(), quote_str(&key.display().to_string())]);
    }
    words.extend(
        connection
            .ssh_args
            .iter()
            .map(|argument| quote_str(argument)),
    );
    words.push(quote_str(&connection.address));
    format!("Try `{}`.", words.join(" "))
}

/// How many lines printed by `ssh` and its `ProxyCommand` are shown.
const MAX_PRINTED: usize = 3;

/// Adds what was printed outside the log, usually by a `ProxyCommand`.
pub(super) fn with_printed(mut error: TransportError, printed: &str) -> TransportError {
    if matches!(error.kind, Kind::Network | Kind::Other | Kind::TimedOut) {
        let lines: Vec<&str> = printed
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(MAX_PRINTED)..];
        if !last.is_empty() {
            error.message = format!(
                "{}; ssh or its ProxyCommand printed: {}",
                error.message,
                last.join("; ")
            );
        }
    }
    error
}

/// The command that removes the old key of a host: `ssh` prints it with the right file and port.
fn forget_key(said: &str, host: &str) -> String {
    said.lines()
        .map(str::trim)
        .find(|line| line.starts_with("ssh-keygen "))
        .map_or_else(|| format!("ssh-keygen -R {host}"), ToOwned::to_owned)
}

fn changed_key(said: &str) -> String {
    let line = |begin: &str| said.lines().find(|line| line.starts_with(begin));
    let what = line("Host key for ").or_else(|| line("The host key for "));
    let what = what
        .and_then(|what| what.split(" has changed").next())
        .map_or("the host key", |what| what);
    match line("SHA256:") {
        Some(print) => format!(
            "{what} has changed: it is now {}",
            print.trim_end_matches('.')
        ),
        None => format!("{what} has changed"),
    }
}

/// The refusal, without earlier messages of ssh. (A key file that it skips is in the hint.)
fn denied(said: &str) -> String {
    said.lines()
        .rfind(|line| line.contains("Permission denied") || line.contains("Too many"))
        .unwrap_or(said)
        .to_owned()
}

/// Which keys were offered, and what happened to them, from the debug log.
fn authentication(connection: &Connection, log: &str) -> String {
    let open = log.lines().find_map(|line| {
        line.strip_prefix("Load key \"")?
            .strip_suffix("\": bad permissions")
    });
    if let Some(path) = open {
        return format!(
            "The key file is skipped because its permissions let others read it: try `chmod 600 {path}`."
        );
    }
    let locked = log
        .lines()
        .find_map(|line| line.strip_prefix("debug1: Server accepts key: "));
    if let Some(key) = locked {
        // The path, the type of the key and its fingerprint.
        let path = key.split(" SHA256:").next().unwrap_or(key);
        let path = path.rsplit_once(' ').map_or(path, |(path, _)| path);
        return format!(
            "The host accepts {key}, but it cannot sign: if it has a passphrase, add it to an agent with \
             `ssh-add {path}`."
        );
    }
    let offered: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("debug1: Offering public key: "))
        .map(str::trim)
        .collect();
    let user = connection.user.as_deref().unwrap_or("the user");
    if let Some(key) = &connection.key_file
        && !key.exists()
    {
        return format!("The key file {} does not exist.", key.display());
    }
    if offered.is_empty() {
        return format!("No key was offered: is there one for {user}, or an agent that holds it?");
    }
    let mut none = format!(
        "The host accepts none of these for {user}: {}.",
        offered.join("; ")
    );
    if log.contains("Too many authentication failures") {
        let untried: Vec<&str> = log
            .lines()
            .filter_map(|line| line.strip_prefix("debug1: Will attempt key: "))
            .map(str::trim)
            .filter(|key| !offered.contains(key))
            .collect();
        none.push_str(&not_tried(&untried));
    }
    if log.contains("Too many authentication failures") {
        return format!("{none} {NAME_KEY}");
    }
    none
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Via;

    fn connection() -> Connection {
        Connection {
            user: Some("amy".into()),
            ..Connection::new(Via::Ssh, "web1")
        }
    }

    #[test]
    fn classifies_the_messages_of_ssh() {
        for (log, kind, again) in [
            (
                "ssh: connect to host web1 port 22: Connection refused\r\n",
                Kind::Refused,
                true,
            ),
            (
                "ssh: connect to host web1 port 22: Connection timed out\r\n",
                Kind::TimedOut,
                true,
            ),
            (
                "Connection timed out during banner exchange\r\n",
                Kind::TimedOut,
                true,
            ),
            (
                "ssh: connect to host web1 port 22: No route to host\r\n",
                Kind::Network,
                true,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\r\n",
                Kind::Network,
                true,
            ),
            (
                "ssh: Could not resolve hostname web1: Name or service not known\r\n",
                Kind::NameNotResolved,
                false,
            ),
            (
                "No ED25519 host key is known for web1 and you have requested strict checking.\r\n\
                 Host key verification failed.\r\n",
                Kind::HostKeyUnknown,
                false,
            ),
            (
                "@@@@@@@@@@@\r\n\
                 @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n\
                 @@@@@@@@@@@\r\n\
                 Host key for web1 has changed and you have requested strict checking.\r\n\
                 Host key verification failed.\r\n",
                Kind::HostKeyChanged,
                false,
            ),
            (
                "amy@web1: Permission denied (publickey).\r\n",
                Kind::Authentication,
                false,
            ),
            (
                "command-line: line 0: Bad configuration option: x\r\n",
                Kind::Other,
                false,
            ),
        ] {
            let error = diagnose(&connection(), log);
            assert_eq!(error.kind, kind, "{log}");
            assert_eq!(error.is_retryable(), again, "{log}");
            assert!(!error.message.contains("@@@"), "{}", error.message);
            assert!(!error.message.contains('\n'), "{}", error.message);
        }
    }

    #[test]
    fn a_changed_key_is_one_line_with_the_command_from_ssh() {
        let log = "@@@@@@@@@@@\r\n\
                   @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n\
                   @@@@@@@@@@@\r\n\
                   The fingerprint for the ED25519 key sent by the remote host is\r\nSHA256:abc.\r\n\
                   Offending ED25519 key in /k/known_hosts:1\r\n  remove with:\r\n  \
                   ssh-keygen -f \"/k/known_hosts\" -R \"[web1]:2222\"\r\n\
                   Host key for [web1]:2222 has changed and you have requested strict checking.\r\n\
                   Host key verification failed.\r\n";
        let error = diagnose(&connection(), log);
        assert_eq!(
            error.message,
            "Host key for [web1]:2222 has changed: it is now SHA256:abc"
        );
        let hint = error.hint.unwrap();
        assert!(
            hint.contains("`ssh-keygen -f \"/k/known_hosts\" -R \"[web1]:2222\"`"),
            "{hint}"
        );
    }

    #[test]
    fn names_a_missing_key_file() {
        let connection = Connection {
            key_file: Some("/nowhere/id".into()),
            ..connection()
        };
        let error = diagnose(&connection, "amy@web1: Permission denied (publickey).\r\n");
        assert_eq!(
            error.hint.as_deref(),
            Some("The key file /nowhere/id does not exist.")
        );
    }

    #[test]
    fn names_an_unusable_key() {
        let denied = "amy@web1: Permission denied (publickey).";
        for (log, hint) in [
            (
                "debug1: Offering public key: /k/id ED25519 SHA256:x explicit\r\n\
                 debug1: Server accepts key: /k/id ED25519 SHA256:x explicit\r\n",
                "`ssh-add /k/id`",
            ),
            (
                "@@@@@@@\r\n@   WARNING: UNPROTECTED PRIVATE KEY FILE!   @\r\n@@@@@@@\r\n\
                 Permissions 0644 for '/k/id' are too open.\r\nThis private key will be ignored.\r\n\
                 Load key \"/k/id\": bad permissions\r\n",
                "`chmod 600 /k/id`",
            ),
        ] {
            let error = diagnose(&connection(), &format!("{log}{denied}\r\n"));
            assert_eq!(error.message, denied);
            assert!(error.hint.unwrap().contains(hint), "{log}");
        }
    }

    #[test]
    fn the_command_to_try_has_the_arguments_of_the_host() {
        let connection = Connection {
            port: Some(2222),
            ssh_args: vec!["-F".into(), "/my config".into()],
            ..connection()
        };
        let error = diagnose(
            &connection,
            "kex_exchange_identification: Connection closed by remote host\r\n",
        );
        let hint = error.hint.clone();
        assert_eq!(
            hint.as_deref(),
            Some("Try `ssh -v -p 2222 -l amy -F '/my config' web1`.")
        );
        let error = with_printed(error, "1\n2\n\n3\nsh: 1: exec: /no/such/prog: not found\n");
        assert!(
            error.message.ends_with(
                "host; ssh or its ProxyCommand printed: 2; 3; sh: 1: exec: /no/such/prog: not found"
            ),
            "{}",
            error.message
        );
    }

    #[test]
    fn names_untried_keys() {
        let log = "debug1: Will attempt key: a RSA SHA256:a agent\r\n\
                   debug1: Will attempt key: b RSA SHA256:b agent\r\n\
                   debug1: Offering public key: a RSA SHA256:a agent\r\n\
                   Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures\r\n";
        let hint = diagnose(&connection(), log).hint.expect("a hint");
        assert!(
            hint.contains(
                "amy: a RSA SHA256:a agent. \
                 The host ended the login before 1 more key was tried: b RSA SHA256:b agent."
            ),
            "{hint}"
        );
    }

    #[test]
    fn a_refused_login_names_the_offered_keys() {
        let log = "debug1: Offering public key: /home/amy/.ssh/id_ed25519 ED25519 SHA256:x explicit\r\n\
                   amy@web1: Permission denied (publickey).\r\n";
        let error = diagnose(&connection(), log);
        assert_eq!(error.message, "amy@web1: Permission denied (publickey).");
        assert!(
            error
                .hint
                .unwrap()
                .contains("/home/amy/.ssh/id_ed25519 ED25519")
        );
    }
}
