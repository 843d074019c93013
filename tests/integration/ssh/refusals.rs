//! A login or a sudo that does not start a shell: its output is shown, and it is known which of the two
//! printed it.

use std::time::Duration;

use super::accounts::accounts;
use crate::fleet::PASSWORD;
use crate::ops::Ops;
use crate::terminal::Terminal;

const WHO: &str = r#"each(hosts("all"), |h| log::info(h.run("id -un").stdout));"#;

fn ops(user: &str) -> Option<Ops> {
    Some(accounts()?.ops(&[user]).playbook(WHO).arg("-b"))
}

/// Output before sudo starts belongs to the login, so the host is unreachable.
#[test]
fn a_login_without_a_shell_is_unreachable_even_with_become() {
    for (user, said, hint) in [
        (
            "nolog",
            "This account is currently not available.",
            "log in as another user with `ansible_user` or `-u`",
        ),
        ("rbashy", "restricted", "The login shell is restricted"),
        (
            "stale",
            "Password change required but no TTY available.",
            "The password of this user has expired",
        ),
    ] {
        let Some(ops) = ops(user) else { return };
        ops.run()
            .code(4)
            .stderr_has(said)
            .stderr_has(hint)
            .nowhere("failed to become")
            .nothing_left();
    }
}

#[test]
fn a_login_without_a_shell_in_time_is_unreachable_and_its_output_is_shown() {
    for (user, said) in [
        (
            "menu",
            "the login did not start a shell within 3 s; it printed: 1) status; 2) logs; Your choice?",
        ),
        (
            "mute",
            "the login did not start a shell within 3 s; it printed nothing",
        ),
    ] {
        for elevate in [false, true] {
            let Some(container) = accounts() else { return };
            let mut ops = container
                .ops(&[user])
                .file("group_vars/all.yml", "ops_connect_timeout: 1\n")
                .playbook(WHO)
                .limit(Duration::from_secs(30));
            if elevate {
                ops = ops.arg("-b");
            }
            ops.run()
                .code(4)
                .stderr_has(said)
                .stderr_has("raise `ops_connect_timeout`");
        }
    }
}

#[test]
fn names_a_sudo_that_times_out() {
    let Some(ops) = ops("slow") else { return };
    ops.file("group_vars/all.yml", "ops_connect_timeout: 1\n")
        .run()
        .code(3)
        .stderr_has("sudo did not start a shell as root within 3 s; it printed: Touch your key.")
        .stderr_has("raise `ops_connect_timeout`");
}

#[test]
fn explains_sudoers_that_allow_too_little() {
    for (user, hint) in [
        (
            "onlydeploy",
            "`sudo -l` on the host lists what is allowed: ops needs `sh`.",
        ),
        (
            "onlycmd",
            "Or sudoers lets this user run other commands only, or none as root.",
        ),
        ("plain", "`sudo -l`"),
    ] {
        let Some(ops) = ops(user) else { return };
        ops.run()
            .code(3)
            .stderr_has("failed to become root: sudo: a password is required")
            .stderr_has(hint);
    }
    let Some(container) = accounts() else { return };
    container
        .ops(&["onlydeploy"])
        .playbook(WHO)
        .file("group_vars/all.yml", "ansible_become_user: deploy\n")
        .arg("-b")
        .run()
        .ok()
        .stdout_has("deploy");
}

/// sudo logs what it refused, and a tool that counts such lines locks the user out.
#[test]
fn tries_a_wrong_password_once_per_run() {
    let Some(container) = accounts() else { return };
    let attempts = || {
        let log = container.look("journalctl --no-pager -o cat _COMM=sudo");
        log.lines()
            .filter(|line| line.contains("typo : ") && line.contains("incorrect password"))
            .count()
    };
    let ops = container
        .ops(&["typo"])
        .playbook(
            r#"each(hosts("all"), |h| {
                retry(#{ times: 4, delay: "10ms" }, || h.become("root").run("id -un"));
            });"#,
        )
        .arg("-K");
    let mut terminal = Terminal::start(&ops, 100, 30);
    terminal.wait_for("assword").type_in_secret("not it\n");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 3, "{shown}");
    assert!(
        shown.contains("It is not tried again in this run"),
        "{shown}"
    );
    assert_eq!(attempts(), 1);
    // Several users are become at the same time.
    let ops = container
        .ops(&["typo"])
        .file("host_vars/typo.yml", "ansible_become_password: wrong\n")
        .playbook(
            r#"each(hosts("all"), |h| h.apply([
                files::file("/tmp/typo-a", "a\n", #{ become: "root" }),
                files::file("/tmp/typo-b", "b\n", #{ become: "deploy" }),
            ]));"#,
        );
    ops.run()
        .code(3)
        .stderr_has("sudo did not accept the password");
    assert_eq!(attempts(), 2);
    let ops = container
        .ops(&["typo"])
        .file(
            "host_vars/typo.yml",
            format!("ansible_become_password: {PASSWORD}\n"),
        )
        .playbook(
            r#"each(hosts("all"), |h| h.apply([
                files::file("/tmp/typo-a", "a\n", #{ become: "root" }),
                files::file("/tmp/typo-b", "b\n", #{ become: "deploy" }),
            ]));"#,
        );
    ops.run().ok();
    assert_eq!(attempts(), 2);
}
