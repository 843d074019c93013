//! `std/nginx`: what each closure does, and its error messages.

use std::io::Write as _;
use std::net::TcpStream;

use super::{Nginx, Site, get, slow_request};
use crate::fleet::process::wait_until;
use crate::ops::{Ops, Ran};

/// How a playbook describes the balancers of a site.
pub(crate) const UPSTREAM: &str = r#"
    file: |b| b.vars.root + "/shop.conf",
    test: |b| `nginx -t -p ${b.vars.root} -c ${b.vars.root}/nginx.main`,
    reload: |b| `nginx -s reload -p ${b.vars.root} -c ${b.vars.root}/nginx.main`,
    pid: |b| b.vars.root + "/nginx.pid",
    server: |h| h.vars.shop,
    interval: "20ms",
"#;

/// A playbook that calls closures of `lb` for the hosts of a pattern.
fn playbook(site: &Site, options: &str, pattern: &str, body: &str) -> Ops {
    site.ops().playbook(&format!(
        r#"
        import "std/nginx" as nginx;
        let options = #{{ {UPSTREAM} }};
        let lb = nginx::upstream(hosts("lb"), "shop", options + #{{ {options} }});
        each(hosts({pattern:?}), |h| {{ {body} }});
        "#
    ))
}

fn run(site: &Site, options: &str, pattern: &str, body: &str) -> Ran {
    playbook(site, options, pattern, body).run()
}

#[test]
fn drain_waits_for_requests_in_flight() {
    let site = Site::new(1, 2);
    let nginx = Nginx::start(&site, 0);
    let servers = site.servers();
    let began = std::time::Instant::now();
    let slow = [
        slow_request(nginx.address(), 1500),
        slow_request(nginx.address(), 1500),
    ];
    // Each shop has answered, so those requests have been passed on.
    for _ in 0..2 {
        get(nginx.address(), "/");
    }
    run(&site, "", "web[0]", "lb.drain(h);").ok();
    assert!(began.elapsed().as_millis() >= 1500);
    assert!(nginx.line(&servers[0].1).contains(" max_fails=0 down; # "));
    assert_eq!(nginx.leaving(), 0);
    for slow in slow {
        assert_eq!(slow.join().expect("answered").trim(), "1.0.0");
    }
    for _ in 0..6 {
        assert!(get(nginx.address(), "/").contains(&servers[1].0));
    }
    // It is already out: nothing to do and nothing to wait for.
    run(&site, r#"deadline: "5s""#, "web[0]", "lb.drain(h);").ok();
    let ready = run(
        &site,
        "",
        "web[0]",
        "lb.ready(h); print(lb.status(h).h1.state);",
    );
    ready.ok().stdout_has("up");
    assert!(!nginx.file().contains("down"), "{}", nginx.file());
    wait_until(
        || get(nginx.address(), "/").contains(&servers[0].0),
        || "it gets no requests again".to_owned(),
    );
}

#[test]
fn simultaneous_drains_keep_each_others_edits() {
    let site = Site::new(1, 4);
    let nginx = Nginx::start(&site, 0);
    run(&site, "min_up: 0", "web", "lb.drain(h);").ok();
    assert_eq!((nginx.counter())(), 0);
    run(&site, "", "web", "lb.ready(h);").ok();
    assert_eq!((nginx.counter())(), 4);
    // At most two of the four at once: the third has nothing to wait for.
    run(
        &site,
        r#"min_up: "50%", deadline: "1s""#,
        "web",
        "lb.drain(h);",
    )
    .code(3)
    .stderr_has("min_up is 50%");
    assert_eq!((nginx.counter())(), 2);
}

#[test]
fn old_workers_that_do_not_exit_count_by_their_connections() {
    let site = Site::new(1, 2);
    let nginx = Nginx::start(&site, 0);
    // An upload that does not finish occupies a worker, but no server.
    let mut upload = TcpStream::connect(nginx.address()).expect("nginx listens");
    upload
        .write_all(b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\nhalf")
        .expect("a partial upload");
    // Answered after the upload was accepted.
    get(nginx.address(), "/");
    run(&site, r#"deadline: "3s""#, "web[0]", "lb.drain(h);")
        .code(3)
        .stderr_has("old workers have not exited");
    assert!(!nginx.file().contains("down"), "{}", nginx.file());
    run(&site, r#"settle: "100ms""#, "web[0]", "lb.drain(h);").ok();
    assert!(nginx.leaving() > 0);
    drop(upload);
}

#[test]
fn restores_a_configuration_that_nginx_rejects() {
    let site = Site::new(1, 2);
    let nginx = Nginx::start(&site, 0);
    let before = nginx.file();
    let broken = site.balancers()[0].root().join("broken.conf");
    std::fs::write(&broken, "no_such_directive;\n").expect("a file");
    run(&site, "", "web[0]", "lb.drain(h);")
        .code(3)
        .stderr_has("nginx on h1 does not accept its configuration")
        .stderr_has("no_such_directive");
    assert_eq!(nginx.file(), before);
    std::fs::remove_file(broken).expect("the file");
    run(
        &site,
        r#"reload: "echo no; exit 1""#,
        "web[0]",
        "lb.drain(h);",
    )
    .code(3)
    .stderr_has("nginx on h1 does not reload: no");
    assert_eq!(nginx.file(), before);
}

#[test]
fn names_what_is_missing() {
    let site = Site::new(1, 1);
    let nginx = Nginx::start(&site, 0);
    let all = ["drain", "ready", "status", "wait_up", "maintenance"];
    let each = all.map(|closure| {
        format!("try {{ lb.{closure}(h) }} catch (e) {{ print(`{closure}: ${{e.message}}`) }}")
    });
    let options = r#"min_up: 0, server: |h| "127.0.0.1:1""#;
    let mut ran = run(&site, options, "web", &each.join("\n")).ok();
    for closure in all {
        let why = format!(
            "{closure}: the upstream `shop` on h1 has no line with the server `127.0.0.1:1`"
        );
        ran = ran.stdout_has(&why);
    }
    run(&site, r#"file: "/nonexistent""#, "web", "lb.drain(h);")
        .code(3)
        .stderr_has("h1 has no file /nonexistent");
    run(&site, r#"file: "/etc/passwd""#, "web", "lb.drain(h);")
        .code(3)
        .stderr_has("has no upstream `shop`");
    run(&site, r#"server: |h| "a; }""#, "web", "lb.drain(h);")
        .code(3)
        .stderr_has("invalid address of a server: \"a; }\"");
    run(&site, "prot: 1", "web", "")
        .code(3)
        .stderr_has("Did you mean `port`?");
    nginx.kill();
    run(&site, "min_up: 0", "web", "lb.drain(h);")
        .code(3)
        .stderr_has("nginx on h1 is not running");
}

#[test]
fn sets_weights_and_check_mode_changes_nothing() {
    let site = Site::new(1, 2);
    let nginx = Nginx::start(&site, 0);
    let before = nginx.file();
    let body = "lb.drain(h); lb.ready(h); lb.weight(h, 3); print(lb.status(h).h1.weight);";
    playbook(&site, "", "web[0]", body)
        .args(["--check"])
        .run()
        .ok()
        .stdout_has("would drain")
        .stdout_has("1");
    assert_eq!(nginx.file(), before);
    run(
        &site,
        "",
        "web[0]",
        "for w in [3, 5] { lb.weight(h, w); } print(lb.status(h));",
    )
    .ok()
    .stdout_has(r#""weight": 5"#);
    assert_eq!(
        nginx.file().matches("weight=").count(),
        1,
        "{}",
        nginx.file()
    );
}

#[test]
fn writes_an_upstream_and_keeps_drained_servers() {
    let site = Site::new(1, 2);
    let nginx = Nginx::start(&site, 0);
    let before = nginx.file();
    let servers: Vec<_> = site
        .servers()
        .into_iter()
        .map(|(_, address)| address)
        .collect();
    let run = |lines: &str, body: &str| {
        let playbook = format!(
            r#"
            import "std/nginx" as nginx;
            import "std/nginx_config" as nginx_config;
            let options = #{{ {UPSTREAM} }};
            let lb = nginx::upstream(hosts("lb"), "shop", options);
            each(hosts("lb"), |b| {{
                let given = #{{ servers: {servers:?}, lines: {lines} }};
                for key in ["file", "test", "reload", "pid"] {{ given[key] = options[key].call(b); }}
                let task = nginx_config::upstream("shop", given);
                {body}
            }});
            "#
        );
        site.ops().playbook(&playbook).run()
    };
    run("[\"least_conn\"]", "b.apply(task); b.undo();").ok();
    assert_eq!(nginx.file(), before);
    run(
        "[\"least_conn\"]",
        "b.apply(task); print(b.apply(task).outcome);",
    )
    .ok()
    .stdout_has("unchanged");
    run("[\"no_such\"]", "b.apply(task);")
        .code(3)
        .stderr_has("no_such");
    assert!(nginx.file().contains("least_conn;"), "{}", nginx.file());
    run("[]", "lb.drain(hosts(\"web[0]\")[0]); b.apply(task);").ok();
    assert!(!nginx.file().contains("least_conn"), "{}", nginx.file());
    assert!(
        nginx.line(&servers[0]).ends_with(" down;"),
        "{}",
        nginx.file()
    );
    assert!(nginx.workers() > 0);
}
