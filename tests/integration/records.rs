//! Runs that are killed, and what their hosts recorded of the commands.

use std::collections::BTreeSet;
use std::ffi::OsString;

use ops::run::records::{Recorded, answers, question};
use ops::shell::{Records, SessionOptions};
use ops::transport::{ChildTransport, Transport as _};
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use crate::fleet::process::wait_until;
use crate::fleet::{Container, Fleet, Image, Settings, Sshd};
use crate::ops::Ops;

use Recorded::{Ended, InDoubt, NotBegun};

/// The id of the only run, and the steps in its journal, in order.
fn intended(ops: &Ops) -> (String, Vec<String>) {
    let runs = std::fs::read_dir(ops.state().join("ops/runs")).expect("runs");
    let run = runs
        .map(|run| run.expect("a run").path())
        .filter(|path| path.is_dir())
        .max()
        .expect("a run");
    let text = std::fs::read_to_string(run.join("journal.jsonl")).expect("a journal");
    let mut steps = Vec::new();
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if let Some(step) = entry["step"].as_str()
            && !steps.iter().any(|other| other == step)
        {
            steps.push(step.to_owned());
        }
    }
    let id = run
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    (id, steps)
}

/// What a host says of these steps to a second process of the run. The hosts are this machine, so a shell here
/// can ask.
fn told(host: &Sshd, run: &str, steps: &[&str]) -> Vec<Recorded> {
    let records = Records {
        run: run.to_owned(),
        attempt: 2,
    };
    let options = SessionOptions {
        state_dir: Some(host.state().display().to_string()),
        ..SessionOptions::default()
    };
    crate::over::run(async {
        let session = ChildTransport::local()
            .session(options)
            .await
            .expect("a session");
        let cancel = CancellationToken::new();
        let asked = session.request(question(&records), &(), &cancel);
        let reply = asked.await.expect("an answer");
        let told = answers(&records, steps, &reply).expect("it is settled");
        session.close().await;
        told
    })
}

/// Starts a playbook on one host.
fn playbook(fleet: &Fleet, body: &str) -> Ops {
    let root = fleet.hosts()[0].root().display().to_string();
    let body = body.replace("ROOT", &root);
    fleet
        .ops()
        .playbook(&format!("each(hosts(\"all\"), |h| {{\n{body}\n}});\n"))
}

#[test]
fn a_killed_run_can_be_settled() {
    for sh in ["dash", "bash", "busybox"] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let host = &fleet.hosts()[0];
        let log = || std::fs::read_to_string(host.root().join("log")).unwrap_or_default();

        // Between two commands.
        let ops = playbook(
            &fleet,
            r#"h.run("echo 1 >>ROOT/log; exit 3", #{ ok: [3] });
            h.apply(commands::run("echo 2 >>ROOT/log"));
            h.run("sleep 4711", #{ reads: true });
            h.run("echo 3 >>ROOT/log");"#,
        );
        let mut running = ops.start();
        host.wait_for_process("sleep 4711");
        running.signal(Signal::KILL);
        drop(running);
        host.wait_until_idle();
        let (run, steps) = intended(&ops);
        let [first, second] = &steps[..] else {
            panic!("{steps:?}");
        };
        let found = told(host, &run, &[first, second, "the third"]);
        assert_eq!(found, [Ended(3), Ended(0), NotBegun], "{sh}");
        assert_eq!(log(), "1\n2\n", "{sh}");

        // In the middle of a command, and with a command of a task.
        for command in [
            r#"h.run("echo 4 >>ROOT/log; sleep 4712; exit 0")"#,
            r#"h.apply([commands::run("true"), commands::run("trap '' TERM; echo 4 >>ROOT/log; sleep 4712; exit 0"), commands::run("true")])"#,
        ] {
            let ops = playbook(&fleet, &format!("{command};"));
            let mut running = ops.start();
            host.wait_for_process("sleep 4712");
            running.signal(Signal::KILL);
            drop(running);
            host.wait_until_idle();
            let (run, steps) = intended(&ops);
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            let expected: &[Recorded] = match steps.len() {
                1 => &[InDoubt],
                _ => &[Ended(0), InDoubt, NotBegun],
            };
            assert_eq!(told(host, &run, &steps), expected, "{sh}: {command}");
        }
    }
}

