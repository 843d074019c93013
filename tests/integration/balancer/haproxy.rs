//! `std/haproxy`: what each closure does, and its error messages.

use super::haproxy_process::config;
use super::{Haproxy, Site, answer, get, kill_shop, revive_shop, slow_request};
use rustix::process::Signal;

use crate::fleet::process::wait_until;
use crate::fleet::{Container, Image, Settings};
use crate::ops::{Ops, Ran};

/// A playbook that calls closures of `lb` for the hosts of `web`. `SOCKET` is for options.
fn playbook(site: &Site, options: &str, body: &str) -> Ops {
    site.ops().playbook(&format!(
        r#"
        import "std/haproxy" as haproxy;
        let balancers = hosts("lb");
        let lb = haproxy::backend(balancers, "shop", #{{ socket: {socket:?}, interval: "20ms", {options} }});
        each(hosts("web"), |h| {{ {body} }});
        "#,
        socket = socket(site),
    ))
}

fn socket(site: &Site) -> String {
    let root = site.balancers()[0].root();
    root.join("admin.sock").display().to_string()
}

fn run(site: &Site, options: &str, body: &str) -> Ran {
    playbook(site, options, body).run()
}

#[test]
fn drain_waits_for_requests_and_ready_waits_for_checks() {
    let site = Site::new(1, 2);
    let haproxy = Haproxy::start(&site, 0);
    let (first, second) = (site.shops()[0].name(), site.shops()[1].name());
    let slow = [
        slow_request(haproxy.address(), 1500),
        slow_request(haproxy.address(), 1500),
    ];
    wait_until(
        || haproxy.sessions(first) + haproxy.sessions(second) == 2,
        || "the requests are not in flight".to_owned(),
    );
    run(
        &site,
        "",
        &format!("if h.name == {first:?} {{ lb.drain(h); }}"),
    )
    .ok();
    assert_eq!(haproxy.state(first), "DRAIN");
    assert_eq!(haproxy.sessions(first), 0);
    for slow in slow {
        assert_eq!(slow.join().expect("answered").trim(), "1.0.0");
    }
    // New requests now go to the other server.
    let by = |name: &str| get(haproxy.address(), "/").contains(name);
    assert!((0..6).all(|_| by(second)));
    let body =
        format!("if h.name == {first:?} {{ lb.ready(h); print(`says ${{lb.status(h)}}`); }}");
    run(&site, "", &body).ok().stdout_has(r#""state": "UP""#);
    assert_eq!(haproxy.up(), 2);
}

#[test]
fn at_the_deadline_drain_fails_and_puts_back_or_warns_and_continues() {
    let site = Site::new(1, 1);
    let haproxy = Haproxy::start(&site, 0);
    let shop = site.shops()[0].name();
    let slow = slow_request(haproxy.address(), 4000);
    wait_until(|| haproxy.sessions(shop) == 1, || "no request".to_owned());
    let still = format!("shop/{shop} still has 1 request on h1 after 200ms");
    run(&site, r#"min_up: 0, deadline: "200ms""#, "lb.drain(h);")
        .code(3)
        .stderr_has(&still);
    assert_eq!(haproxy.state(shop), "UP");
    run(
        &site,
        r#"min_up: 0, deadline: "200ms", on_deadline: "warn""#,
        "lb.drain(h); print(\"went on\");",
    )
    .ok()
    .stdout_has(&still)
    .stdout_has("went on");
    assert_eq!(haproxy.state(shop), "DRAIN");
    drop(slow);
}

#[test]
fn a_server_is_not_taken_out_if_too_few_others_are_up() {
    let site = Site::new(1, 3);
    let haproxy = Haproxy::start(&site, 0);
    let down = &site.shops()[1];
    kill_shop(down);
    haproxy.wait_for(down.name(), "DOWN");
    // One is down, and the other two are drained at once: only one of them may be taken out.
    let refused = run(&site, r#"deadline: "300ms""#, "lb.drain(h);").code(3);
    refused.stderr_has("too few servers of shop are UP on h1");
    let states = || {
        let mut states: Vec<_> = site
            .shops()
            .iter()
            .map(|shop| haproxy.state(shop.name()))
            .collect();
        states.sort();
        states
    };
    assert_eq!(states(), ["DOWN", "DRAIN", "UP"]);

    revive_shop(down);
    haproxy.wait_for(down.name(), "DRAIN");
    run(&site, "", "lb.ready(h);").ok();
    assert_eq!(states(), ["UP", "UP", "UP"]);

    // A share is rounded up: two thirds of three is two, 67 percent is three.
    let first = site.shops()[0].name();
    let drain = format!("if h.name == {first:?} {{ lb.drain(h); }}");
    run(&site, r#"min_up: "67%", deadline: "100ms""#, &drain)
        .code(3)
        .stderr_has("min_up is 67%");
    run(&site, r#"min_up: "66%""#, &drain).ok();
    assert_eq!(states(), ["DRAIN", "UP", "UP"]);
}

#[test]
fn a_server_must_pass_its_checks_after_maintenance() {
    let site = Site::new(1, 2);
    let haproxy = Haproxy::start(&site, 0);
    let shop = &site.shops()[0];
    let body = |closure: &str| format!("if h.name == {:?} {{ lb.{closure}(h); }}", shop.name());
    run(&site, "", &body("maintenance")).ok();
    assert_eq!(haproxy.state(shop.name()), "MAINT");
    kill_shop(shop);
    // HAProxy itself would report UP until its first check fails.
    run(&site, r#"up_deadline: "500ms""#, &body("ready"))
        .code(3)
        .stderr_has(&format!(" for shop/{}, not UP, after 500ms", shop.name()))
        .stderr_has("L4CON");
    revive_shop(shop);
    run(&site, "", &body("wait_up")).ok();
    assert_eq!(haproxy.up(), 2);
    run(&site, r#"state: "maint""#, &body("drain")).ok();
    assert_eq!(haproxy.state(shop.name()), "MAINT");
    run(&site, "", &body("ready")).ok();
    assert_eq!(haproxy.up(), 2);
}

#[test]
fn sets_and_reports_weights() {
    let site = Site::new(1, 1);
    let haproxy = Haproxy::start_with(&site, 0, "default-server weight 10", &site.servers());
    let shop = site.shops()[0].name();
    run(
        &site,
        "",
        "lb.weight(h, 42); print(`now ${lb.status(h).h1.weight}`);",
    )
    .ok()
    .stdout_has("now 42");
    run(&site, "", "lb.weight(h, \"50%\");").ok();
    assert_eq!(haproxy.weight(shop), "5");
    run(&site, "", "lb.weight(h, 1000);")
        .code(3)
        .stderr_has("HAProxy on h1 refuses");
    run(&site, "", "lb.weight(h, \"heavy\");")
        .code(3)
        .stderr_has("invalid weight: `heavy`");
}

#[test]
fn names_what_is_missing() {
    let site = Site::new(1, 1);
    let haproxy = Haproxy::start(&site, 0);
    let shop = site.shops()[0].name();
    let all = ["drain", "ready", "status", "wait_up", "maintenance"];
    let each = all.map(|closure| {
        format!("try {{ lb.{closure}(h) }} catch (e) {{ print(`{closure}: ${{e.message}}`) }}")
    });
    let mut ran = run(&site, r#"server: |h| "web9", min_up: 0"#, &each.join("\n")).ok();
    for closure in all {
        let why = format!(
            "{closure}: the backend `shop` of HAProxy on h1 has no server `web9`: its servers are {shop}"
        );
        ran = ran.stdout_has(&why);
    }
    run(
        &site,
        r#"server: |h| "web1 state maint; show info""#,
        "lb.drain(h);",
    )
    .code(3)
    .stderr_has("invalid name of the server in HAProxy: `web1 state maint; show info`");
    run(&site, "drian: 1", "")
        .code(2)
        .stderr_has("has no option `drian`");
    run(&site, r#"on_deadline: "hope""#, "").code(2).stderr_has(
        "option `on_deadline` of `haproxy::backend` must be one of fail, warn, not `hope`",
    );
    run(&site, r#"min_up: "most""#, "")
        .code(2)
        .stderr_has("option `min_up` of `haproxy::backend` must match `[0-9]+%?`, not `most`");

    let elsewhere = |backend: &str, socket: &str| {
        let playbook = format!(
            r#"
            import "std/haproxy" as haproxy;
            let lb = haproxy::backend(hosts("lb"), {backend:?}, #{{ socket: {socket:?}, min_up: 0 }});
            each(hosts("web"), |h| lb.drain(h));
            "#
        );
        site.ops().playbook(&playbook).run().code(3)
    };
    let admin = socket(&site);
    elsewhere("shpo", &admin).stderr_has("HAProxy on h1 has no backend `shpo` with servers");
    elsewhere("shop", &admin.replace("admin", "user")).stderr_has("does not have `level admin`");
    elsewhere("shop", "/nonexistent.sock")
        .stderr_has("HAProxy on h1 has no socket at /nonexistent.sock");
    assert_eq!(haproxy.state(shop), "UP");
    drop(haproxy);
    elsewhere("shop", &admin).stderr_has("HAProxy on h1");
}

#[test]
fn an_unreachable_balancer_is_not_a_failure_of_the_host() {
    let site = Site::new(1, 1);
    let haproxy = Haproxy::start(&site, 0);
    site.balancers()[0].vanish();
    run(&site, "min_up: 0", "lb.drain(h);").code(4);
    assert_eq!(haproxy.state(site.shops()[0].name()), "UP");
}

#[test]
fn check_mode_changes_nothing() {
    let site = Site::new(1, 1);
    let haproxy = Haproxy::start(&site, 0);
    let shop = site.shops()[0].name();
    let body = "lb.drain(h); lb.ready(h); lb.maintenance(h); lb.weight(h, 9); lb.wait_up(h); print(lb.status(h).h1.state);";
    playbook(&site, "", body)
        .args(["--check"])
        .run()
        .ok()
        .stdout_has(&format!("would drain shop/{shop} on h1"))
        .stdout_has("UP");
    let wrong = playbook(&site, "", "lb.weight(h, \"heavy\");").args(["--check"]);
    wrong.run().code(3).stderr_has("invalid weight: `heavy`");
    assert_eq!(
        (haproxy.state(shop), haproxy.weight(shop)),
        ("UP".into(), "1".into())
    );
}

/// The programs that a balancer with only BusyBox gets, one after the other.
#[test]
fn uses_any_program_that_can_talk_to_the_socket() {
    let site = Site::with(1, 1, &Settings::default().sh("busybox").bare());
    let haproxy = Haproxy::start(&site, 0);
    let shop = site.shops()[0].name();
    let bin = site.balancers()[0].root().with_file_name("bin");
    run(&site, "min_up: 0", "lb.drain(h);")
        .code(3)
        .stderr_has("Install socat");
    for program in ["/usr/bin/perl", "/usr/bin/python3", "/usr/bin/socat"] {
        let link = bin.join(program.rsplit('/').next().expect("a name"));
        if !std::path::Path::new(program).exists() {
            continue;
        }
        std::os::unix::fs::symlink(program, &link).expect("a link");
        run(&site, "min_up: 0", "lb.drain(h);").ok();
        assert_eq!(haproxy.state(shop), "DRAIN", "{program}");
        run(&site, "min_up: 0", "lb.ready(h);").ok();
        assert_eq!(haproxy.state(shop), "UP", "{program}");
        std::fs::remove_file(link).expect("the link");
    }
}

/// Two balancers in front of the same shops. They share a file system, so their sockets have different paths.
#[test]
fn all_balancers_must_agree() {
    let site = Site::new(2, 2);
    let servers = site.servers();
    let first = Haproxy::start(&site, 0);
    let playbook = |body: &str| {
        let playbook = format!(
            r#"
            import "std/haproxy" as haproxy;
            let lb = haproxy::backend(hosts("lb"), "shop", #{{ socket: |b| b.vars.root + "/admin.sock", interval: "20ms", deadline: "300ms" }});
            each(hosts("web[0]"), |h| {{ {body} }});
            "#
        );
        site.ops().playbook(&playbook).run()
    };
    let shop = site.shops()[0].name();
    {
        // The second balancer does not know the server, so the first has put it back in.
        let second = Haproxy::start_with(&site, 1, "", &servers[1..]);
        playbook("lb.drain(h);")
            .code(3)
            .stderr_has(&format!("of HAProxy on h2 has no server `{shop}`"));
        assert_eq!(first.state(shop), "UP");
        drop(second);
    }
    let second = Haproxy::start(&site, 1);
    // A request through the second balancer counts as well.
    let slow = slow_request(second.address(), 3000);
    let other = slow_request(second.address(), 3000);
    wait_until(
        || second.sessions(shop) == 1,
        || "no request is in flight".to_owned(),
    );
    playbook("lb.drain(h);")
        .code(3)
        .stderr_has("on h2 after 300ms");
    assert_eq!(
        (first.state(shop), second.state(shop)),
        ("UP".into(), "UP".into())
    );
    for slow in [slow, other] {
        slow.join().expect("answered");
    }
    playbook("lb.drain(h);").ok();
    assert_eq!(
        (first.state(shop), second.state(shop)),
        ("DRAIN".into(), "DRAIN".into())
    );
    playbook("lb.ready(h); print(lb.status(h).keys());")
        .ok()
        .stdout_has(r#"["h1", "h2"]"#);
    assert_eq!((first.up(), second.up()), (2, 2));
}

/// After `h.undo()`, the restored configuration is loaded too, and a drained server stays drained.
#[test]
fn checks_installs_and_loads_a_configuration() {
    let site = Site::new(1, 2);
    let host = &site.balancers()[0];
    let states = host.root().join("states");
    let lines = "load-server-state-from-file global";
    let haproxy = Haproxy::start_with(&site, 0, lines, &site.servers());
    let template = |lines: &str| {
        let text = config(host, haproxy.address(), lines, &site.servers());
        text.replacen(
            "global\n",
            &format!("global\n  server-state-file {}\n", states.display()),
            1,
        )
    };
    let run = |template: &str, body: &str| {
        let playbook = format!(
            r#"
            import "std/haproxy" as haproxy;
            import "std/haproxy_config" as haproxy_config;
            let lb = haproxy::backend(hosts("lb"), "shop", #{{ socket: |b| b.vars.root + "/admin.sock" }});
            each(hosts("lb"), |h| {{
                let root = h.vars.root;
                let tasks = haproxy_config::file("haproxy.cfg.j2", #{{
                    path: root + "/haproxy.cfg",
                    reload: `kill -USR2 $(cat ${{root}}/haproxy.pid)`,
                    state_file: root + "/states",
                    socket: root + "/admin.sock",
                    mode: "0600",
                }});
                {body}
            }});
            "#
        );
        site.ops()
            .file("haproxy.cfg.j2", template)
            .playbook(&playbook)
            .run()
    };
    // Only the new configuration has this text.
    let is_loaded = |name: &str| haproxy.ask("show servers state").contains(name);
    let old = template(lines);
    run(&old, "h.apply(tasks);").ok();
    run(&old, "print(h.apply(tasks).map(|o| o.outcome));")
        .ok()
        .stdout_has(r#"["unchanged", "unchanged"]"#);

    run(&template("no such keyword"), "h.apply(tasks);")
        .code(3)
        .stderr_has("unknown keyword");
    let drained = site.shops()[0].name();
    let new = old.replace(
        "\nbackend shop\n",
        "\nbackend other\n  server web9 127.0.0.1:9\nbackend shop\n",
    );
    run(
        &new,
        &format!("lb.drain(hosts({drained:?})[0]); h.apply(tasks);"),
    )
    .ok();
    wait_until(
        || is_loaded("web9"),
        || "the new configuration is not loaded".to_owned(),
    );
    haproxy.wait_for(drained, "DRAIN");
    run(&old, "h.apply(tasks); h.undo();").ok();
    wait_until(
        || is_loaded("web9"),
        || "the old configuration is loaded".to_owned(),
    );
    haproxy.wait_for(drained, "DRAIN");
    run(&old, "h.apply(tasks);").ok();
    wait_until(
        || !is_loaded("web9"),
        || "the new configuration is loaded".to_owned(),
    );
}

#[test]
fn an_interrupted_drain_puts_servers_back_in() {
    let site = Site::new(1, 2);
    let haproxy = Haproxy::start(&site, 0);
    let shop = site.shops()[0].name();
    let slow = [
        slow_request(haproxy.address(), 6000),
        slow_request(haproxy.address(), 6000),
    ];
    wait_until(
        || haproxy.sessions(shop) == 1,
        || "no request is in flight".to_owned(),
    );
    let drain = format!("if h.name == {shop:?} {{ lb.drain(h); }}");
    let mut run = playbook(&site, "", &drain).start();
    haproxy.wait_for(shop, "DRAIN");
    run.signal(Signal::INT);
    run.wait().code(130);
    assert_eq!(haproxy.state(shop), "UP");
    // It was already out before this run, so it stays out.
    haproxy.ask(&format!("set server shop/{shop} state drain"));
    run_fails(&site, r#"deadline: "100ms""#, &drain);
    assert_eq!(haproxy.state(shop), "DRAIN");
    drop(slow);
}

#[track_caller]
fn run_fails(site: &Site, options: &str, body: &str) {
    run(site, options, body)
        .code(3)
        .stderr_has("still has 1 request");
}

/// The only kind of client that still reaches a drained server, and how maintenance prevents it.
#[test]
fn maintenance_keeps_bound_clients_off_a_server() {
    let site = Site::new(1, 2);
    let lines = "cookie SERVER insert dynamic\ndynamic-cookie-key some-key";
    let haproxy = Haproxy::start_with(&site, 0, lines, &site.servers());
    let shop = site.shops()[0].name();
    let ask = |cookie: &str| answer(haproxy.address(), &format!("Cookie: SERVER={cookie}\r\n"));
    let cookie = (0..8)
        .map(|_| ask("none"))
        .find(|answer| answer.contains(shop))
        .and_then(|answer| {
            let cookie = answer.split("SERVER=").nth(1)?.split(';').next()?;
            Some(cookie.to_owned())
        })
        .expect("one of the answers is the first shop's, with a cookie");
    let drain = format!("if h.name == {shop:?} {{ lb.drain(h); }}");
    run(&site, "", &drain).ok();
    assert!(ask(&cookie).contains(shop));
    run(&site, r#"state: "maint""#, &drain).ok();
    assert!(!ask(&cookie).contains(shop));
}

/// With systemd: the test uses its own unit, because the container has no unit for HAProxy.
#[test]
fn reloads_a_unit_when_its_configuration_has_changed() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let run = |template: &str| {
        let playbook = r#"
            import "std/haproxy_config" as haproxy_config;
            each(hosts("all"), |h| {
                h.apply(files::file("/etc/systemd/system/balancer.service",
                    "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c 'echo reloaded >>/run/balancer.reloads'\n"));
                h.apply(haproxy_config::file("balancer.cfg.j2", #{
                    path: "/etc/balancer.cfg",
                    service: "balancer",
                    validate: "grep -q frontend %s",
                    vars: #{ port: 8080 },
                }));
            });
        "#;
        let ops = host.ops(&["deploy"]).file("balancer.cfg.j2", template);
        ops.playbook(playbook).args(["-b"]).run()
    };
    let reloads = || host.look("cat /run/balancer.reloads 2>/dev/null || true");
    run("frontend {{ port }}\n").ok();
    assert_eq!(reloads(), "");
    run("backend {{ port }}\n")
        .code(3)
        .stderr_has("files::template /etc/balancer.cfg");
    run("frontend x{{ port }}\n").ok();
    assert_eq!(reloads().trim(), "reloaded");
    assert_eq!(host.look("cat /etc/balancer.cfg").trim(), "frontend x8080");
}
