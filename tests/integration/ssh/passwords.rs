//! Logging in with a password: on real accounts, with the client of this process.

use std::path::Path;

use super::accounts::accounts;
use crate::fleet::{Container, PASSWORD};
use crate::ops::Ops;
use crate::terminal::Terminal;

const WHO: &str = r#"each(hosts("all"), |h| log::info("I am " + h.run("id -un").stdout));"#;

/// A run with the client that `auto` selects.
fn ops(container: &Container, users: &[&str]) -> Ops {
    container
        .ops(users)
        .playbook(WHO)
        .args(["--transport", "auto"])
}

/// Returns how often the host refused the password of a user.
fn refused(container: &Container, user: &str) -> usize {
    let log = container.look("journalctl --no-pager -o cat -u ssh");
    log.lines()
        .filter(|line| {
            line.contains("authentication failure") && line.ends_with(&format!(" user={user}"))
        })
        .count()
}

#[test]
fn logs_in_with_a_password_of_the_inventory_by_either_method() {
    let Some(container) = accounts() else { return };
    for name in ["ansible_password", "ansible_ssh_pass"] {
        ops(container, &["pw", "kbd", "both"])
            .file("group_vars/all.yml", format!("{name}: {PASSWORD}\n"))
            .arg("-vv")
            .run()
            .ok()
            .stdout_has("I am pw")
            .stdout_has("I am kbd")
            .stdout_has("I am both")
            .nowhere(PASSWORD)
            .nothing_left();
    }
}

#[test]
fn asks_for_a_password_once_and_keeps_it_secret() {
    let Some(container) = accounts() else { return };
    let playbook = r#"each(hosts("all"), |h| {
        h.run("echo holds; until test -e /tmp/go-on-" + h.name + "; do sleep 0.1; done");
    });"#;
    let ops = ops(container, &["pw", "kbd"]).playbook(playbook).args([
        "--ask-pass",
        "-vvv",
        "--output",
        "plain",
    ]);
    let mut terminal = Terminal::start(&ops, 100, 30);
    terminal
        .wait_for("login password")
        .type_in_secret(PASSWORD)
        .type_in("\n");
    terminal.wait_for("pw   | holds").wait_for("kbd  | holds");
    let seen = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    let here = std::process::Command::new("sh").args(["-c", seen]).output();
    let here = String::from_utf8_lossy(&here.expect("sh").stdout).into_owned();
    let there = container.look(&format!("{seen}; true"));
    for seen in [here, there] {
        assert!(seen.contains("sh"), "{seen}");
        assert!(!seen.contains(PASSWORD));
    }
    container.look("touch /tmp/go-on-pw /tmp/go-on-kbd");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(
        shown.matches("login password: [hidden]").count(),
        1,
        "{shown}"
    );
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(!holds(&ops.state(), PASSWORD));
}

/// Whether a file below contains the text.
fn holds(dir: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(dir).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .any(|path| {
            if path.is_dir() {
                holds(&path, text)
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                String::from_utf8_lossy(&bytes).contains(text)
            }
        })
}

#[test]
fn a_question_needs_a_terminal() {
    let Some(container) = accounts() else { return };
    ops(container, &["pw"])
        .arg("--ask-pass")
        .run()
        .code(2)
        .stderr_has("there is no terminal to ask for the password of --ask-pass at")
        .stderr_has("Set `ansible_password`");
}

/// Even with repeated attempts under several names, no account is locked.
#[test]
fn tries_a_wrong_password_once_per_host_and_user() {
    let Some(container) = accounts() else { return };
    for user in ["pw", "kbd", "both"] {
        let before = refused(container, user);
        let inventory = |name: &str| {
            let endpoint = container.endpoint(user);
            format!(
                "{name} ansible_host={} ansible_port={} ansible_user={user} ansible_password=wrong-one \
                 ansible_ssh_common_args='{}'\n",
                endpoint.address,
                endpoint.port,
                container.ssh_args()
            )
        };
        let names: String = ["a", "b", "c"].map(inventory).concat();
        Ops::new()
            .inventory_named("hosts.ini", &names)
            .playbook(
                r#"each(hosts("all"), |h| retry(#{ times: 3, delay: "10ms" }, || h.run("id")));"#,
            )
            .args(["--transport", "auto"])
            .run()
            .code(4)
            .stderr_has("Permission denied (")
            .stderr_has(&format!("The host refused the password of {user}"))
            .stderr_has("It is not tried again in this run.")
            .nowhere("wrong-one");
        assert_eq!(refused(container, user) - before, 1, "{user}");
    }
}

#[test]
fn names_an_expired_password() {
    let Some(container) = accounts() else { return };
    ops(container, &["pwexpired"])
        .file(
            "group_vars/all.yml",
            format!("ansible_password: {PASSWORD}\n"),
        )
        .run()
        .code(4)
        .stderr_has("the password has expired, and the host asks for a new one: ")
        .stderr_has("Log in with `ssh` once and change it, or have root reset it.")
        .nowhere(PASSWORD);
}

/// `ssh` is told not to ask, and no password is stored where others can see it.
#[test]
fn a_password_cannot_be_used_with_ssh() {
    let Some(container) = accounts() else { return };
    let run = |ops: Ops| {
        ops.file(
            "group_vars/all.yml",
            format!("ansible_password: {PASSWORD}\n"),
        )
        .run()
        .code(4)
        .stderr_has("Change that for this host, or log in with a key and remove the password")
    };
    run(container
        .ops(&["pw"])
        .playbook(WHO)
        .args(["--transport", "openssh"]))
    .stderr_has(
        "only the native transport logs in with a password, and this host needs ssh: `ops_transport` is `openssh`",
    );
    run(ops(container, &["pw"]).file(
        "host_vars/pw.yml",
        "ansible_ssh_extra_args: -o 'ProxyCommand=nc %h %p'\n",
    ))
    .stderr_has("this host needs ssh: `ProxyCommand` is set, ssh_args");
}
