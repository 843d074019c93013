//! `services::*` on systemd.

use ops::model::Outcome::{Changed, Failed, Unchanged, Unknown, WouldChange};
use ops::task::RunMode;
use serde_json::json;

use super::machine::{Machine, file, notes, outcomes, task};
use crate::fleet::{Container, Image};

const INVOCATION: &str = "systemctl show -p InvocationID --value idle";

fn is_active(machine: &Machine, unit: &str) -> String {
    machine.look(&format!("systemctl is-active {unit} || :"))
}

#[test]
fn starts_stops_enables_and_undoes() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let running = [task(
        "services::running",
        &json!(["idle", { "enabled": true }]),
    )];
    let checked = machine.go(&running, RunMode::Check);
    assert_eq!(outcomes(&checked), [WouldChange]);
    assert_eq!(is_active(&machine, "idle"), "inactive");
    let gone = machine.converges(&running);
    assert_eq!(is_active(&machine, "idle"), "active");
    assert_eq!(machine.look("systemctl is-enabled idle"), "enabled");

    let stopped = [task(
        "services::stopped",
        &json!(["idle.service", { "enabled": false }]),
    )];
    let gone_too = machine.converges(&stopped);
    assert_eq!(is_active(&machine, "idle"), "inactive");
    machine.undo(&gone_too);
    assert_eq!(is_active(&machine, "idle"), "active");
    assert_eq!(machine.look("systemctl is-enabled idle"), "enabled");
    machine.undo(&gone);
    assert_eq!(is_active(&machine, "idle"), "inactive");
    assert_eq!(machine.look("systemctl is-enabled idle || :"), "disabled");

    let enabled = machine.converges(&[task("services::enabled", &json!(["idle"]))]);
    machine.undo(&enabled);
    assert_eq!(machine.look("systemctl is-enabled idle || :"), "disabled");
    let disabled = machine.go(
        &[task("services::disabled", &json!(["idle"]))],
        RunMode::Apply,
    );
    assert_eq!(outcomes(&disabled), [Unchanged]);
}

#[test]
fn explains_why_a_unit_cannot_be_in_the_desired_state() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    machine.look(
        "cd /etc/systemd/system
         printf '[Service]\\nExecStart=/bin/sh -c \"echo all is lost; exit 3\"\\n' >dies.service
         printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >once.service
         printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n' >stays.service
         printf '[Unit]\\nConditionPathExists=/nowhere\\n[Service]\\nExecStart=/bin/sleep 9\\n' >unmet.service
         printf '[Timer]\\nOnCalendar=yearly\\nUnit=once.service\\n[Install]\\nWantedBy=timers.target\\n' >once.timer
         systemctl daemon-reload",
    );
    for (unit, said) in [
        ("dies", "all is lost"),
        ("broken", "never stays active"),
        ("once", "never stays active"),
        ("unmet", "a condition of its unit file is not met"),
        ("e2scrub_all.timer", "is masked"),
        ("missing", "there is no unit missing.service"),
    ] {
        let gone = machine.go(&[task("services::running", &json!([unit]))], RunMode::Apply);
        assert_eq!(outcomes(&gone), [Failed], "{unit}");
        assert!(notes(&gone).contains(said), "{unit}: {}", notes(&gone));
    }
    let gone = machine.go(
        &[task("services::enabled", &json!(["once"]))],
        RunMode::Apply,
    );
    assert!(
        notes(&gone).contains("no [Install] section"),
        "{}",
        notes(&gone)
    );
    let gone = machine.go(
        &[task(
            "services::running",
            &json!(["stays", { "reload_on": ["/etc/motd"] }]),
        )],
        RunMode::Apply,
    );
    assert!(
        notes(&gone).contains("has no ExecReload"),
        "{}",
        notes(&gone)
    );
    machine.converges(&[task("services::running", &json!(["stays"]))]);
    machine.converges(&[task(
        "services::running",
        &json!(["once.timer", { "enabled": true }]),
    )]);
}