/// The client is killed while the host is cut off, and the host goes on.
#[test]
fn a_host_that_was_cut_off_settles_what_it_did() {
    let settings = Settings::default()
        .config("TCPKeepAlive no\nClientAliveInterval 0")
        .round_trip(std::time::Duration::from_millis(2));
    for (last, expected) in [("exit 5", Ended(5)), ("sleep 4711; exit 5", InDoubt)] {
        let fleet = Fleet::sshd_with(1, &settings);
        let host = &fleet.hosts()[0];
        let ops = playbook(
            &fleet,
            &format!(
                r#"h.run("touch ROOT/begun; while ! test -e ROOT/go; do sleep 0.05; done; touch ROOT/done; {last}");"#
            ),
        );
        let mut running = ops.start();
        wait_until(
            || host.root().join("begun").exists(),
            || "it does not begin".into(),
        );
        host.proxy().expect("a proxy").silence();
        running.signal(Signal::KILL);
        drop(running);
        let (run, steps) = intended(&ops);
        std::fs::write(host.root().join("go"), "").expect("it is written");
        wait_until(
            || host.root().join("done").exists(),
            || "it does not go on".into(),
        );
        if expected == Ended(5) {
            let records = || {
                let mut files = std::fs::read_dir(host.state().join("runs")).expect("records");
                let path = files.next().expect("one").expect("it").path();
                std::fs::read_to_string(path).expect("a text")
            };
            wait_until(|| records().contains("ended "), records);
        } else {
            host.wait_for_process("sleep 4711");
        }
        assert_eq!(told(host, &run, &[&steps[0]]), [expected]);
        host.wait_until_idle();
    }
}

#[test]
fn reads_checks_and_polls_are_not_recorded() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    let state = || {
        let names = std::fs::read_dir(host.state()).expect("it is there");
        names
            .map(|name| name.expect("a name").file_name())
            .collect::<BTreeSet<_>>()
    };
    let ops = playbook(
        &fleet,
        r#"h.run("true", #{ reads: true });
        h.check(command("true"));
        h.apply(commands::run("true", #{ unless: "true" }));"#,
    );
    ops.run().ok();
    assert!(state().is_empty(), "{:?}", state());
    let ops = playbook(&fleet, r#"h.apply(commands::run("true")); h.run("true");"#);
    ops.clone().arg("--check").run().ok();
    assert!(state().is_empty(), "{:?}", state());
    ops.run().ok();
    assert_eq!(state(), ["kept", "runs"].map(OsString::from).into());
}

#[test]
fn every_user_has_a_record() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let ops = host.ops(&["deploy"]).playbook(
        r#"each(hosts("all"), |h| {
            h.run("true");
            h.become("root").run("exit 3", #{ ok: [3] });
            h.apply(commands::run("true", #{ become: "root" }));
        });"#,
    );
    ops.run().ok();
    let (run, _) = intended(&ops);
    for (path, owner, ends) in [
        ("/home/deploy/.local/state/ops", "deploy", "0\n"),
        ("/var/lib/ops", "root", "3\n0\n"),
    ] {
        let file = format!("{path}/runs/{run}.*.1");
        let found = host.look(&format!(
            "stat -c '%a %U' {file} {path}/runs && sed -n 's/^ended.* //p' {file}"
        ));
        assert_eq!(found, format!("600 {owner}\n700 {owner}\n{ends}"), "{path}");
    }
}

#[test]
fn users_who_share_a_state_directory_have_records_of_their_own() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    host.look("mkdir -p /srv/shared-records && chmod 1777 /srv/shared-records");
    let ops = host
        .ops(&["deploy"])
        .file("group_vars/all.yml", "ops_state_dir: /srv/shared-records\n")
        .playbook(r#"each(hosts("all"), |h| { h.run("true"); h.become("root").run("true"); });"#);
    ops.run().ok();
    let found = host.look("cd /srv/shared-records && for d in ops-*; do stat -c '%a %U' $d/runs/*; grep -c ended $d/runs/*; done");
    assert_eq!(found, "600 root\n1\n600 deploy\n1\n");
    // Anybody could have made the directory first, with a link to one that has many files with such names.
    let prey = "cd /srv/prey && ls | wc -l";
    host.look(
        "cd /srv/shared-records && rm -rf ops-0 && mkdir ops-0 /srv/prey && ln -s /srv/prey ops-0/runs
         chown -h deploy ops-0 ops-0/runs
         cd /srv/prey && for n in $(seq 120); do echo >\"lib$n.so.1.0.0\"; done",
    );
    ops.run().ok().stdout_has("cannot record commands");
    assert_eq!(host.look(prey).trim(), "120");
}
