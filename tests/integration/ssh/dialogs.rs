//! The questions of servers with keyboard-interactive, and the answers.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use ops::model::{Connection, HostKeys, SshClient, Via};
use ops::transport::{Connector, TransportError, TransportErrorKind as Kind};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{self, Auth, Response};
use russh::{MethodKind, MethodSet};
use tokio::net::TcpListener;

use crate::over;

/// One round of questions: an instruction, and prompts whose answers are echoed or not.
type Question = (&'static str, &'static [(&'static str, bool)]);

/// Asks all rounds, whatever the answers are, and rejects the login.
#[derive(Clone)]
struct Asks {
    dialog: Arc<Vec<Question>>,
    asked: usize,
    answers: Arc<Mutex<Vec<String>>>,
}

impl server::Handler for Asks {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if let Some(response) = response {
            let given = response.map(|answer| String::from_utf8_lossy(&answer).into_owned());
            self.answers.lock().expect("answers").extend(given);
        }
        let Some((instructions, prompts)) = self.dialog.get(self.asked) else {
            return Ok(Auth::reject());
        };
        self.asked += 1;
        let prompts: Vec<_> = prompts
            .iter()
            .map(|(prompt, echo)| ((*prompt).into(), *echo))
            .collect();
        Ok(Auth::Partial {
            name: "".into(),
            instructions: (*instructions).into(),
            prompts: prompts.into(),
        })
    }
}

/// Logs in twice in one run at a server that asks, and returns the error and all answers that the server got.
fn log_in(dialog: Vec<Question>) -> (TransportError, Vec<String>) {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let asks = Asks {
        dialog: Arc::new(dialog),
        asked: 0,
        answers: answers.clone(),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let error = over::run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let pair = KeypairData::from(Ed25519Keypair::from_seed(&[7; 32]));
        let config = Arc::new(server::Config {
            methods: MethodSet::from(&[MethodKind::KeyboardInteractive, MethodKind::Password][..]),
            auth_rejection_time: std::time::Duration::ZERO,
            keys: vec![PrivateKey::new(pair, "").expect("a key")],
            ..server::Config::default()
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(running) = server::run_stream(config.clone(), stream, asks.clone()).await
                {
                    tokio::spawn(running);
                }
            }
        });
        let known_hosts = dir.path().join("known_hosts");
        let connection = Connection {
            port: Some(port),
            user: Some("amy".into()),
            password: Some("correct horse".into()),
            host_keys: HostKeys::AcceptNew,
            ssh_client: SshClient::Native,
            ssh_args: ["-F", "none", "-o", "IdentityAgent=none", "-o"]
                .into_iter()
                .map(str::to_owned)
                .chain([format!("UserKnownHostsFile={}", known_hosts.display())])
                .collect(),
            ..Connection::new(Via::Ssh, "127.0.0.1")
        };
        let connector = Connector::new();
        let first = connector.transport(&connection).open().await.map(drop);
        let second = connector.transport(&connection).open().await.map(drop);
        let (first, second) = (first.expect_err("refused"), second.expect_err("refused"));
        assert_eq!(first, second);
        assert_eq!(first.kind, Kind::Authentication, "{first}");
        assert!(!first.is_retryable());
        first
    });
    let answers = answers.lock().expect("answers").clone();
    (error, answers)
}

const REFUSED: &str = "amy@127.0.0.1: Permission denied (keyboard-interactive,password).";

#[test]
fn answers_the_password_once() {
    for dialog in [
        vec![("", &[("Password: ", false)][..])],
        vec![("", &[("Passwort: ", false)][..])],
        // Rounds that only show a message, before and after.
        vec![
            ("Welcome", &[][..]),
            ("", &[("Password: ", false)][..]),
            ("Sorry", &[][..]),
        ],
        // Asks again, as some servers do.
        vec![
            ("", &[("Password: ", false)][..]),
            ("", &[("Password: ", false)][..]),
            ("", &[("Password: ", false)][..]),
        ],
    ] {
        let (error, answers) = log_in(dialog.clone());
        assert_eq!(error.message, REFUSED, "{dialog:?}");
        assert_eq!(
            error.hint.as_deref(),
            Some(
                "The host refused the password of amy (`ansible_password`, `--ask-pass`). \
                 It is not tried again in this run."
            )
        );
        assert_eq!(answers, ["correct horse"], "{dialog:?}");
    }
}

#[test]
fn refuses_another_question_and_shows_its_text() {
    for (prompt, echo, said) in [
        ("Verification code: ", false, "Verification code:"),
        (
            "One-time password (OATH) for `amy': ",
            false,
            "One-time password (OATH) for `amy':",
        ),
        ("Your name: ", true, "Your name:"),
        ("\u{7}Token\u{1b}: ", false, "?Token?:"),
    ] {
        let prompts: &'static [(&'static str, bool)] = Box::leak(Box::new([(prompt, echo)]));
        let (error, answers) = log_in(vec![("", prompts)]);
        assert_eq!(
            error.message,
            format!("amy@127.0.0.1: the host asks for something other than the password: {said}")
        );
        assert!(
            error
                .hint
                .expect("a hint")
                .contains("Use a key for this user")
        );
        assert!(answers.is_empty(), "{answers:?}");
    }
    let long: &str = Box::leak(
        "Enter the code that was sent to you: "
            .repeat(100)
            .into_boxed_str(),
    );
    let prompts: &'static [(&'static str, bool)] = Box::leak(Box::new([(long, false)]));
    let (error, answers) = log_in(vec![("", &[("Password: ", false)][..]), ("", prompts)]);
    assert!(error.message.len() < 800, "{}", error.message.len());
    assert!(error.message.ends_with(" ..."), "{}", error.message);
    assert_eq!(answers, ["correct horse"]);
}

#[test]
fn distinguishes_an_expired_password_from_a_wrong_one() {
    let (error, answers) = log_in(vec![
        ("", &[("Password: ", false)][..]),
        (
            "You are required to change your password immediately (administrator enforced).",
            &[("Current password: ", false)][..],
        ),
    ]);
    assert_eq!(
        error.message,
        "amy@127.0.0.1: the password has expired, and the host asks for a new one: You are required to change your \
         password immediately (administrator enforced).; Current password:"
    );
    assert_eq!(answers, ["correct horse"]);
}

#[test]
fn gives_up_on_a_host_that_never_stops_asking() {
    let dialog = std::iter::repeat_n(("Please wait", &[][..]), 50);
    let (error, _) = log_in(dialog.collect());
    assert_eq!(
        error.message,
        "amy@127.0.0.1: the host asked too many questions"
    );
}