#[test]
fn restarts_if_something_changed_since_the_start() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let service = task(
        "services::running",
        &json!(["idle", { "restart_on": ["/srv/conf", "/srv/conf.d"] }]),
    );
    let invocation = |machine: &Machine| machine.look(INVOCATION);
    machine.look("mkdir /srv/conf.d; echo one >/srv/conf");
    let one = [file("/srv/conf", "one\n"), service.clone()];
    let gone = machine.go(&one, RunMode::Apply);
    assert_eq!(outcomes(&gone), [Unchanged, Changed]);
    let first = invocation(&machine);
    assert_eq!(
        outcomes(&machine.go(&one, RunMode::Apply)),
        [Unchanged, Unchanged]
    );

    // Touched, with the same content.
    machine.look("touch /srv/conf");
    assert_eq!(
        outcomes(&machine.go(&one, RunMode::Apply)),
        [Unchanged, Unchanged]
    );

    let two = [file("/srv/conf", "two\n"), service.clone()];
    let checked = machine.go(&two, RunMode::Check);
    assert_eq!(outcomes(&checked), [WouldChange, WouldChange]);
    assert_eq!(invocation(&machine), first);
    let changed = machine.go(&two, RunMode::Apply);
    assert_eq!(outcomes(&changed), [Changed, Changed]);
    // The probes, the content for the diff, the file, the restart.
    assert!(changed.requests <= 4);
    let second = invocation(&machine);
    assert_ne!(second, first);
    assert_eq!(
        outcomes(&machine.go(&two, RunMode::Apply)),
        [Unchanged, Unchanged]
    );

    // Undone: the file is restored, and then the service reads it.
    machine.undo(&changed);
    assert_eq!(machine.look("cat /srv/conf"), "one");
    assert_ne!(invocation(&machine), second);
    assert_eq!(
        outcomes(&machine.go(&one, RunMode::Apply)),
        [Unchanged, Unchanged]
    );

    // As if a run died between the file and the restart.
    machine.go(&two[..1], RunMode::Apply);
    assert_eq!(
        outcomes(&machine.go(&two, RunMode::Apply)),
        [Unchanged, Changed]
    );

    // A directory gets an entry.
    machine.look("echo x >/srv/conf.d/x");
    assert_eq!(
        outcomes(&machine.go(&two, RunMode::Apply)),
        [Unchanged, Changed]
    );

    // Somebody changes the file and restarts the service (at the next second, to be certain).
    machine.look("echo three >/srv/conf; while [ $(date +%s) = $(stat -c %Z /srv/conf) ]; do sleep 0.1; done; systemctl restart idle");
    assert_eq!(
        outcomes(&machine.go(&[service], RunMode::Apply)),
        [Unchanged]
    );
}

#[test]
fn without_a_stamp_the_times_decide() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    machine.look("touch -d 2001-01-01 /srv/old; while [ $(date +%s) = $(stat -c %Z /srv/old) ]; do sleep 0.1; done; systemctl start idle");
    let service = task(
        "services::running",
        &json!(["idle", { "reload_on": ["/srv/old", "/srv/link"] }]),
    );
    let batch = [service.clone()];
    assert_eq!(outcomes(&machine.go(&batch, RunMode::Apply)), [Unchanged]);
    assert_eq!(
        machine
            .container
            .exec("ls /var/lib/ops/stamps/idle.service")
            .status
            .code(),
        Some(2)
    );
    machine.look("ln -s /srv/a /srv/link");
    let started = machine.look(INVOCATION);
    assert_eq!(outcomes(&machine.go(&batch, RunMode::Apply)), [Changed]);
    assert_eq!(machine.look("cat /run/idle.reloads"), "reloaded");
    assert_eq!(machine.look(INVOCATION), started);
    assert_eq!(outcomes(&machine.go(&batch, RunMode::Apply)), [Unchanged]);
    machine.look("ln -sfn /srv/b /srv/link");
    assert_eq!(outcomes(&machine.go(&batch, RunMode::Apply)), [Changed]);
    // In check mode, a file that an earlier task would write is newer than any start.
    machine.look("rm -r /var/lib/ops/stamps");
    let check = machine.go(&[file("/srv/old", "new\n"), service], RunMode::Check);
    assert_eq!(outcomes(&check), [WouldChange, WouldChange]);
}

