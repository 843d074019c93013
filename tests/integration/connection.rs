//! How hosts are reached, how they refuse, and how they are lost.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::fleet::process::wait_until;
use crate::fleet::{Endpoint, Fleet, Settings};
use crate::ops::Ops;

/// Creates a directory on every host, in that host's part of this machine.
const MARK: &str = r#"
    each(hosts("all"), |h| h.apply(files::directory(h.vars.root + "/mark")));
"#;

fn with_root(fleet: &Fleet, change: impl Fn(&mut Endpoint)) -> Ops {
    fleet.ops_with(|endpoint| {
        let root = fleet
            .dir()
            .join(&endpoint.name)
            .join("root")
            .display()
            .to_string();
        endpoint.var("root", &root).var("ops_retry_for", "1s");
        change(endpoint);
    })
}

fn marked(fleet: &Fleet) -> Vec<bool> {
    fleet
        .hosts()
        .iter()
        .map(|host| host.root().join("mark").is_dir())
        .collect()
}

#[test]
fn every_host_is_changed_and_a_second_run_changes_nothing() {
    let fleet = Fleet::sshd(3);
    let ops = with_root(&fleet, |_| {})
        .playbook(MARK)
        .args(["--output", "json"]);
    let first = ops.run().ok().nothing_left();
    assert_eq!(marked(&fleet), [true; 3]);
    for host in fleet.hosts() {
        assert_eq!(first.outcomes(host.name()), ["changed"]);
    }
    let second = ops.run().ok().nothing_left();
    for host in fleet.hosts() {
        assert_eq!(second.outcomes(host.name()), ["unchanged"]);
        host.wait_until_idle();
    }
}

#[test]
fn a_host_that_refuses_connections_is_unreachable_and_others_continue() {
    let fleet = Fleet::sshd(3);
    fleet.hosts()[1].vanish();
    with_root(&fleet, |_| {})
        .playbook(MARK)
        .run()
        .code(4)
        .stderr_has("h2")
        .stderr_has("refused")
        .nothing_left();
    assert_eq!(marked(&fleet), [true, false, true]);
}

#[test]
fn reports_attempts_and_reason_while_a_port_is_refused() {
    let fleet = Fleet::sshd(1);
    fleet.hosts()[0].vanish();
    let ops = with_root(&fleet, |endpoint| {
        endpoint.var("ops_retry_for", "2m");
    })
    .playbook(MARK);
    let until = |ops: &Ops, told: &str| {
        let mut running = ops.start();
        running.wait_for(told).signal(Signal::INT);
        running.wait().code(130)
    };
    let shown = until(&ops, "attempt ");
    let line = shown.stdout.lines().find(|line| line.contains("attempt "));
    let line = line.unwrap_or_else(|| panic!("no attempt is reported\n{shown}"));
    assert!(
        line.starts_with("connecting") && line.contains("h1") && line.contains("refused"),
        "{line}"
    );
    let told = until(&ops.args(["--output", "json"]), "\"attempt\":3");
    let attempts = told.events_of("host.connecting");
    assert!(attempts[0].get("reason").is_none(), "{told}");
    for (number, attempt) in (1..).zip(&attempts) {
        assert_eq!(attempt["attempt"], number, "{told}");
        let reason = attempt["reason"].as_str();
        assert!(number == 1 || reason.is_some_and(|reason| reason.contains("refused")));
    }
}

