//! Checks of the host itself: `port`, `process`, `service`, `command`, `tcp`.

use std::process::{Child, Command};

use super::web::{Web, closed_port};
use super::{here, playbook, seen};
use crate::fleet::{Container, Fleet, Image, Settings};

/// A process with a name of the test's choice. Dropping it kills it.
struct Named {
    child: Child,
    _dir: tempfile::TempDir,
}

impl Named {
    fn start(name: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join(name);
        std::fs::copy("/bin/sleep", &program).expect("sleep can be copied");
        let child = Command::new(program)
            .arg("4321.5")
            .spawn()
            .expect("it starts");
        Self { child, _dir: dir }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_shell_sees_ports_processes_and_connections() {
    let web = Web::start(|_| Vec::new());
    let closed = closed_port();
    let _one = Named::start("ops-test-sleeper");
    let _two = Named::start("ops-test-sleeper");
    let checks = [
        format!("port({})", web.port),
        format!("port({}, #{{ address: \"127.0.0.1\" }})", web.port),
        format!("port({}, #{{ address: \"10.0.0.7\" }})", web.port),
        format!("port({closed})"),
        format!("tcp(\"127.0.0.1:{}\")", web.port),
        format!("tcp(\"127.0.0.1:{closed}\")"),
        "process(\"ops-test-sleeper\", #{ min: 2, max: 2 })".to_owned(),
        "process(\"ops-test-sleeper\", #{ command: \"sleeper 4321\\\\.5$\", max: 1 })".to_owned(),
        "process(\"ops-test-sleepers-other\", #{ max: 0 })".to_owned(),
        "process(\"cat\", #{ max: 0 })".to_owned(),
        "process(\"head\", #{ command: \"proc\", max: 0 })".to_owned(),
        "command(\"echo it is \\\"$0\\\"; exit 3\", #{ ok: 3, regex: \"^it is .\" })".to_owned(),
        "command(\"echo no >&2; exit 2\", #{ warning: 1 })".to_owned(),
        "command(\"sleep 60\", #{ timeout: 0.3 })".to_owned(),
        "command(\"kill -9 $$\")".to_owned(),
        "command(\"true\")".to_owned(),
    ];
    for sh in ["dash", "bash", "busybox"] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let ran = fleet.ops().playbook(&playbook(&checks));
        let ran = ran.args(["--output", "json"]).run().ok().nothing_left();
        let all = seen(&ran, "h1");
        assert_eq!(
            all[..4],
            [
                "passing: listens on 127.0.0.1",
                "passing: listens on 127.0.0.1",
                "critical: listens on 127.0.0.1, expected 10.0.0.7",
                "critical: nothing is listening",
            ],
            "{sh}"
        );
        assert_eq!(all[4], "passing: accepts connections", "{sh}");
        assert_eq!(
            all[5], "critical: no connection: Connection refused",
            "{sh}"
        );
        assert_eq!(all[6], "passing: 2 processes", "{sh}");
        assert_eq!(all[7], "critical: 2 processes, expected at most 1", "{sh}");
        // The kernel does not distinguish two names with the same first 15 bytes.
        assert_eq!(all[8], "critical: 2 processes, expected at most 0", "{sh}");
        assert!(
            all[11].starts_with("passing: exit code 3: \"it is "),
            "{sh}: {all:?}"
        );
        assert_eq!(
            all[12..],
            [
                "critical: exit code 2: \"no\"",
                "critical: no answer within 300ms",
                "error: the check terminated its own shell",
                "passing: exit code 0",
            ],
            "{sh}"
        );
        assert_eq!(all[10], "passing: no such process", "{sh}");
    }
}

#[test]
fn a_unit_has_the_state_that_systemd_reports() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    host.look("systemctl start idle; systemctl start broken 2>&1; true");
    let ran = host
        .ops(&["deploy"])
        .playbook(&playbook(&[
            "service(\"idle\")".to_owned(),
            "service(\"broken.service\")".to_owned(),
            "service(\"nonexistent\")".to_owned(),
        ]))
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(
        seen(&ran, "deploy"),
        [
            "passing: active (running)",
            "critical: failed (failed), exit-code",
            "critical: the unit does not exist",
        ]
    );
}

#[test]
fn a_check_as_another_user_runs_as_that_user() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let ran = host
        .ops(&["deploy"])
        .playbook(
            r#"each(hosts("all"), |h| {
                h.check(command("id -un", #{ stdout: "deploy" }));
                let root = h.become("root").check(command("id -un", #{ stdout: "root" }));
                h.become("root").wait_until(process("sshd"));
                log::info(`${root}`);
            });"#,
        )
        .run()
        .ok();
    ran.stdout_has("command id -un: passing: exit code 0: \"root\"");
}

#[test]
fn checks_a_busybox_machine() {
    let Some(host) = Container::shared(Image::Busybox) else {
        return;
    };
    let ran = host
        .ops(&["root"])
        .playbook(&playbook(&[
            "port(22)".to_owned(),
            "process(\"sshd\")".to_owned(),
            "process(\"sshd\", #{ command: \"sshd\" })".to_owned(),
            "tcp(\"127.0.0.1:22\")".to_owned(),
            "tcp(\"127.0.0.1:1\")".to_owned(),
            "http(\"http://127.0.0.1:22/\")".to_owned(),
            "service(\"sshd\")".to_owned(),
        ]))
        .args(["--output", "json"])
        .run()
        .ok();
    let all = seen(&ran, "root");
    assert!(all[0].starts_with("passing: listens on "), "{all:?}");
    assert!(all[1].starts_with("passing: "), "{all:?}");
    assert!(all[2].starts_with("passing: "), "{all:?}");
    assert_eq!(all[3], "passing: accepts connections", "{all:?}");
    assert!(all[4].starts_with("critical: no connection"), "{all:?}");
    assert!(
        all[5].starts_with("critical: the response is not HTTP: \"SSH-2.0"),
        "{all:?}"
    );
    assert!(all[6].starts_with("error: "), "{all:?}");
}

#[test]
fn a_warning_does_not_stop_anything() {
    here()
        .playbook(
            r#"each(hosts("all"), |h| {
                let seen = h.check(command("echo low; exit 1", #{ warning: 1, name: "the tank" }));
                log::info(`${seen.state} ${seen.passing} ${seen.message} ${type_of(seen.duration)}`);
                h.wait_until(command("exit 1", #{ warning: 1 }));
                try { h.check([command("true"), command("exit 4"), command("exit 5")]); }
                catch (e) { log::info(`${e.message} ${e.host} ${e.task}`); }
                log::info(h.check(command("exit 4"), #{ ok: "critical" }).state);
                h.check(command("exit 4"), #{ ok: "critcal" });
            });"#,
        )
        .run()
        .code(3)
        .stdout_has("warning      h1  the tank: exit code 1: \"low\"")
        .stdout_has("warning false exit code 1: \"low\" f64")
        .stdout_has("2 of 3 checks failed: command exit 4: exit code 4; command exit 5: exit code 5 h1")
        .stderr_has("option `ok` of `check`: must be one of passing, warning, critical, error. Did you mean `critical`?");
}
