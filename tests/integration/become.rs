//! Other users, login shells, and machines that are not a plain Debian, in containers.

use std::path::{Path, PathBuf};

use crate::fleet::{Container, Image, PASSWORD};
use crate::terminal::Terminal;

/// Prints the user, of the login and after becoming root.
const WHO: &str = r#"
    each(hosts("all"), |h| {
        log::info(`${h.name} is ${h.run("id -un").stdout}`);
        log::info(`${h.name} becomes ${h.become("root").run("id -un").stdout}`);
        h.become("root").apply(files::directory("/srv/of-" + h.name, #{ mode: "0700" }));
    });
"#;

#[test]
fn every_login_shell_gives_the_same_result() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let users = ["deploy", "dashy", "ashy", "fishy", "tcshy", "zshy"];
    let ran = host
        .ops(&users)
        .playbook(WHO)
        .args(["--output", "json"])
        .run()
        .ok();
    let logged: Vec<_> = ran
        .events_of("log")
        .iter()
        .map(|event| event["message"].to_string())
        .collect();
    let logged = logged.join("\n");
    for user in users {
        assert!(logged.contains(&format!("{user} is {user}")), "{ran}");
        assert!(logged.contains(&format!("{user} becomes root")), "{ran}");
        assert_eq!(
            host.look(&format!("stat -c %a:%U /srv/of-{user}")),
            "700:root\n"
        );
    }
    ran.nothing_left();
}

#[test]
fn sudo_gets_a_password_in_any_locale() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let ops = host.ops(&["asks"]).playbook(WHO).arg("-K");
    let mut terminal = Terminal::start(&ops, 100, 30);
    terminal
        .wait_for("assword")
        .type_in_secret(PASSWORD)
        .type_in("\n");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert_eq!(host.look("stat -c %U /srv/of-asks"), "root\n");
}

/// The password comes from the inventory and is not visible anywhere: not on the host while it is used, not
/// in the output, and not in the journal.
#[test]
fn a_playbook_becomes_another_user_and_the_password_stays_secret() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            let root = h.become("root");
            root.apply(files::directory("/srv/by-" + h.name, #{ mode: "0700" }));
            root.run(`echo ${h.name} holds; until test -e /srv/go-on; do sleep 0.1; done`);
        });
    "#;
    let ops = host
        .ops(&["deploy", "asks"])
        .file(
            "host_vars/asks.yml",
            format!("ansible_become_password: {PASSWORD}\n"),
        )
        .playbook(playbook)
        .args(["-vv", "--output", "plain"]);
    let mut running = ops.start();
    running.wait_for("| deploy holds").wait_for("| asks holds");
    let seen = host.look("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'");
    assert!(seen.contains("sudo"), "{seen}");
    assert!(!seen.contains(PASSWORD), "{seen}");
    host.look("touch /srv/go-on");
    running.wait().ok().nowhere(PASSWORD).nothing_left();
    for user in ["deploy", "asks"] {
        assert_eq!(
            host.look(&format!("stat -c %a:%U /srv/by-{user}")),
            "700:root\n"
        );
    }
    let kept = files_below(&ops.state());
    assert!(!kept.is_empty());
    for path in kept {
        let bytes = std::fs::read(&path).expect("a kept file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD), "{}: {text}", path.display());
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn reports_a_wrong_password() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let ops = host.ops(&["asks"]).playbook(WHO).arg("-K");
    let mut terminal = Terminal::start(&ops, 100, 30);
    terminal.wait_for("assword").type_in_secret("not it\n");
    let (code, shown) = terminal.wait();
    assert!(matches!(code, 3 | 4), "{code}\n{shown}");
    assert!(shown.contains("password"), "{shown}");
    assert!(!shown.contains("not it"), "{shown}");
}

#[test]
fn reports_a_sudo_that_needs_a_terminal_or_is_denied() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    host.ops(&["needstty"])
        .playbook(WHO)
        .run()
        .code(3)
        .stderr_has("needstty")
        .stderr_has("requiretty")
        .nothing_left();
    host.ops(&["plain"])
        .playbook(WHO)
        .run()
        .code(3)
        .stderr_has("plain")
        .stderr_has("password")
        .nothing_left();
}

#[test]
fn manages_a_machine_with_only_busybox() {
    let Some(host) = Container::shared(Image::Busybox) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            h.become("root").apply([
                files::directory("/srv/app", #{ mode: "0750", owner: "deploy" }),
                files::file("/srv/app/config", "key = 'value'\n", #{ mode: "0640", owner: "deploy", group: "plain" }),
                files::line("/srv/app/lines", "one"),
                files::link("/srv/app/link", "config"),
                commands::run("touch /srv/app/done", #{ creates: "/srv/app/done" }),
            ]);
        });
    "#;
    let ops = host
        .ops(&["deploy"])
        .playbook(playbook)
        .args(["--output", "json"]);
    assert_eq!(ops.run().ok().outcomes("deploy"), vec!["changed"; 5]);
    assert_eq!(
        host.look("cd /srv/app; stat -c %a:%U:%G . config; cat link lines"),
        "750:deploy:root\n640:deploy:plain\nkey = 'value'\none\n"
    );
    assert_eq!(ops.run().ok().outcomes("deploy"), vec!["unchanged"; 5]);
}

#[test]
fn reaches_a_container_through_docker() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            h.apply(files::file("/srv/through-docker", "content\n", #{ mode: "0640" }));
            h.become("deploy").apply(files::file("/home/deploy/through-docker", "mine\n"));
        });
    "#;
    let ops = host
        .ops_through_docker()
        .playbook(playbook)
        .args(["--output", "json"]);
    let ran = ops.run().ok().nothing_left();
    assert_eq!(ran.outcomes("container"), ["changed", "changed"]);
    assert_eq!(
        host.look("stat -c %a:%U /srv/through-docker /home/deploy/through-docker"),
        "640:root\n644:deploy\n"
    );
    let ran = ops.run().ok();
    assert_eq!(ran.outcomes("container"), ["unchanged", "unchanged"]);
}