#[test]
fn a_lost_host_is_reported_in_one_line() {
    let fleet = Fleet::sshd(1);
    fleet.hosts()[0].vanish();
    let ops = with_root(&fleet, |_| {});
    let ran = ops
        .playbook(r#"each(hosts("all"), |h| h.run("true"));"#)
        .run()
        .code(4);
    assert_eq!(ran.stdout.matches("refused").count(), 1, "{ran}");
}

#[test]
fn a_command_for_no_hosts_is_an_error() {
    Ops::new()
        .args(["exec", "-i", "a,b,", "--limit", "a", "b", "--", "true"])
        .run()
        .code(2)
        .stderr_has("matches no host within `a`");
}

#[test]
fn reports_a_key_that_the_host_rejects() {
    let (fleet, other) = (Fleet::sshd(1), Fleet::sshd(0));
    with_root(&fleet, |endpoint| endpoint.key = other.key())
        .playbook(MARK)
        .run()
        .code(4)
        .stderr_has("h1")
        .stderr_has("ermission denied")
        .nothing_left();
    assert_eq!(marked(&fleet), [false]);
}

#[test]
fn refuses_an_unknown_host_key_unless_new_keys_are_accepted() {
    let fleet = Fleet::sshd(1);
    let known_hosts = fleet.dir().join("none_yet");
    let args = format!(
        "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null",
        known_hosts.display()
    );
    let ops = |host_keys: Option<&str>| {
        with_root(&fleet, |endpoint| {
            endpoint.var("ansible_ssh_common_args", &args);
            if let Some(host_keys) = host_keys {
                endpoint.var("ops_host_keys", host_keys);
            }
        })
        .playbook(MARK)
    };
    ops(None)
        .run()
        .code(4)
        .stderr_has("host key")
        .nothing_left();
    assert_eq!(marked(&fleet), [false]);

    ops(Some("accept-new")).run().ok();
    assert_eq!(marked(&fleet), [true]);
    // It is known from now on.
    ops(None).run().ok();

    // Another host answers at the address.
    let line = std::fs::read_to_string(&known_hosts).expect("the accepted key");
    let (address, _) = line.split_once(' ').expect("an address before the key");
    let (_, other) = (Fleet::sshd(1), Fleet::sshd(1));
    let other = other.hosts()[0].known_hosts_line();
    let (_, key) = other.split_once(' ').expect("an address before the key");
    std::fs::write(&known_hosts, format!("{address} {key}")).expect("known_hosts");
    for host_keys in [None, Some("accept-new")] {
        ops(host_keys)
            .run()
            .code(4)
            .stderr_has("h1")
            .stderr_has("key")
            .nothing_left();
    }
}

#[test]
fn gives_up_on_a_host_that_accepts_and_stays_silent() {
    let fleet = Fleet::sshd(1);
    let silent =
        TcpListener::bind((fleet.hosts()[0].endpoint().address, 0)).expect("a loopback address");
    let port = silent.local_addr().expect("its address").port();
    with_root(&fleet, |endpoint| {
        endpoint.port = port;
        endpoint.var("ops_connect_timeout", "1s");
    })
    .playbook(MARK)
    .run()
    .code(4)
    .stderr_has("h1")
    .nothing_left();
}

#[test]
fn a_host_lost_during_a_command_is_unreachable_not_failed() {
    let fleet = Fleet::sshd(2);
    let playbook = r#"
        each(hosts("all"), |h| {
            if h.name == "h1" { h.run("echo begun; sleep 4711"); }
            h.apply(files::directory(h.vars.root + "/mark"));
        });
    "#;
    let running = with_root(&fleet, |_| {})
        .playbook(playbook)
        .args(["--output", "json"])
        .start();
    fleet.hosts()[0].wait_for_process("sleep 4711");
    fleet.hosts()[0].vanish();
    let ran = running.wait().code(4).nothing_left();
    let lost = ran.events_of("host.unreachable");
    assert_eq!(lost.len(), 1, "{ran}");
    assert_eq!(lost[0]["host"], "h1");
    assert_eq!(marked(&fleet), [false, true]);
}

#[test]
fn gives_up_on_a_connection_that_drops_all_data() {
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(Duration::from_millis(2)));
    let keepalive = format!(
        "{} -o ServerAliveInterval=1 -o ServerAliveCountMax=1",
        fleet.ssh_args()
    );
    let running = with_root(&fleet, |endpoint| {
        endpoint.var("ansible_ssh_common_args", &keepalive);
    })
    .playbook(r#"each(hosts("all"), |h| h.run("echo begun; sleep 4711"));"#)
    .start();
    fleet.hosts()[0].wait_for_process("sleep 4711");
    fleet.hosts()[0].proxy().expect("a slow wire").swallow();
    let ran = running.wait().code(4);
    // The message of ssh, and the host, once.
    assert!(ran.stderr.contains("the connection was lost: "), "{ran}");
    assert!(ran.stderr.contains("not responding"), "{ran}");
    assert_eq!(
        ran.stdout.matches("the connection was lost").count(),
        1,
        "{ran}"
    );
    ran.nothing_left();
}

#[test]
fn the_key_of_the_command_line_overrides_the_inventory() {
    let (fleet, other) = (Fleet::sshd(1), Fleet::sshd(0));
    let ops = with_root(&fleet, |endpoint| endpoint.key = other.key()).playbook(MARK);
    ops.run().code(4);
    let ops = ops.arg("--private-key");
    ops.arg(fleet.key()).run().ok();
    assert_eq!(marked(&fleet), [true]);
    with_root(&fleet, |_| {})
        .playbook(MARK)
        .args(["--private-key", "not/there"])
        .run()
        .code(4)
        .stderr_has("The key file not/there does not exist");
}

#[test]
fn refuses_zero_forks() {
    for forks in ["0", "-1", "many"] {
        Ops::new()
            .playbook(MARK)
            .args([format!("--forks={forks}")])
            .run()
            .code(2)
            .stderr_has(&format!("invalid value '{forks}' for '--forks <N>'"))
            .stderr_has("expected a number of at least 1");
    }
}

#[test]
fn a_host_name_is_never_an_option_of_ssh() {
    let fleet = Fleet::sshd(0);
    let made = fleet.dir().join("made");
    let command = format!("touch {}", made.display());
    for line in [
        format!("'-oProxyCommand={command}'"),
        format!("h1 'ansible_host=-oProxyCommand={command}'"),
        format!("h1 ansible_host=127.0.0.1 'ansible_user=-oProxyCommand={command}'"),
    ] {
        let ran = Ops::new()
            .inventory_named("hosts.ini", &format!("{line} ops_retry_for=1s\n"))
            .playbook(r#"each(hosts("all"), |h| h.run("true"));"#)
            .run();
        assert!(matches!(ran.exit_code(), Some(2 | 4)), "{ran}");
        assert!(!made.exists(), "{line} ran a command here\n{ran}");
    }
}

#[test]
fn reaches_a_host_through_a_jump_host() {
    let fleet = Fleet::sshd(2);
    // The hosts under their names, so that the jump host has its key and port.
    let args = format!("-F {} -o ProxyJump=h1", fleet.ssh_config().display());
    let ops = with_root(&fleet, |endpoint| {
        if endpoint.name == "h2" {
            endpoint.var("ansible_ssh_common_args", &args);
        }
    })
    .playbook(MARK)
    .args(["--limit", "h2"]);
    ops.run().ok().nothing_left();
    assert_eq!(marked(&fleet), [false, true]);
    fleet.hosts()[0].vanish();
    ops.run().code(4).stderr_has("h2").nothing_left();
}

/// An agent with one key. Dropping it stops it.
struct Agent(Child);

impl Agent {
    fn start(socket: &std::path::Path, key: &std::path::Path) -> Self {
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent is installed");
        let agent = Self(child);
        // The socket file exists a moment before the agent listens.
        let listens = || UnixStream::connect(socket).is_ok();
        wait_until(listens, || "the agent does not listen".to_owned());
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", socket)
            .status()
            .expect("ssh-add is installed");
        assert!(added.success(), "the agent did not accept the key");
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn logs_in_with_a_key_that_only_the_agent_has() {
    let fleet = Fleet::sshd(1);
    let socket = fleet.dir().join("agent");
    let _agent = Agent::start(&socket, &fleet.key());
    let ops = with_root(&fleet, |endpoint| endpoint.key = "/nowhere/id".into()).playbook(MARK);
    ops.run().code(4).stderr_has("/nowhere/id does not exist");
    ops.env("SSH_AUTH_SOCK", &socket).run().ok().nothing_left();
    assert_eq!(marked(&fleet), [true]);
}

#[test]
fn a_timeout_around_a_command_is_not_an_interruption() {
    let fleet = Fleet::sshd(1);
    with_root(&fleet, |_| {})
        .playbook(r#"each(hosts("all"), |h| timeout("1s", || h.run("sleep 4711")));"#)
        .run()
        .code(3)
        .stdout_has("stopped by a `timeout`")
        .stderr_has("run sleep 4711: took longer than 1s")
        .nowhere("interrupted")
        .nothing_left()
        .fails_in_one_line();
}

#[test]
fn a_caught_timeout_does_not_explain_another_failure() {
    let fleet = Fleet::sshd(1);
    let playbook = r#"
        each(hosts("all"), |h| {
            try { timeout("1s", || h.run("sleep 4711")); } catch {}
            timeout("1s", || { loop { h.facts; } });
        });
    "#;
    let ran = with_root(&fleet, |_| {}).playbook(playbook).run().code(3);
    assert!(!ran.stderr.contains("sleep 4711:"), "{ran}");
    assert!(ran.stderr.contains("error: took longer than 1s"), "{ran}");
}
