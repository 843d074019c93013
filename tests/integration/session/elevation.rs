//! Becoming other users with a real sudo, in containers.

use std::time::Duration;

use ops::model::{Connection, Elevation, HostKeys, SshClient, Via};
use ops::shell::{SessionError, SessionOptions};
use ops::transport::{OpensshTransport, Transport};

use super::{command, runtime};
use crate::fleet::{Container, Image, PASSWORD};

fn connection(container: &Container, user: &str) -> Connection {
    let endpoint = container.endpoint(user);
    Connection {
        via: Via::Ssh,
        address: endpoint.address.to_string(),
        port: Some(endpoint.port),
        user: Some(endpoint.user.clone()),
        key_file: Some(endpoint.key.clone()),
        ssh_args: shlex::split(&container.ssh_args()).unwrap(),
        host_keys: HostKeys::Strict,
        ssh_client: SshClient::default(),
        elevation: None,
        become_password: None,
        connect_timeout: Duration::from_secs(10),
        retry_for: Duration::from_secs(20),
        state_dir: None,
    }
}

fn options(user: &str, password: Option<&str>) -> SessionOptions {
    let elevation = Elevation {
        user: user.into(),
        method: "sudo".into(),
        password: password.map(str::to_owned),
    };
    SessionOptions {
        elevation: Some(elevation),
        ..SessionOptions::default()
    }
}

#[test]
fn another_user_is_become() {
    let Some(container) = Container::shared(Image::Debian) else {
        return;
    };
    runtime().block_on(async {
        for (login, password) in [
            ("deploy", None),
            ("asks", Some(PASSWORD)),
            ("fishy", None),
            ("tcshy", None),
        ] {
            let transport = OpensshTransport::new(connection(container, login));
            for (user, uid) in [("root", Some(0)), ("deploy", None)] {
                let session = transport.session(options(user, password)).await.unwrap();
                let facts = session.facts().await.unwrap();
                assert_eq!(facts.user, user, "{login}");
                assert!(uid.is_none_or(|uid| uid == facts.uid));
                let (_, out, err) = command(&session, "id -un; echo ${LC_ALL-none}").await;
                assert_eq!(out.lines().next(), Some(user), "{login}: {err}");
                assert_ne!(out.lines().last(), Some("C"), "{login}");
                session.close().await;
            }
            transport.close().await;
        }
    });
}

#[test]
fn a_refusal_is_named() {
    let Some(container) = Container::shared(Image::Debian) else {
        return;
    };
    runtime().block_on(async {
        for (login, user, password, word) in [
            ("asks", "root", None, "password"),
            ("asks", "root", Some("wrong"), "password"),
            ("needstty", "root", None, "requiretty"),
            ("plain", "root", None, "password"),
            ("deploy", "nobody-has-this-name", None, "does not exist"),
            ("deploy", "-x", None, "name of a user"),
        ] {
            let transport = OpensshTransport::new(connection(container, login));
            let session = transport.session(options(user, password)).await.unwrap();
            let error = session.facts().await.unwrap_err();
            let said = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(
                matches!(error, SessionError::Elevation { .. }),
                "{login}: {error:?}"
            );
            assert!(!error.is_retryable());
            assert!(said.contains(word), "{login}: {said}");
        }
    });
}

#[test]
fn a_host_of_busybox_has_facts() {
    let Some(container) = Container::shared(Image::Busybox) else {
        return;
    };
    runtime().block_on(async {
        let transport = OpensshTransport::new(connection(container, "root"));
        let session = transport.session(SessionOptions::default()).await.unwrap();
        let facts = session.facts().await.unwrap();
        assert_eq!((facts.uid, facts.kernel.as_str()), (0, "Linux"));
        assert!(!facts.addresses.is_empty(), "{facts:?}");
        assert_eq!(command(&session, "echo hi; exit 3").await.1, "hi\n");
        session.close().await;
    });
}
