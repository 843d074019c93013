//! A network that is cut without a word: the client gives up, and the host's sshd notices nothing.

use std::time::Duration;

use crate::fleet::process::wait_until;
use crate::fleet::{Container, Delay, DelayProxy, Fleet, Image, Settings, Sshd};
use crate::ops::Ops;

/// The client notices after about three seconds; the server never does.
fn fleet(settings: &Settings) -> (Fleet, Ops) {
    let settings = settings
        .clone()
        .config("TCPKeepAlive no\nClientAliveInterval 0")
        .round_trip(Duration::from_millis(2));
    let fleet = Fleet::sshd_with(1, &settings);
    let keepalive = format!(
        "{} -o ServerAliveInterval=1 -o ServerAliveCountMax=2",
        fleet.ssh_args()
    );
    let ops = fleet.ops_with(|endpoint| {
        endpoint.var("ansible_ssh_common_args", &keepalive);
    });
    (fleet, ops)
}

/// Writes `early`, and after a while `late`.
fn playbook(host: &Sshd, slow: &str) -> String {
    let root = host.root().display().to_string();
    format!(
        r#"each(hosts("all"), |h| {{
            on_failure(|| print(`undone ${{h.undo()}}`));
            h.apply([
                files::file("{root}/a", "1\n"),
                {slow},
                files::file("{root}/b", "1\n"),
            ]);
        }});"#
    )
    .replace("ROOT", &root)
}

/// A step of a task, which the loop runs itself; a command, which has a session of its own; and one that
/// hears no TERM.
const OWN: &str = r#"task(#{
    name: "slow", probe: "test -e ROOT/early", reads: ["ROOT/early"], writes: ["ROOT/early", "ROOT/late"],
    plan: |found| if found.code != 0 { #{
        apply: "touch ROOT/early; sleep 4711; touch ROOT/late", undo: "rm -f ROOT/early ROOT/late",
    } },
})"#;
const COMMAND: &str = r#"commands::run("touch ROOT/early; sleep 4711; touch ROOT/late", #{ undo: "rm -f ROOT/early ROOT/late" })"#;
const DEAF: &str = r#"commands::run("trap '' TERM; touch ROOT/early; sleep 4711; touch ROOT/late", #{ undo: "rm -f ROOT/early ROOT/late" })"#;

fn is_undone_for_good(settings: &Settings, slow: &str, transport: Option<&str>) {
    let (fleet, ops) = fleet(settings);
    let host = &fleet.hosts()[0];
    let mut ops = ops.playbook(&playbook(host, slow));
    if let Some(transport) = transport {
        ops = ops.env("OPS_TRANSPORT", transport);
    }
    let running = ops.start();
    host.wait_for_process("sleep 4711");
    host.proxy().expect("a proxy").silence();
    let ran = running.wait().code(4).stdout_has("undone ");
    // The host had it when the connection was lost, and would have ended it by itself only much later.
    assert_eq!(host.processes_like("sleep 4711").len(), 0, "{ran}");
    // Nothing that could go on behind it is left.
    host.wait_until_idle();
    for name in ["a", "early", "late", "b"] {
        assert!(!host.root().join(name).exists(), "{name} is left: {ran}");
    }
    assert!(!ran.stdout.contains("may still be running"), "{ran}");
}

#[test]
fn what_runs_on_is_ended_before_the_undo() {
    let usual = Settings::default();
    is_undone_for_good(&usual, OWN, None);
    is_undone_for_good(&usual, COMMAND, Some("openssh"));
}

#[test]
fn what_runs_on_is_ended_in_every_shell() {
    for sh in ["bash", "busybox"] {
        for slow in [OWN, COMMAND] {
            is_undone_for_good(&Settings::default().sh(sh), slow, None);
        }
    }
    is_undone_for_good(&Settings::default(), DEAF, None);
}

/// The loop of another user is that user's to end, and comes first wherever the next request goes.
#[test]
fn what_runs_on_as_another_user_is_ended_too() {
    let Some(container) = Container::start(Image::Debian) else {
        return;
    };
    let endpoint = container.endpoint("deploy");
    let wire = Delay::round_trip(Duration::from_millis(2));
    let target = (endpoint.address, endpoint.port).into();
    let proxy = DelayProxy::start(endpoint.address, target, wire);
    let inventory = format!(
        "h1 ansible_host={} ansible_port={} ansible_user=deploy ansible_ssh_private_key_file={} ansible_ssh_common_args='-o \
         StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ServerAliveInterval=1 -o ServerAliveCountMax=2'\n",
        endpoint.address,
        proxy.address().port(),
        endpoint.key.display(),
    );
    let slow = COMMAND
        .replace("ROOT", "/root")
        .replace("4711", "9.711")
        .replace("#{ undo", "#{ become: \"root\", undo");
    let running = Ops::new()
        .inventory_named("hosts.ini", &inventory)
        .playbook(&format!(
            r#"each(hosts("all"), |h| {{
                on_failure(|| {{
                    print("as the login: " + h.run("pgrep -fc '^sleep 9[.]711' || true", #{{ reads: true }}).stdout);
                    print(`undone ${{h.undo()}}`);
                }});
                h.apply([files::file("/home/deploy/a", "1\n"), {slow}]);
            }});"#
        ))
        .start();
    wait_until(
        || container.exec("pgrep -f '^sleep 9[.]711'").status.success(),
        || "it does not start".to_owned(),
    );
    proxy.silence();
    let begun = std::time::Instant::now();
    let ran = running
        .wait()
        .code(4)
        .stdout_has("as the login: 0")
        .stdout_has("undone 2");
    wait_until(
        || begun.elapsed() > Duration::from_secs(11),
        || "time passes".to_owned(),
    );
    let left = container.look("ls /root/early /root/late /home/deploy/a 2>/dev/null || true");
    assert_eq!(left, "", "{ran}");
}
