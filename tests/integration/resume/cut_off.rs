//! Hosts that are cut off in the middle of a step: they go on by themselves, and their own records settle what they did.

use std::time::Duration;

use crate::fleet::process::wait_until;
use crate::fleet::{Fleet, Settings, Sshd};

/// The command lasts until there is a file `go`, and exits with the code in it.
const PLAYBOOK: &str = r#"each(hosts("all"), |h| {
    let root = h.vars.root;
    let done = h.apply(files::file(root + "/conf", "one\n"));
    h.run(`echo began >>${root}/log; until [ -e ${root}/go ]; do sleep 0.05; done; echo ended >>${root}/log; exit $(cat ${root}/go)`);
    if done.changed { h.run(`echo migrated >>${root}/log`); }
    h.run(`echo last >>${root}/log`);
});"#;

fn log(host: &Sshd) -> Vec<String> {
    let text = std::fs::read_to_string(host.root().join("log")).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

fn go(host: &Sshd, code: &str) {
    let file = host.root().join("go");
    std::fs::write(file.with_extension("new"), code).expect("it is written");
    std::fs::rename(file.with_extension("new"), file).expect("it is renamed");
}

/// What the host has recorded of commands that ended.
fn ended(host: &Sshd) -> usize {
    let records = std::fs::read_dir(host.state().join("runs")).expect("records");
    let text = |record: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(record.expect("a record").path()).expect("a text")
    };
    records
        .map(text)
        .map(|text| text.matches("ended ").count())
        .sum()
}

#[test]
fn two_of_six_hosts_that_are_cut_off_in_a_step_are_settled_by_their_records() {
    // The client notices after about three seconds; the server never does.
    let settings = Settings::default()
        .config("TCPKeepAlive no\nClientAliveInterval 0")
        .round_trip(Duration::from_millis(2));
    let fleet = Fleet::sshd_with(6, &settings);
    let args = format!(
        "{} -o ServerAliveInterval=1 -o ServerAliveCountMax=2",
        fleet.ssh_args()
    );
    let root = |name: &str| {
        let host = fleet.hosts().iter().find(|host| host.name() == name);
        host.expect("a host").root().display().to_string()
    };
    let ops = fleet
        .ops_with(|endpoint| {
            let root = root(&endpoint.name);
            endpoint
                .var("root", &root)
                .var("ansible_ssh_common_args", &args);
        })
        .playbook(PLAYBOOK);
    // The command of one host succeeds after it was cut off, and that of the other fails.
    let [succeeds, fails] = [&fleet.hosts()[1], &fleet.hosts()[4]];
    let is_cut = |host: &&Sshd| [succeeds.name(), fails.name()].contains(&host.name());
    for host in fleet.hosts().iter().filter(|host| !is_cut(host)) {
        go(host, "0");
    }
    let running = ops.start();
    for host in [succeeds, fails] {
        wait_until(|| log(host) == ["began"], || "it does not begin".to_owned());
        host.proxy().expect("a proxy").silence();
    }
    let ran = running.wait().code(4);
    for (host, code) in [(succeeds, "0"), (fails, "7")] {
        go(host, code);
        wait_until(|| ended(host) > 0, || format!("{:?}: {ran}", log(host)));
    }
    go(fails, "0");
    let resumed = ops
        .again(["resume", "--in-doubt", "stop", "--output", "json"])
        .run()
        .ok();
    for host in fleet.hosts() {
        let expected: &[&str] = if host.name() == fails.name() {
            &["began", "ended", "began", "ended", "migrated", "last"]
        } else {
            &["began", "ended", "migrated", "last"]
        };
        assert_eq!(log(host), expected, "{}: {resumed}", host.name());
    }
}
