//! Becoming other users with a real sudo, in containers.

use std::sync::Arc;

use ops::model::{Elevation, SshClient};
use ops::shell::{SessionError, SessionOptions};
use ops::transport::Transport;

use super::{command, runtime};
use crate::fleet::{Container, Image, PASSWORD};
use crate::over::{self, over_both};

over_both!(
    becomes_another_user,
    names_a_refusal,
    reads_facts_on_a_busybox_host,
);

fn over(client: SshClient, container: &Container, user: &str) -> Arc<dyn Transport> {
    let connection = over::connection(&container.endpoint(user), &container.ssh_args());
    over::transport(client, connection)
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

fn becomes_another_user(client: SshClient) {
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
            let transport = over(client, container, login);
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

fn names_a_refusal(client: SshClient) {
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
            ("deploy", "-x", None, "invalid user name"),
        ] {
            let transport = over(client, container, login);
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

fn reads_facts_on_a_busybox_host(client: SshClient) {
    let Some(container) = Container::shared(Image::Busybox) else {
        return;
    };
    runtime().block_on(async {
        let transport = over(client, container, "root");
        let session = transport.session(SessionOptions::default()).await.unwrap();
        let facts = session.facts().await.unwrap();
        assert_eq!((facts.uid, facts.kernel.as_str()), (0, "Linux"));
        assert_eq!(command(&session, "echo hi; exit 3").await.1, "hi\n");
        session.close().await;
    });
}
