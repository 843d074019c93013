//! What a rollout knows of the hosts before it begins, and while it works on them: which ones the balancer
//! has out of service, and which are up to date.

use std::fs;

use super::Service;
use crate::fleet::Fleet;
use crate::ops::Ops;

/// The balancer of [`Service`].
const ASKED: &str = "in_service: |h| h.run(`test -e ${h.vars.root}/in-service && echo yes || echo no`, #{ reads: true }).stdout == \"yes\",";

fn asked(hosts: usize, options: &str) -> Service {
    Service::new(hosts, &format!("{ASKED} {options}"))
}

fn take_out(service: &Service, host: usize) {
    fs::remove_file(service.path(host, "in-service")).expect("it was in service");
}

#[test]
fn hosts_that_are_out_of_service_go_first_and_are_readmitted() {
    let service = asked(4, "batch: 2, max_unavailable: 2,");
    take_out(&service, 3);
    take_out(&service, 4);
    let ran = service.ops().args(["--output", "json"]).run().ok();
    assert_eq!(service.left(), ["2", "2", "2", "2"]);
    let batches = ran.events_of("rollout.batch_started");
    assert_eq!(
        batches[0]["hosts"],
        serde_json::json!(["h3", "h4"]),
        "{ran}"
    );
    assert!(
        ran.stdout
            .contains("the balancer has 2 of 4 hosts out of service before the rollout: h3, h4"),
        "{ran}"
    );
}

#[test]
fn names_hosts_out_of_service_that_cannot_be_readmitted() {
    let service = asked(4, "").with(3, "fail-updated", "");
    take_out(&service, 3);
    take_out(&service, 4);
    let ops = service.ops();
    let ran = ops.run().code(6);
    assert_eq!(service.left(), ["1", "1", "1 out", "1 out"]);
    assert_eq!(service.steps(4), ["old"], "it was never started");
    let ran = ran
        .stdout_has(
            "h3: it was out of service before the rollout, and was restored to its former state",
        )
        .stdout_has(
            "h4: out of service since before the rollout, and not started: the rollout was aborted",
        )
        .stdout_has("h1, h2: not started: the rollout was aborted")
        .stderr_has("left out: h3 (old version), h4 (unknown version)");
    ran.nothing_left();
    Ops::new()
        .env("XDG_STATE_HOME", ops.state())
        .args(["show"])
        .run()
        .ok()
        .stdout_has("h4: out of service since before the rollout");
}

#[test]
fn a_balancer_that_does_not_answer_ends_it_before_any_change() {
    let service = Service::new(
        2,
        "in_service: |h| h.run(\"echo no socket >&2; exit 1\", #{ reads: true }),",
    );
    let ran = service.ops().run().code(3);
    ran.stderr_has("cannot determine whether h")
        .stderr_has("so nothing was started")
        .nowhere("left out");
    assert_eq!(service.left(), ["1", "1"]);
    let service = Service::new(1, "in_service: |h| \"yes\",");
    let ran = service.ops().run().code(3);
    ran.stderr_has("`in_service` must return true or false, not a string");
}

#[test]
fn a_failed_drain_leaves_no_serving_host_out() {
    let service = asked(2, "");
    // The drain fails before it has taken the host out, and readmitting would fail too.
    for host in [1, 2] {
        fs::write(service.path(host, "fail-drain"), "").expect("a file");
        fs::write(service.path(host, "fail-readmit"), "").expect("a file");
    }
    let ran = service.ops().run().code(6);
    ran.stderr_has("Untouched: h1, h2.").nowhere("left out");
    assert_eq!(service.left(), ["1", "1"]);
}

#[test]
fn drains_a_host_again_that_comes_back_during_its_change() {
    // The second host is the balancer.
    let playbook = r#"
        let lb = hosts("h2")[0];
        fn tell(lb, h, what, then) { lb.run(`cd ${h.vars.root} && echo ${what} >> log && ${then}`); }
        rollout(hosts("h1"), #{
            in_service: |h| lb.run(`test -e ${h.vars.root}/in-service && echo yes || echo no`, #{ reads: true }).stdout == "yes",
            drain: |h| tell(lb, h, "drain", "rm -f in-service"),
            update: |h| h.run(`cd ${h.vars.root} && echo update >> log && while test -e hold-update; do sleep 0.02; done`),
            readmit: |h| tell(lb, h, "readmit", "touch in-service"),
        });
    "#;
    let service = Service::new(2, "").with(1, "hold-update", "");
    let mut running = service.ops().playbook(playbook).start();
    service.wait_for_step(1, "update");
    fs::write(service.path(1, "in-service"), "").expect("a file");
    running.wait_for("it is back in service although the rollout took it out");
    crate::fleet::process::wait_until(
        || !service.path(1, "in-service").exists(),
        || "it is not drained again".to_owned(),
    );
    fs::remove_file(service.path(1, "hold-update")).expect("it is held");
    running.wait().ok();
    assert_eq!(service.steps(1), ["drain", "update", "drain", "readmit"]);
    assert!(service.path(1, "in-service").exists());
}

