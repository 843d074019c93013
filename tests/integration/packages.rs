//! Packages, services and users on a machine that has them: systemd and apt in a container.

use crate::fleet::{Container, Image};

#[test]
fn installs_a_list_of_packages_at_once_in_the_requested_versions() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let run = |tasks: &str| {
        let playbook =
            format!("each(hosts(\"all\"), |h| {{ h.become(\"root\").apply([{tasks}]); }});");
        host.ops(&["deploy"])
            .playbook(&playbook)
            .args(["--output", "json"])
            .run()
    };
    let install = r#"packages::installed(["ops-hello=1.0", "ops-world"])"#;
    assert_eq!(run(install).ok().outcomes("deploy"), ["changed"]);
    assert_eq!(
        host.look("dpkg-query -W -f '${Package} ${Version}\n' ops-hello ops-world"),
        "ops-hello 1.0\nops-world 1.0\n"
    );
    assert_eq!(run(install).ok().outcomes("deploy"), ["unchanged"]);
    let remove = r#"packages::absent("ops-world")"#;
    assert_eq!(run(remove).ok().outcomes("deploy"), ["changed"]);
    assert_eq!(run(remove).ok().outcomes("deploy"), ["unchanged"]);
    run(r#"packages::installed("ops-nowhere")"#)
        .code(3)
        .nothing_left();
    let broken = run(r#"packages::installed("ops-broken")"#).code(3);
    assert!(broken.stdout.contains("cannot be configured"), "{broken}");
}

#[test]
fn a_service_runs_and_restarts_when_its_files_have_changed() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let run = |content: &str| {
        let playbook = format!(
            r#"each(hosts("all"), |h| {{
                h.become("root").apply([
                    files::file("/etc/idle.conf", "{content}\n"),
                    services::enabled("idle"),
                    services::running("idle", #{{ restart_on: ["/etc/idle.conf"] }}),
                ]);
            }});"#
        );
        host.ops(&["deploy"])
            .playbook(&playbook)
            .args(["--output", "json"])
            .run()
    };
    let id = || host.look("systemctl show -P MainPID idle");
    assert_eq!(run("one").ok().outcomes("deploy"), vec!["changed"; 3]);
    assert_eq!(
        host.look("systemctl is-active idle; systemctl is-enabled idle"),
        "active\nenabled\n"
    );
    let first = id();
    assert_eq!(run("one").ok().outcomes("deploy"), vec!["unchanged"; 3]);
    assert_eq!(id(), first);
    assert_eq!(
        run("two").ok().outcomes("deploy"),
        ["changed", "unchanged", "changed"]
    );
    assert_ne!(id(), first);
    assert_eq!(run("two").ok().outcomes("deploy"), vec!["unchanged"; 3]);
}

#[test]
fn a_service_that_does_not_start_fails_with_its_output() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    host.ops(&["deploy"])
        .playbook(
            r#"each(hosts("all"), |h| { h.become("root").apply(services::running("broken")); });"#,
        )
        .run()
        .code(3)
        .stderr_has("broken")
        .nothing_left();
}

#[test]
fn creates_and_removes_users() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let run = |task: &str| {
        let playbook =
            format!("each(hosts(\"all\"), |h| {{ h.become(\"root\").apply({task}); }});");
        host.ops(&["deploy"])
            .playbook(&playbook)
            .args(["--output", "json"])
            .run()
            .ok()
            .outcomes("deploy")
    };
    let present = r#"users::present("newcomer", #{ shell: "/bin/sh", groups: ["games"] })"#;
    assert_eq!(run(present), ["changed"]);
    assert_eq!(
        host.look("getent passwd newcomer | cut -d: -f1,7; id -Gn newcomer"),
        "newcomer:/bin/sh\nnewcomer games\n"
    );
    assert_eq!(run(present), ["unchanged"]);
    assert_eq!(run(r#"users::absent("newcomer")"#), ["changed"]);
    assert_eq!(run(r#"users::absent("newcomer")"#), ["unchanged"]);
}