#[test]
fn reads_unit_files_that_changed() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let unit = |seconds: u32| {
        file(
            "/etc/systemd/system/new@.service",
            &format!(
                "[Service]\nExecStart=/bin/sleep {seconds}\n[Install]\nWantedBy=multi-user.target\n"
            ),
        )
    };
    let options =
        json!(["new@1", { "enabled": true, "restart_on": ["/etc/systemd/system/new@.service"] }]);
    let batch = |seconds| [unit(seconds), task("services::running", &options)];
    assert_eq!(
        outcomes(&machine.go(&batch(1000), RunMode::Check)),
        [WouldChange, WouldChange]
    );
    let gone = machine.converges(&batch(1000));
    let changed = machine.converges(&batch(2000));
    assert_eq!(
        machine.look("systemctl show -p NeedDaemonReload --value new@1"),
        "no"
    );
    let command = "tr '\\0' ' ' </proc/$(systemctl show -p MainPID --value new@1)/cmdline";
    assert_eq!(machine.look(command), "/bin/sleep 2000");
    machine.undo(&changed);
    assert_eq!(machine.look(command), "/bin/sleep 1000");
    machine.undo(&gone);
    assert_eq!(is_active(&machine, "new@1"), "inactive");
    assert_eq!(
        machine
            .container
            .exec("ls /etc/systemd/system/multi-user.target.wants/new@1.service")
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn enables_again_if_the_file_wants_other_links() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let unit = |install: &str| {
        file(
            "/etc/systemd/system/linked.service",
            &format!("[Service]\nExecStart=/bin/sleep 9999\n[Install]\n{install}\n"),
        )
    };
    let links = |machine: &Machine| {
        machine.look(
            "cd /etc/systemd/system; find . -type l -lname '*/linked.service' | sort | tr '\\n' ' '",
        )
    };
    let batch = |install| [unit(install), task("services::enabled", &json!(["linked"]))];
    machine.converges(&batch("WantedBy=multi-user.target"));
    let first = "./multi-user.target.wants/linked.service";
    assert_eq!(links(&machine), first);
    // A comment, spaces around the sign, a specifier and an alias.
    let changed = batch(
        "#WantedBy=x.target\nWantedBy = basic.target %H.target\nRequiredBy=timers.target\nAlias=other.service",
    );
    let gone = machine.converges(&changed);
    let after = links(&machine);
    for link in [
        "./basic.target.wants/linked.service",
        "./timers.target.requires/linked.service",
        "./other.service",
    ] {
        assert!(after.contains(link), "{after}");
    }
    assert!(!after.contains(first), "{after}");
    machine.undo(&gone);
    assert_eq!(links(&machine), first);

    // The same for a unit that runs.
    let running = |install| {
        let options = json!(["linked", { "enabled": true }]);
        [unit(install), task("services::running", &options)]
    };
    machine.go(&running("WantedBy=multi-user.target"), RunMode::Apply);
    machine.converges(&running(
        "WantedBy=multi-user.target\nWantedBy=basic.target",
    ));
    assert!(links(&machine).contains("./basic.target.wants/"));
}

