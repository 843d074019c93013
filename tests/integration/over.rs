//! The SSH client of a test. Tests of sessions and connections are written once and run over both clients
//! ([`over_both`]); runs of `ops` use the client that `OPS_TEST_TRANSPORT` names, see [`crate::ops::Ops`].

use std::sync::Arc;
use std::time::Duration;

use ops::model::{Connection, SshClient, Via};
use ops::transport::{Choice, Connector, Transport};

use crate::fleet::{Endpoint, Fleet, Settings};

/// Creates a test for each client, `over_openssh::NAME` and `over_native::NAME`, from every listed function.
/// The function gets the client. A function that is missing in the list is dead code, which the compiler
/// reports.
macro_rules! over_both {
    ($($test:ident),+ $(,)?) => {
        mod over_openssh {
            $(#[test]
            fn $test() {
                super::$test(ops::model::SshClient::Openssh);
            })+
        }
        mod over_native {
            $(#[test]
            fn $test() {
                super::$test(ops::model::SshClient::Native);
            })+
        }
    };
}
pub(crate) use over_both;

/// Returns how to reach a host with these additional arguments of ssh.
pub(crate) fn connection(endpoint: &Endpoint, ssh_args: &str) -> Connection {
    Connection {
        port: Some(endpoint.port),
        user: Some(endpoint.user.clone()),
        key_file: Some(endpoint.key.clone()),
        ssh_args: shlex::split(ssh_args).expect("arguments with valid shell quoting"),
        ..by_name(&endpoint.address.to_string())
    }
}

/// A host of which everything but the name is in a configuration of ssh.
pub(crate) fn by_name(name: &str) -> Connection {
    Connection::new(Via::Ssh, name)
}

/// Runs a future of a test with a timeout, so that a hanging test fails and does not delay others.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let limited = async { tokio::time::timeout(Duration::from_mins(2), test).await };
    crate::session::runtime()
        .block_on(limited)
        .expect("it exits")
}

/// Returns the transport of this client to a host. Fails if another client would be used.
#[track_caller]
pub(crate) fn transport(client: SshClient, connection: Connection) -> Arc<dyn Transport> {
    let connection = Connection {
        ssh_client: client,
        ..connection
    };
    let connector = Connector::new();
    let choice = connector.choice(&connection);
    assert_eq!(
        matches!(choice, Choice::Native(_)),
        client == SshClient::Native,
        "{client:?} was requested: {choice:?}"
    );
    connector.transport(&connection)
}

/// Whether a run of `ops` as configured by the tests uses OpenSSH's client or its own, as seen by the server.
#[test]
fn runs_use_the_client_of_the_pass() {
    let fleet = Fleet::sshd_with(1, &Settings::default().config("LogLevel DEBUG1"));
    let wanted = crate::ops::transport().unwrap_or_default();
    let ops = fleet.ops();
    ops.args(["exec", "all", "--", "true"]).run().ok();
    let log = fleet.hosts()[0].log();
    let seen = log
        .lines()
        .find_map(|line| line.split_once("remote software version "))
        .unwrap_or_else(|| panic!("no client version in the log: {log}"))
        .1;
    assert_eq!(
        seen.starts_with("OpenSSH"),
        wanted == SshClient::Openssh,
        "{wanted:?} was requested, but the server saw {seen}"
    );
}

/// A name that matches no test would silently leave out a topic.
#[test]
fn the_second_pass_names_existing_topics() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = std::fs::read_to_string(root.join("scripts/test")).expect("scripts/test");
    let (_, list) = script.split_once("over_the_other=(").expect("its list");
    let (list, _) = list.split_once(')').expect("its end");
    let topics: Vec<_> = list.split_whitespace().collect();
    assert!(!topics.is_empty());
    for topic in topics {
        let path = root
            .join("tests/integration")
            .join(topic.trim_end_matches("::").replace("::", "/"));
        assert!(
            path.with_extension("rs").exists() || path.join("mod.rs").exists(),
            "unknown topic: {topic}"
        );
    }
}
