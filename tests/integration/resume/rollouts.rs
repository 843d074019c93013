//! Rollouts of runs that are killed and resumed.

use super::{lines, resume};
use crate::generation::is_long;
use crate::language::local;
use crate::ops::Ops;

const HOSTS: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];

/// A file `out` stands for what the balancer knows of a host.
const PLAYBOOK: &str = r#"
rollout(hosts("all"), #{
    batch: 2,
    min_healthy: "0s",
    interval: "20ms",
    drain: |h| h.run(`: >${h.vars.root}/out`),
    update: |h| {
        let root = h.vars.root;
        let done = h.apply(files::file(root + "/conf", "new\n"));
        h.run(`echo last >>${root}/log`);
        if done.changed { h.run(`echo migrated >>${root}/log`); }
    },
    healthy: |h| h.run(`cat ${h.vars.root}/conf`, #{ reads: true }).stdout == "new",
    readmit: |h| h.run(`rm -f ${h.vars.root}/out`),
});
"#;

/// How many hosts are out of service.
fn out(ops: &Ops) -> usize {
    let out = HOSTS
        .iter()
        .filter(|host| ops.path(host).join("out").exists());
    out.count()
}

#[test]
fn a_rollout_that_is_killed_at_any_write_of_the_journal_is_completed() {
    let step = if is_long() { 1 } else { 9 };
    let (mut points, mut in_doubt) = (0, 0);
    for number in (2..).step_by(step) {
        let mut over = true;
        for side in ["-", "+"] {
            let ops = local(HOSTS.len()).playbook(PLAYBOOK);
            let at = format!("{number}{side}");
            let killed = ops.clone().env("OPS_TEST_DIE_AT", &at).run();
            if killed.exit_code().is_none() {
                over = false;
                points += 1;
                assert!(out(&ops) <= 2, "{at}");
                in_doubt += resume(&ops);
            }
            assert_eq!(out(&ops), 0, "{at}");
            for host in HOSTS {
                let log = lines(&ops, host, "log");
                assert_eq!(log, ["last", "migrated"], "{at}: {host}");
                assert_eq!(lines(&ops, host, "conf"), ["new"], "{at}: {host}");
            }
        }
        if over {
            break;
        }
    }
    println!("{points} points, {in_doubt} commands in doubt");
    assert!(points > 6);
}

/// A host that was updated is looked at, and nothing is done with it.
#[test]
fn hosts_that_were_done_are_only_checked() {
    let playbook = PLAYBOOK.replace(
        "readmit: |h| h.run(`",
        "readmit: |h| h.run(`test ${h.name} != h3 -o -e ${h.vars.root}/allowed && ",
    );
    let playbook = playbook.replace("batch: 2,", "batch: 2, on_abort: \"stop\",");
    let ops = local(HOSTS.len()).playbook(&playbook);
    ops.run().code(3);
    assert_eq!(out(&ops), 1);
    std::fs::write(ops.path("h3").join("allowed"), "").expect("a file");
    let ran = ops.again(["resume", "--output", "json"]).run().ok();
    let ran = ran.stdout_has("the rollout goes on: 3 of 5 hosts are done");
    let events = ran.events_of("rollout.host");
    let drained = events.iter().filter(|event| event["phase"] == "drained");
    let drained: Vec<&str> = drained.filter_map(|event| event["host"].as_str()).collect();
    assert_eq!(drained, ["h3", "h5"], "{ran}");
    assert_eq!(out(&ops), 0);
    for host in HOSTS {
        assert_eq!(lines(&ops, host, "log"), ["last", "migrated"], "{host}");
    }
}

/// Kills the rollout when the first host is out of service.
fn killed(playbook: &str) -> Ops {
    let ops = local(HOSTS.len()).playbook(playbook);
    for number in 2.. {
        let ran = ops
            .clone()
            .env("OPS_TEST_DIE_AT", format!("{number}+"))
            .run();
        assert_eq!(ran.exit_code(), None, "{ran}");
        if out(&ops) == 1 {
            return ops;
        }
    }
    unreachable!("it ends before");
}

#[test]
fn hosts_that_are_selected_later_come_last_in_batches_of_the_usual_size() {
    let one = PLAYBOOK.replace("batch: 2,", "batch: 1,");
    let ops = killed(&one.replace("hosts(\"all\")", "hosts(\"h1:h2\")"));
    let ops = ops.file("playbook.rhai", &one);
    let args = [
        "resume",
        "--accept-changes",
        "--in-doubt",
        "again",
        "--output",
        "json",
    ];
    let ran = ops.again(args).run().ok();
    let started = &ran.events_of("rollout.started")[0];
    assert_eq!(
        started["batches"],
        serde_json::json!([1, 1, 1, 1, 1]),
        "{ran}"
    );
    assert_eq!(out(&ops), 0);
}

