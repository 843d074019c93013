//! The identities of steps: the same in every execution of a playbook, whatever its threads, its delays, the
//! number of its polls, and how often something is tried.

use std::collections::BTreeSet;

use super::local;
use crate::generation::is_long;

/// Every way in which closures share a host: the balancer `h4` is changed by the closures of three others, in
/// nested `each`, in a rollout, under a lock, in clean-ups, and while something is waited for.
const PLAYBOOK: &str = r#"
let web = hosts("all:!h4");
let lb = hosts("h4")[0];

fn now_and_then(h) {
    h.run("sleep 0.0$(($(od -An -N1 -tu1 /dev/urandom) % 4))", #{ reads: true });
}

fn polled(h, lb) {
    wait_until(#{ what: "a good number", interval: "2ms", rise: 1 }, || {
        lb.run(`echo poll ${h.name} >/dev/null`);
        h.run("[ $(($(od -An -N1 -tu1 /dev/urandom) % 3)) = 0 ]", #{ reads: true, ok: [0, 1] }).code == 0
    });
}

fn tried(h, lb) {
    retry(#{ times: 1000, delay: "1ms" }, || {
        lb.run("echo try >/dev/null");
        h.run("[ $(($(od -An -N1 -tu1 /dev/urandom) % 3)) = 0 ]", #{ reads: true });
        lb.run("echo tried >/dev/null");
    });
}

fn same(lb) {
    lb.run("echo from two places >/dev/null");
}

for round in 0..2 {
    each(web, |h| {
        finally(|| lb.run("echo good-bye >/dev/null"));
        now_and_then(h);
        lb.run("echo hello >/dev/null");
        polled(h, lb);
        tried(h, lb);
        h.apply(files::file(h.vars.root + "/f", `round ${round}\n`));
        same(lb);
        now_and_then(h);
        same(lb);
        each(hosts("h1:h2"), |other| {
            now_and_then(other);
            lb.run(`echo hello ${other.name} >/dev/null`);
        });
    });
}
with_lock("deploy", #{ scope: "local" }, || {
    rollout(web, #{
        batch: 2,
        min_healthy: "0s",
        interval: "10ms",
        force: true,
        drain: |h| { lb.run(`echo drain ${h.name} >/dev/null`); },
        update: |h| {
            now_and_then(h);
            h.apply(files::file(h.vars.root + "/release", "1\n"));
            lb.run("echo updated >/dev/null");
        },
        healthy: |h| { lb.run("true"); h.check(command("true")) },
        readmit: |h| { lb.run(`echo readmit ${h.name} >/dev/null`); },
    });
});
"#;

/// The identities of a run's steps: those that are the same in every execution, and the others. What is tried
/// again has the identity that it had before.
fn identities(events: &str) -> (Vec<String>, Vec<String>) {
    let mut steps: Vec<(bool, String)> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|event| event["kind"] == "task.finished")
        .map(|event| {
            let tried = event["task"]
                .as_str()
                .is_some_and(|task| task.contains("echo try "));
            (tried, event["step"].as_str().expect("a step").to_owned())
        })
        .collect();
    steps.sort();
    steps.dedup_by(|one, other| one.0 && one == other);
    let steps = steps.into_iter().map(|(_, step)| step);
    steps.partition(|step| step.contains('#'))
}

#[test]
fn every_execution_has_the_same_identities() {
    let times = if is_long() { 1000 } else { 8 };
    let ops = local(4)
        .playbook(PLAYBOOK)
        .args(["--output", "json", "--forks", "3"]);
    let mut expected = None;
    let mut polls = BTreeSet::new();
    for _ in 0..times {
        let ran = ops.run().ok();
        let (steps, polled) = identities(&ran.stdout);
        let distinct: BTreeSet<&String> = steps.iter().chain(&polled).collect();
        assert_eq!(distinct.len(), steps.len() + polled.len(), "{ran}");
        let expected = expected.get_or_insert_with(|| steps.clone());
        assert_eq!(*expected, steps);
        polls.insert(polled.len());
    }
    // Two rounds of three hosts: one task, five commands on the balancer and two of the inner `each`; and the
    // rollout, with one task and one command for each host. Clean-ups run in every attempt.
    assert_eq!(expected.expect("a run").len(), 2 * 3 * 8 + 3 * 2);
    assert!(
        polls.len() > 1,
        "the number of polls never differed: {polls:?}"
    );
}
