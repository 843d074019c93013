//! `std/requirements`: programs that are missing or too old, reported together.

use std::os::unix::fs::PermissionsExt;

use crate::fleet::Fleet;
use crate::ops::Ops;

fn playbook(ops: Ops, body: &str) -> Ops {
    ops.playbook(&format!(
        "import \"std/requirements\" as requirements;\n{body}"
    ))
}

/// A program on a host that prints this version.
fn program(fleet: &Fleet, host: usize, name: &str, says: &str) {
    let path = fleet.hosts()[host].root().join(name);
    std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn reports_everything_missing_with_the_hosts_and_a_hint() {
    let fleet = Fleet::sshd(3);
    let body = |needs: &str| {
        format!(
            r#"
            requirements::hosts(hosts("all"), #{{ sh: "*", "no-such-thing": #{{ apt: "thing" }}, sed: ">=1, <99", tar: #{{ version: ">=99", hint: "build it" }} {needs} }});
            each(hosts("all"), |h| h.run("touch /tmp/never"));
            "#
        )
    };
    for check in [false, true] {
        let mut ops = playbook(fleet.ops(), &body(""));
        if check {
            ops = ops.arg("--check");
        }
        let ran = ops.run().code(3);
        let ran = ran
            .stderr_has("requirements of this playbook are not met:")
            .stderr_has("h1, h2, h3: no-such-thing is missing (apt-get install thing)")
            .stderr_has("and >=99 is needed (build it)");
        assert!(!ran.stderr.contains("sed"), "{ran}");
        assert!(!ran.stdout.contains("touch"), "{ran}");
    }
}

#[test]
fn reads_versions_from_the_output_of_programs() {
    let fleet = Fleet::sshd(1);
    for (at, (says, version)) in [
        ("git version 2.39.5", "2.39.5"),
        ("OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.13", "9.2"),
        ("nginx version: nginx/1.22.1", "1.22.1"),
        (
            "This is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64",
            "5.36.0",
        ),
        (
            "bzip2, a block-sorting file compressor.  Version 1.0.8, 13-Jul-2019.",
            "1.0.8",
        ),
        ("sha256sum (GNU coreutils) 9.1", "9.1"),
        ("openjdk version \"17.0.9\" 2023-10-17", "17.0.9"),
        ("jq-1.6", "1.6"),
        ("Redis server v=7.0.15 sha=00000000:0", "7.0.15"),
        ("less 590 (GNU regular expressions)", "590"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("program {at}");
        program(&fleet, 0, &name, says);
        let path = fleet.hosts()[0].root().join(&name);
        let body = format!(
            r#"print(requirements::missing(hosts("h1")[0], #{{ "{}": "==0.0.1" }}));"#,
            path.display()
        );
        let ran = playbook(fleet.ops(), &body).run().ok();
        assert!(
            ran.stdout
                .contains(&format!("is {version}, and ==0.0.1 is needed")),
            "{says}: {ran}"
        );
    }
}

#[test]
fn checks_the_controller_too() {
    let body = r#"requirements::controller(#{ ops: ">=0.1", sh: "*", sed: #{ version: ">=0.1" } }); print("all there");"#;
    playbook(Ops::new().inventory(""), body)
        .run()
        .ok()
        .stdout_has("all there");
    let body = r#"requirements::controller(#{ ops: ">=99", "no-such-thing": "*" });"#;
    playbook(Ops::new().inventory(""), body)
        .run()
        .code(3)
        .stderr_has("controller: no-such-thing is missing")
        .stderr_has("and >=99 is needed");
}

#[test]
fn a_wrong_requirement_is_an_error_before_a_host_is_contacted() {
    let fleet = Fleet::sshd(1);
    for (needs, reason) in [
        (r#"#{ git: "2.30" }"#, "write `>=2.30`"),
        (r#"#{ git: ">=new" }"#, "invalid version: new"),
        (r#"#{ "a/b": "*" }"#, "invalid name of a program: `a/b`"),
        (r#"#{ git: #{ verison: "*" } }"#, "Did you mean `version`?"),
    ] {
        let ran = playbook(
            fleet.ops(),
            &format!("requirements::hosts(hosts(\"all\"), {needs});"),
        )
        .run();
        let ran = ran.code(3).stderr_has(reason);
        assert!(!ran.stdout.contains("h1"), "{ran}");
    }
}

/// The controller is checked, and not changed.
#[test]
fn the_controller_is_read_only() {
    let run = |body: &str| Ops::new().inventory("").playbook(body).run();
    run(r#"let c = controller(); print(`${c.run("echo here", #{ reads: true }).stdout} ${c.facts.kernel}`);"#)
        .ok()
        .stdout_has("here Linux");
    for body in [
        r#"controller().run("touch x");"#,
        r#"controller().apply(files::file("/tmp/ops-never", ""));"#,
        r#"controller().become("root").run("touch x");"#,
    ] {
        run(body).code(3).stderr_has("the controller is read-only");
    }
    let ran = run(r#"each([controller()], |h| h.run("echo here", #{ reads: true }).stdout);"#);
    ran.ok().nothing_left();
}