/// An update that consists of tasks.
const GUARDED: &str = r#"
rollout(hosts("all"), #{
    OPTIONS
    min_healthy: "60ms",
    interval: "20ms",
    drain: |h| h.run(`echo drain >> ${h.vars.root}/log`),
    update: |h| {
        UPDATE
        h.apply(files::file(h.vars.root + "/version", "2\n"));
    },
    healthy: |h| h.run(`grep -qx 2 ${h.vars.root}/version && test ! -e ${h.vars.root}/sick`, #{ reads: true }),
});
"#;

fn guarded(service: &Service, options: &str, update: &str) -> Ops {
    let ops = service.ops();
    let text = GUARDED
        .replace("OPTIONS", options)
        .replace("UPDATE", update);
    ops.playbook(&text).args(["--output", "json"])
}

#[test]
fn skips_hosts_on_which_nothing_would_change() {
    let service = Service::new(3, "");
    let ops = guarded(&service, "", "");
    ops.run().ok();
    // The first host lost its version, and the second one is not healthy.
    fs::write(service.path(1, "version"), "1\n").expect("a file");
    for host in 1..=3 {
        fs::write(service.path(host, "log"), "").expect("a file");
    }
    let ran = ops.run().ok();
    let finished = ran.events_of("rollout.finished");
    let hosts = &finished[0]["hosts"];
    assert_eq!(hosts["h1"]["fate"], "updated", "{ran}");
    for host in ["h2", "h3"] {
        assert_eq!(hosts[host]["fate"], "unchanged", "{ran}");
        assert_eq!(
            hosts[host]["reason"],
            "`update` would change nothing, and it is healthy"
        );
    }
    let steps = |host| service.steps(host);
    assert_eq!((steps(1), steps(2)), (vec!["drain".to_owned()], Vec::new()));
    assert_eq!(
        ran.events_of("run.finished")[0]["totals"]["changed"],
        2,
        "{ran}"
    );

    // A host that is not healthy is updated, and with `force` all hosts are.
    fs::write(service.path(2, "sick"), "").expect("a file");
    guarded(
        &service,
        "healthy_deadline: \"300ms\", on_abort: \"stop\",",
        "",
    )
    .run()
    .code(3);
    assert_eq!(service.steps(2), ["drain"]);
    fs::remove_file(service.path(2, "sick")).expect("it exists");
    guarded(&service, "force: true,", "").run().ok();
    assert_eq!(service.steps(3), ["drain"]);
}

#[test]
fn runs_an_update_with_an_unknown_part() {
    let updates = [
        "h.run(\"true\");",
        "if h.run(\"true\").code == 0 { log::info(\"fine\"); }",
        "h.apply(commands::run(\"true\"));",
    ];
    for update in updates {
        let service = Service::new(1, "");
        let ops = guarded(&service, "", update);
        ops.run().ok();
        let ran = ops.run().ok();
        let finished = ran.events_of("rollout.finished");
        assert_eq!(
            finished[0]["hosts"]["h1"]["fate"], "updated",
            "{update}: {ran}"
        );
        assert_eq!(
            fs::read_to_string(service.path(1, "log")).expect("a log"),
            "drain\ndrain\n"
        );
    }
}

/// A closure may use other hosts than the one that it is called for.
#[test]
fn a_rehearsal_changes_no_host_that_the_update_captured() {
    let service = Service::new(2, "");
    let text = GUARDED.replace("OPTIONS", "").replace(
        "UPDATE",
        "other.apply(files::file(other.vars.root + \"/rehearsed\", \"x\")); other.run(`touch ${other.vars.root}/ran`);",
    );
    let text = text.replace("hosts(\"all\")", "hosts(\"h1\")").replace(
        "drain: |h| h.run(`echo drain",
        "drain: |h| h.run(`exit 1; echo drain",
    );
    let text = format!("let other = hosts(\"h2\")[0];\n{text}");
    service.ops().playbook(&text).run().code(6);
    for file in ["rehearsed", "ran"] {
        assert!(!service.path(2, file).exists(), "{file}");
    }
}

#[test]
fn reports_a_lost_host_once_and_not_every_second() {
    let service = Service::new(2, "order: \"inventory\", healthy_deadline: \"3s\",").with(
        1,
        "hold-healthy",
        "",
    );
    let ops = service.ops().args(["--output", "json"]);
    let running = ops.start();
    service.wait_for_step(1, "healthy");
    service.host(1).vanish();
    let ran = running.wait().code(7);
    let lost = ran.events_of("host.unreachable");
    assert_eq!(lost.len(), 1, "{ran}");
    let end = &ran.events_of("rollout.finished")[0]["hosts"]["h1"];
    assert_eq!(end["fate"], "left_out", "{ran}");
    assert_eq!(end["unrestored"]["kind"], "unreachable", "{ran}");
    service.host(1).come_back();
}