#[test]
fn a_host_that_is_not_selected_any_more_is_named_and_not_forgotten() {
    let one = PLAYBOOK.replace("batch: 2,", "batch: 1, max_unavailable: 1,");
    let ops = killed(&one);
    let ops = ops.file(
        "playbook.rhai",
        one.replace("hosts(\"all\")", "hosts(\"all:!h1\")"),
    );
    for _ in 0..2 {
        let args = ["resume", "--accept-changes", "--in-doubt", "again"];
        let ran = ops.again(args).run().code(7);
        ran.stdout_has("not among the hosts of the rollout any more: h1");
        assert_eq!(out(&ops), 1);
    }
    // It is a rollback now.
    let ops = ops.file("playbook.rhai", &one);
    let args = ["resume", "--accept-changes", "--in-doubt", "again"];
    ops.again(args).run().code(6);
    assert_eq!(out(&ops), 0);
}

/// What its first try did was put back, so the second one does it again. A host that failed takes no part in it,
/// unless another attempt gives it another chance.
#[test]
fn a_rollout_that_is_tried_again_updates_again() {
    let ops = local(2).playbook(
        r#"retry(#{ times: 3, delay: "1ms" }, || rollout(hosts("all"), #{
            batch: 1,
            update: |h| {
                h.run(`echo new >${h.vars.root}/version`);
                h.run(`test -e ${h.vars.root}/good || { : >${h.vars.root}/good; false; }`);
            },
            rollback: |h| h.run(`echo old >${h.vars.root}/version`),
        }));"#,
    );
    std::fs::write(ops.path("h1").join("good"), "").expect("a file");
    let step = if is_long() { 1 } else { 3 };
    for number in (2..).step_by(step) {
        for host in ["h1", "h2"] {
            let _ = std::fs::remove_file(ops.path(host).join("version"));
        }
        let _ = std::fs::remove_file(ops.path("h2").join("good"));
        let at = format!("{number}+");
        let killed = ops.clone().env("OPS_TEST_DIE_AT", &at).run();
        let is_over = killed.exit_code().is_some();
        let ran = if is_over {
            killed.code(3)
        } else {
            ops.again(["resume", "--in-doubt", "again"]).run()
        };
        assert_eq!(lines(&ops, "h1", "version"), ["new"], "{at}: {ran}");
        let other = match ran.exit_code() {
            Some(0) => "new",
            Some(3) => "old",
            _ => panic!("{at}: {ran}"),
        };
        assert_eq!(lines(&ops, "h2", "version"), [other], "{at}: {ran}");
        if is_over {
            break;
        }
    }
}

/// The third host fails, so those before it are rolled back: also what an attempt changed that was killed.
#[test]
fn a_rollback_that_is_killed_at_any_write_of_the_journal_is_completed() {
    const PLAYBOOK: &str = r#"
    rollout(hosts("all"), #{
        batch: 2,
        drain: |h| h.run(`: >${h.vars.root}/out`),
        update: |h| {
            let root = h.vars.root;
            h.apply([
                files::file(root + "/conf", "new\n"),
                files::directory(root + "/d"),
                commands::run(`echo done >${root}/ran`, #{ undo: `rm -f ${root}/ran`, repeatable: true }),
            ]);
            h.run(`test ! -e ${root}/bad`);
        },
        readmit: |h| h.run(`rm -f ${h.vars.root}/out`),
    });
    "#;
    let step = if is_long() { 1 } else { 11 };
    let mut points = 0;
    for number in (2..).step_by(step) {
        let mut over = true;
        for side in ["-", "+"] {
            let ops = local(HOSTS.len()).playbook(PLAYBOOK);
            for host in HOSTS {
                std::fs::write(ops.path(host).join("conf"), "old\n").expect("a file");
            }
            std::fs::write(ops.path("h3").join("bad"), "").expect("a file");
            let at = format!("{number}{side}");
            let killed = ops.clone().env("OPS_TEST_DIE_AT", &at).run();
            if killed.exit_code().is_none() {
                over = false;
                points += 1;
                assert!(out(&ops) <= 2, "{at}");
                ops.again(["resume", "--in-doubt", "again"]).run().code(6);
            } else {
                killed.code(6);
            }
            assert_eq!(out(&ops), 0, "{at}");
            for host in HOSTS {
                assert_eq!(lines(&ops, host, "conf"), ["old"], "{at}: {host}");
                for made in ["d", "ran"] {
                    assert!(!ops.path(host).join(made).exists(), "{at}: {host}: {made}");
                }
            }
        }
        if over {
            break;
        }
    }
    println!("{points} points");
    assert!(points > 6);
}
