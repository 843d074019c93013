//! Hundreds of hosts in one run, through the SSH client in this process.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::fleet::Servers;
use crate::ops::Ops;

const PLAYBOOK: &str = r#"
each(hosts("all"), |h| h.apply([
    files::directory(h.vars.root + "/dir", #{ mode: "0750" }),
    files::file(h.vars.root + "/dir/name", h.name + "\n"),
]));
"#;

fn ops(servers: &Servers) -> Ops {
    servers
        .ops_with(|endpoint| {
            let root = servers.dir().join(&endpoint.name).join("root");
            let root = root.display().to_string();
            endpoint.var("root", &root);
        })
        .env("OPS_TRANSPORT", "native")
        .limit(Duration::from_mins(5))
}

#[test]
fn two_hundred_hosts_are_changed_and_then_unchanged() {
    let servers = Servers::start(200);
    let ops = ops(&servers)
        .playbook(PLAYBOOK)
        .args(["--output", "json", "--forks", "8"]);
    for outcome in ["changed", "unchanged"] {
        let ran = ops.run().ok();
        let finished = &ran.events_of("run.finished")[0];
        assert_eq!(finished["totals"][outcome], 400, "{finished}");
        assert_eq!(
            finished["hosts"].as_object().map(serde_json::Map::len),
            Some(200)
        );
        assert_eq!(ran.events_of("host.connected").len(), 200);
        for server in servers.servers() {
            let name = fs::read_to_string(server.root().join("dir/name")).expect("the file");
            assert_eq!(name, format!("{}\n", server.name()));
        }
    }
    for server in servers.servers() {
        assert_eq!(
            server.let_in(),
            2,
            "one connection per run: {}",
            server.name()
        );
    }
}

#[test]
fn the_usual_limit_of_open_files_does_not_limit_hosts() {
    let servers = Servers::start(120);
    let ops = ops(&servers)
        .playbook(PLAYBOOK)
        .args(["--output", "json", "--forks", "8"]);
    let usual = ops.command();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", r#"ulimit -Sn 100; exec "$0" "$@""#])
        .arg(usual.get_program())
        .args(usual.get_args())
        .env_clear()
        .envs(
            usual
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(usual.get_current_dir().expect("its own directory"));
    let output = limited.output().expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for server in servers.servers() {
        assert!(server.root().join("dir/name").exists(), "{}", server.name());
    }
}

#[test]
fn hanging_hosts_do_not_delay_others() {
    let servers = Servers::start(24);
    let silent = ["h8", "h9", "h10"];
    for server in servers.servers() {
        if silent.contains(&server.name()) {
            server.fall_silent();
        }
    }
    let ran = ops(&servers)
        .file(
            "group_vars/all.yml",
            "ops_connect_timeout: 25s\nops_retry_for: 25s\n",
        )
        .playbook(PLAYBOOK)
        .args(["--output", "json", "--forks", "2"])
        .run()
        .code(4);
    // Two at a time, and three that hang: the hosts after them would have waited until two of them timed out.
    let seq = |kind: &str| -> BTreeMap<String, u64> {
        let number = |event: &Value| {
            let host = event["host"].as_str().expect("of a host").to_owned();
            (host, event["seq"].as_u64().expect("a number"))
        };
        ran.events_of(kind).iter().map(number).collect()
    };
    let (finished, unreachable) = (seq("host.finished"), seq("host.unreachable"));
    assert_eq!(unreachable.keys().collect::<Vec<_>>(), ["h10", "h8", "h9"]);
    let given_up = unreachable.values().min().expect("three of them");
    for (host, at) in &finished {
        if !silent.contains(&host.as_str()) {
            assert!(at < given_up, "{host} waited for a host that hangs");
        }
    }
    assert_eq!(finished.len(), 24);
}

#[test]
fn a_closure_that_does_not_use_its_host_contacts_nothing() {
    let servers = Servers::start(12);
    ops(&servers)
        .playbook(r#"let names = each(hosts("all"), #{ forks: 3 }, |h| h.name); log::info(`${names.len()}`);"#)
        .run()
        .ok()
        .stdout_has("12");
    for server in servers.servers() {
        assert_eq!(server.accepted(), 0, "{}", server.name());
    }
}

#[test]
fn works_on_as_many_at_a_time_as_the_playbook_says() {
    let servers = Servers::start(20);
    let ran = ops(&servers)
        .playbook(PLAYBOOK)
        .args(["--output", "json", "--forks", "3"])
        .run()
        .ok();
    let mut now = 0_i32;
    for event in ran.events() {
        match event["kind"].as_str() {
            Some("host.started") => now += 1,
            Some("host.finished") => now -= 1,
            _ => {}
        }
        assert!(now <= 3, "{event}");
    }
}