#[test]
fn a_run_that_lost_its_lock_names_the_new_holder() {
    let service = Service::new(1, "").with(1, "hold-update", "");
    let locked = super::PLAYBOOK
        .replace("OPTIONS", "")
        .replace(
            "rollout(hosts",
            "let all = hosts(\"all\");\nwith_lock(\"deploy/shop\", || rollout(hosts",
        )
        .replace(
            "old\", \"grep -qx 1 version\"),\n});",
            "old\", \"grep -qx 1 version\"),\n}));",
        );
    let ops = service.ops().playbook(&locked);
    let mut first = ops.start();
    service.wait_for_step(1, "update");
    first.signal(rustix::process::Signal::STOP);
    crate::lock::age(service.host(1));
    let second = service.fleet.ops().playbook(crate::lock::TAKE);
    second.run().ok();
    first.signal(rustix::process::Signal::CONT);
    fs::remove_file(service.path(1, "hold-update")).expect("it is held");
    let ran = first.wait().code(5);
    ran.stdout_has("this run lost the lock: see the report of the run that took it over")
        .stderr_has("the rollout ended before it was complete")
        .stderr_has("Left to the run that took the lock over: h1")
        .nowhere("stays out of service");
}

#[test]
fn a_limit_does_not_exclude_the_balancer() {
    let fleet = Fleet::sshd(2);
    let run = |playbook: &str| {
        let ops = fleet.ops().playbook(playbook);
        ops.args(["--limit", "h2"]).run()
    };
    run("let lb = hosts(\"h1\", #{ limit: false }); for b in lb { print(b.run(\"echo looked\", #{ reads: true }).stdout); b.run(\"true\"); }")
        .ok()
        .stdout_has("looked")
        .nowhere("is empty");
    run("let lb = hosts(\"h1\"); print(`has ${lb.len()}`);")
        .ok()
        .stdout_has("has 0")
        .stdout_has("hosts(\"h1\") is empty: --limit excludes its only host");
    for (what, change) in [
        ("apply", "h.apply(files::absent(\"/nonexistent/x\"))"),
        ("rollout", "rollout([h], #{ update: |h| () })"),
    ] {
        run(&format!(
            "for h in hosts(\"all\", #{{ limit: false }}) {{ {change}; }}"
        ))
        .code(3)
        .stderr_has(&format!(
            "`{what}` would change a host that --limit excludes"
        ));
    }
    for module in ["haproxy", "nginx"] {
        let made = if module == "haproxy" {
            "backend"
        } else {
            "upstream"
        };
        run(&format!(
            "import \"std/{module}\" as lb;\nlet b = lb::{made}(hosts(\"h1\"), \"shop\");"
        ))
        .code(3)
        .stderr_has("no balancers were given for `shop`")
        .stderr_has("limit: false");
    }
}

#[test]
fn finds_impossible_times_before_the_run() {
    let rollout = "rollout(hosts(\"all\"), #{\n    update: |h| h.run(\"true\"),\n    healthy: |h| true,\n    TIMES\n});\n";
    let check = |times: &str, head: &str| {
        let text = format!("{head}{}", rollout.replace("TIMES", times));
        let ops = Ops::new().inventory("[hosts.web1]\n").file("p.rhai", text);
        ops.args(["check", "p.rhai"]).run()
    };
    for (times, head) in [
        ("min_healthy: \"5m\",", ""),
        ("min_healthy: \"20s\", healthy_deadline: 20,", ""),
        (
            "min_healthy: proved, healthy_deadline: \"30s\",",
            "let proved = param(\"proved\", \"how long\", #{ fallback: \"1m\", type: \"duration\" });\n",
        ),
        (
            "min_healthy: \"1m\", healthy_deadline: limit,",
            "const limit = \"1m\";\n",
        ),
    ] {
        check(times, head).code(2).stderr_has(
            "option `min_healthy` of `rollout`: must be shorter than `healthy_deadline`",
        );
    }
    check("healthy_deadline: \"1m\", progress_deadline: \"30s\",", "")
        .code(2)
        .stderr_has("option `progress_deadline` of `rollout`");
    check(
        "min_healthy: proved,",
        "let proved = param(\"proved\", \"how long\", #{ type: \"duration\" });\n",
    )
    .ok();
    check("min_healthy: \"20s\",", "").ok();
}

#[test]
fn check_mode_describes_each_host_in_one_line() {
    let service = Service::new(3, "batch: 2,");
    let ops = service.ops();
    ops.args(["--check"])
        .run()
        .ok()
        .stdout_has("would process each host in 2 batches: drain it, update it, wait until it has been healthy for 60ms (at most 5m), put it back into service");
    assert_eq!(service.left(), ["1", "1", "1"]);
}
