//! `std/systemd` on a machine with systemd.

use crate::fleet::{Container, Image};
use crate::ops::Ops;

/// A playbook for root of the container, with the variable `h`.
fn playbook(machine: &Container, body: &str) -> Ops {
    machine.ops(&["root"]).playbook(&format!(
        "import \"std/systemd\" as systemd;\neach(hosts(\"all\"), |h| {{ {body} }});"
    ))
}

fn look(machine: &Container, command: &str) -> String {
    machine.look(command).trim_end().to_owned()
}

const UNIT: &str = r#"
    h.apply(systemd::unit("shop.service", #{
        Unit: #{ Description: "The shop's" },
        Service: #{
            ExecStart: systemd::command_line(["/bin/sh", "-c", "echo \"$1\" >/run/shop.said; exec sleep infinity", "sh", "50% $HOME 'a'\nb"]),
            Environment: #{ GREETING: "hello \"there\" 100%", LEVEL: 1 },
        },
        Install: #{ WantedBy: "multi-user.target" },
    }, #{ running: true, enabled: true }));
"#;

#[test]
fn a_unit_runs_and_is_restarted_when_its_file_has_changed() {
    let Some(machine) = Container::start(Image::Debian) else {
        return;
    };
    playbook(&machine, UNIT).run().ok();
    assert_eq!(
        look(
            &machine,
            "systemctl is-active shop; systemctl is-enabled shop"
        ),
        "active\nenabled"
    );
    assert_eq!(look(&machine, "cat /run/shop.said"), "50% $HOME 'a'\nb");
    let environment = look(
        &machine,
        "tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value shop)/environ",
    );
    assert!(
        environment.contains("GREETING=hello \"there\" 100%\n"),
        "{environment}"
    );

    let ran = playbook(&machine, UNIT).run().ok();
    assert!(!ran.stdout.contains("changed  "), "{ran}");

    // Another program changes it without telling systemd.
    let before = look(&machine, "systemctl show -p InvocationID --value shop");
    look(
        &machine,
        "sed -i 's/sleep infinity/sleep 12345/' /etc/systemd/system/shop.service",
    );
    let back = format!("{} h.undo();", UNIT.replace("LEVEL: 1", "LEVEL: 2"));
    playbook(&machine, &back).run().ok();
    assert_ne!(
        look(&machine, "systemctl show -p InvocationID --value shop"),
        before
    );
    let line = look(
        &machine,
        "systemctl show -p ExecStart --value shop; systemctl show -p NeedDaemonReload --value shop",
    );
    assert!(
        line.contains("sleep 12345") && line.ends_with("\nno"),
        "{line}"
    );

    let gone = playbook(&machine, r#"h.apply(systemd::absent("shop.service"));"#);
    gone.run().ok();
    assert_eq!(
        look(
            &machine,
            "systemctl show -p LoadState --value shop; pgrep -xc sleep || :"
        ),
        "not-found\n0"
    );
    let ran = gone.run().ok();
    assert!(!ran.stdout.contains("changed  "), "{ran}");
}

#[test]
fn does_not_install_a_file_that_systemd_rejects() {
    let Some(machine) = Container::start(Image::Debian) else {
        return;
    };
    for (file, said) in [
        (
            "[Service]\\nExecStart=/bin/true\\nRestrat=no\\n",
            "Unknown key 'Restrat'",
        ),
        (
            "[Service]\\nExecStart=/bin/true\\nRestart=sometimes\\n",
            "sometimes",
        ),
        ("[Service]\\nType=simple\\n", "has no ExecStart="),
    ] {
        let ops = playbook(
            &machine,
            &format!("h.apply(systemd::unit(\"bad.service\", \"{file}\"));"),
        );
        ops.run().code(3).stderr_has(said);
        assert_eq!(
            look(
                &machine,
                "ls /etc/systemd/system/bad.service 2>&1 | grep -c 'No such' || :"
            ),
            "1"
        );
    }
    let drop_in = r#"h.apply(systemd::drop_in("idle.service", "x", #{ Service: #{ Nise: 5 } }));"#;
    playbook(&machine, drop_in)
        .run()
        .code(3)
        .stderr_has("Unknown key 'Nise'");
    // What does not exist yet is not an error.
    let early = r#"h.apply(systemd::unit("early.service", #{
        Unit: #{ Requires: "later.service" }, Service: #{ ExecStart: "/srv/later/bin/run" } }));"#;
    playbook(&machine, early).run().ok();
}

#[test]
fn loads_a_drop_in_only_when_it_changes() {
    let Some(machine) = Container::start(Image::Debian) else {
        return;
    };
    look(&machine, "systemctl start idle");
    let nice = |nice: i64, more: &str| {
        playbook(
            &machine,
            &format!(
                "h.apply(systemd::drop_in(\"idle.service\", \"nice\", #{{ Service: #{{ Nice: {nice} }} }})); {more}"
            ),
        )
    };
    let show = "systemctl show -p Nice --value idle";
    nice(5, "")
        .run()
        .ok()
        .stdout_has("systemd reloads its files");
    assert_eq!(look(&machine, show), "5");
    let ran = nice(5, "").run().ok();
    assert!(!ran.stdout.contains("changed  "), "{ran}");
    nice(7, "h.undo();").run().ok();
    assert_eq!(look(&machine, show), "5");
    // As if a run died between the two.
    look(
        &machine,
        "printf '[Service]\\nNice=9\\n' >/etc/systemd/system/idle.service.d/nice.conf; touch -d '1 minute' /etc/systemd/system/idle.service.d/nice.conf",
    );
    nice(9, "")
        .run()
        .ok()
        .stdout_has("systemd reloads its files");
    assert_eq!(look(&machine, show), "9");
}

#[test]
fn a_timer_is_scheduled_and_its_command_runs() {
    let Some(machine) = Container::start(Image::Debian) else {
        return;
    };
    let timer = r#"h.apply(systemd::timer("dump", #{
        command: "echo $((40 + 2)) '50%' >/run/dumped", calendar: "*-*-* 02:30", delay: "10m", user: "plain", limit: "5m",
        service: #{ ExecStartPre: "+/bin/install -o plain /dev/null /run/dumped" },
    }));"#;
    playbook(&machine, timer).run().ok();
    assert_eq!(
        look(
            &machine,
            "systemctl is-active dump.timer; systemctl is-enabled dump.timer"
        ),
        "active\nenabled"
    );
    assert_eq!(
        look(&machine, "systemctl start dump.service; cat /run/dumped"),
        "42 50%"
    );
    let ran = playbook(&machine, timer).run().ok();
    assert!(!ran.stdout.contains("changed  "), "{ran}");
    let wrong = timer.replace("*-*-* 02:30", "never");
    playbook(&machine, &wrong).run().code(3).stderr_has("never");
    for (options, reason) in [
        (r#"#{ command: "x" }"#, "needs either `calendar` or `every`"),
        (
            r#"#{ every: "5m" }"#,
            "option `command` of `systemd::timer` is missing",
        ),
        (
            r#"#{ every: "5m", comand: "x" }"#,
            "Did you mean `command`?",
        ),
    ] {
        let ops = playbook(&machine, &format!("systemd::timer(\"dump\", {options});"));
        // A literal map is checked before the run.
        let code = if reason.starts_with("needs") { 3 } else { 2 };
        ops.run().code(code).stderr_has(reason);
    }
    let ops = playbook(&machine, r#"systemd::unit("a b.service", "");"#);
    ops.run()
        .code(3)
        .stderr_has("invalid name of a unit: `a b.service`");
}

#[test]
fn masks_and_unmasks_a_unit() {
    let Some(machine) = Container::start(Image::Debian) else {
        return;
    };
    let state = "systemctl is-enabled idle.timer 2>&1 || :";
    let mask = r#"h.apply(systemd::masked("idle.timer"));"#;
    playbook(&machine, mask).run().ok();
    assert!(
        look(&machine, state).ends_with("masked"),
        "{}",
        look(&machine, state)
    );
    let ran = playbook(&machine, mask).run().ok();
    assert!(!ran.stdout.contains("changed  "), "{ran}");
    playbook(
        &machine,
        r#"h.apply(systemd::unmasked("idle.timer")); h.undo();"#,
    )
    .run()
    .ok();
    assert!(look(&machine, state).ends_with("masked"));
    playbook(&machine, r#"h.apply(systemd::unmasked("idle.timer"));"#)
        .run()
        .ok();
    assert!(!look(&machine, state).contains("masked"));
}

/// A host without systemd is reported.
#[test]
fn reports_a_host_without_systemd() {
    let Some(machine) = Container::shared(Image::Busybox) else {
        return;
    };
    let ops = playbook(machine, r#"h.apply(systemd::masked("x.service"));"#);
    ops.run().code(3).stderr_has("systemd");
}