#[test]
fn a_unit_that_keeps_dying_does_not_count_as_running() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    machine.look(
        "cd /etc/systemd/system
         printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=/bin/sh -c \"sleep 0.3; echo all is lost; exit 3\"\\nRestart=always\\nRestartSec=1ms\\n' >flaps.service
         printf '[Service]\\nExecStart=/bin/sh -c \"[ ! -e /run/thrice ] || exec sleep 9999; [ ! -e /run/twice ] || touch /run/thrice; [ ! -e /run/once ] || touch /run/twice; touch /run/once; exit 3\"\\nRestart=always\\nRestartSec=1ms\\n' >recovers.service
         printf '[Service]\\nExecStart=/bin/sh -c \"sleep 4; exit 3\"\\nRestart=always\\nRestartSec=1ms\\n' >ails.service
         systemctl daemon-reload; systemctl start flaps recovers ails",
    );
    machine
        .look("until [ $(systemctl show -p NRestarts --value flaps) -gt 2 ]; do sleep 0.1; done");
    let flaps = [task("services::running", &json!(["flaps"]))];
    for mode in [RunMode::Apply, RunMode::Check, RunMode::Apply] {
        // While it is up.
        machine.look("until [ $(systemctl is-active flaps) = active ]; do :; done");
        let gone = machine.go(&flaps, mode);
        let notes = notes(&gone);
        match outcomes(&gone)[..] {
            [Failed] => assert!(
                [" not stay up", "did not start"]
                    .iter()
                    .any(|why| notes.contains(why)),
                "{notes}"
            ),
            // It was found between two starts.
            [WouldChange] => {}
            ref other => panic!("{other:?}: {notes}"),
        }
    }
    // It lives so long that watching it would not show the problem.
    machine.look("until [ $(systemctl show -p NRestarts --value ails) -gt 1 ]; do sleep 0.1; done; sleep 3.2");
    let ails = [task("services::running", &json!(["ails"]))];
    for mode in [RunMode::Check, RunMode::Apply] {
        let gone = machine.go(&ails, mode);
        assert_eq!(outcomes(&gone), [Failed], "{}", notes(&gone));
        assert!(
            notes(&gone).contains(" times, every 4."),
            "{}",
            notes(&gone)
        );
    }
    machine
        .look("until [ $(systemctl show -p NRestarts --value recovers) = 3 ]; do sleep 0.1; done");
    let recovers = [task("services::running", &json!(["recovers"]))];
    let gone = machine.go(&recovers, RunMode::Apply);
    assert_eq!(outcomes(&gone), [Unchanged], "{}", notes(&gone));
}

#[test]
fn a_host_without_systemd_is_an_error() {
    let Some(mut machine) = Machine::start(Image::Busybox) else {
        return;
    };
    let gone = machine.go(
        &[task("services::running", &json!(["idle"]))],
        RunMode::Check,
    );
    assert_eq!(outcomes(&gone), [Unknown]);
    assert!(notes(&gone).contains("does not run systemd"));
}

#[test]
fn a_service_reads_what_an_undo_restored() {
    let Some(container) = Container::start(Image::Debian) else {
        return;
    };
    let run = |content: &str, last: &str| {
        let playbook = format!(
            r#"each(hosts("all"), |h| {{
                let root = h.become("root");
                root.apply(files::file("/etc/idle.conf", "{content}\n"));
                root.apply(services::running("idle", #{{ restart_on: ["/etc/idle.conf"] }}));
                {last}
            }});"#
        );
        container.ops(&["deploy"]).playbook(&playbook).run()
    };
    // The content that the service read at its start: the file as it was then.
    container.look(
        "mkdir /etc/systemd/system/idle.service.d
         printf '[Service]\nExecStartPre=/bin/cp /etc/idle.conf /run/idle.read\n' >/etc/systemd/system/idle.service.d/x.conf
         systemctl daemon-reload",
    );
    run("one", "").ok();
    assert_eq!(container.look("cat /run/idle.read"), "one\n");
    run(
        "two",
        "if root.read(\"/run/idle.read\") != \"two\\n\" { throw \"not read\" } h.undo();",
    )
    .ok();
    assert_eq!(
        container.look("cat /etc/idle.conf /run/idle.read"),
        "one\none\n"
    );
}
