//! `postgres`, `redis` and `prometheus`, with the real servers.

use std::os::unix::fs::PermissionsExt as _;

use super::http::command_lines;
use super::servers::{Server, done};
use super::tools::with;
use super::web::closed_port;
use super::{here, playbook, seen};
use crate::fleet::{Fleet, Settings};

pub(crate) const PASSWORD: &str = "correct horse 'n battery";

/// A PostgreSQL with one user who has a password. It refuses to run as root.
struct Postgres(Server);

/// The command prefix for a program of PostgreSQL.
fn as_postgres() -> Vec<&'static str> {
    if rustix::process::getuid().is_root() {
        vec![
            "setpriv",
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--clear-groups",
        ]
    } else {
        vec!["env"]
    }
}

fn program(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("postgresql is installed");
    let mut found: Vec<_> = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().expect(name).display().to_string()
}

impl Postgres {
    fn start() -> Self {
        let dir = Self::dir();
        std::fs::write(dir.path().join("password"), PASSWORD).expect("a file");
        let initdb = program("initdb");
        let mut arguments = as_postgres();
        arguments.extend([
            initdb.as_str(),
            "-D",
            "data",
            "-A",
            "scram-sha-256",
            "-U",
            "admin",
            "--pwfile=password",
            "--no-sync",
        ]);
        done(&arguments, dir.path());
        Self::run(dir)
    }

    /// Returns a replica of this one.
    fn replica(&self) -> Self {
        let dir = Self::dir();
        let port = self.0.port.to_string();
        let mut arguments = as_postgres();
        let copy = program("pg_basebackup");
        arguments.extend([
            copy.as_str(),
            "-D",
            "data",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "admin",
            "-R",
            "-c",
            "fast",
            "--no-sync",
        ]);
        done(&arguments, dir.path());
        Self::run(dir)
    }

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777))
            .expect("its mode");
        dir
    }

    fn run(dir: tempfile::TempDir) -> Self {
        let (postgres, port) = (program("postgres"), closed_port());
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
        ];
        let mut arguments = as_postgres();
        // Set after the change of the user, which would clear the parent-death signal.
        arguments.extend(["setpriv", "--pdeathsig", "QUIT", &postgres, "-D", "data"]);
        for setting in &settings {
            arguments.extend(["-c", setting]);
        }
        let server = Server::start_in(dir, port, &arguments);
        // It listens before it is ready.
        let asked = || {
            std::process::Command::new(program("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
        };
        crate::fleet::process::wait_until(
            || asked().is_ok_and(|status| status.success()),
            || "PostgreSQL is not ready".to_owned(),
        );
        Self(server)
    }

    /// Returns a check of it, with these additional options.
    fn check(&self, options: &str) -> String {
        format!(
            "postgres(#{{ host: \"127.0.0.1\", port: {}, timeout: \"20s\", {options} }})",
            self.0.port
        )
    }

    fn login(&self, options: &str) -> String {
        self.check(&format!(
            "user: \"admin\", database: \"postgres\", password: \"{PASSWORD}\", {options}"
        ))
    }
}

fn look(checks: &[String]) -> Vec<String> {
    let ran = here()
        .playbook(&playbook(checks))
        .args(["--output", "json"])
        .run()
        .ok();
    seen(&ran.nothing_left(), "h1")
}

#[track_caller]
fn begin(seen: &[String], expected: &[&str]) {
    for (seen, expected) in seen.iter().zip(expected) {
        assert!(seen.starts_with(expected), "{seen}, expected {expected}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
}

#[test]
fn checks_a_postgres_and_its_replica() {
    let primary = Postgres::start();
    let replica = primary.replica();
    let checks = [
        primary.check(""),
        primary.login("query: \"select 1 + 1\", expect: 2"),
        primary.login("query: \"select count(*) = 0 from pg_class\", expect: true"),
        primary.login("query: \"select 1 where false\""),
        primary.login("query: \"create table t ()\""),
        primary.login("query: \"select nonsense\""),
        primary.login("replica_lag: \"30s\""),
        primary.check("user: \"admin\", database: \"postgres\", password: \"wrong\""),
        primary.check("user: \"admin\", database: \"postgres\""),
        replica.login("replica_lag: \"30s\", query: \"select pg_is_in_recovery()\", expect: true"),
        format!(
            "postgres(#{{ host: \"127.0.0.1\", port: {} }})",
            closed_port()
        ),
    ];
    begin(
        &look(&checks),
        &[
            "passing: accepts connections",
            "passing: the query returned 2",
            "critical: the query returned f, expected t",
            "critical: the query returned no rows",
            "error: the query failed: ",
            "error: the query failed: ",
            "critical: it is a primary, not a replica",
            "critical: cannot connect: ",
            "critical: cannot connect: ",
            "passing: the query returned t",
            "critical: no response",
        ],
    );
    drop(primary);
    // A replica whose primary is gone has replayed everything that it received, and is in sync with nothing.
    let wait = format!(
        "each(hosts(\"all\"), |h| wait_until(#{{ what: \"the replica to notice\", interval: \"100ms\", deadline: \"20s\" }}, || \
         h.check({}, #{{ ok: [\"critical\", \"error\"] }}).message == \"it is a replica that follows no primary\"));\n",
        replica.login("replica_lag: \"30s\"")
    );
    here().playbook(&wait).run().ok();
}

#[test]
fn a_postgres_password_is_not_visible_to_others() {
    let postgres = Postgres::start();
    let check = postgres.login("query: \"select pg_sleep(60)\"");
    let checks = [check.replace("\"20s\"", "1.5")];
    let ops = here()
        .playbook(&playbook(&checks))
        .args(["--output", "json"]);
    let running = ops.start();
    let psql = || command_lines("ON_ERROR_STOP");
    crate::fleet::process::wait_until(|| !psql().is_empty(), || "psql does not run".to_owned());
    let found = command_lines("battery");
    let in_environment = environments("ON_ERROR_STOP");
    let ran = running.wait().ok();
    assert!(found.is_empty(), "{found:?}");
    let holds = |environment: &&String| environment.contains("battery");
    assert_eq!(in_environment.iter().find(holds), None);
    begin(
        &seen(&ran.nothing_left(), "h1"),
        &["critical: no answer within 1s 500ms"],
    );
}

/// Returns the environments of processes with this text in their command lines.
fn environments(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let read = |path: std::path::PathBuf| {
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    processes
        .filter(|process| {
            read(process.path().join("cmdline")).is_ok_and(|line| line.contains(text))
        })
        .filter_map(|process| read(process.path().join("environ")).ok())
        .collect()
}

fn redis(arguments: &[&str]) -> Server {
    let port = closed_port();
    let text = port.to_string();
    let mut all = vec![
        "redis-server",
        "--port",
        &text,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--masterauth",
        PASSWORD,
        "--requirepass",
        PASSWORD,
    ];
    all.extend(arguments);
    Server::start(port, &all)
}

#[test]
fn checks_a_redis_and_its_replica() {
    let primary = redis(&[]);
    let alone = redis(&[]);
    let replica = redis(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let check = |server: &Server, options: &str| {
        format!(
            "redis(\"{}\", #{{ password: \"{PASSWORD}\", {options} }})",
            server.address()
        )
    };
    let wait = format!(
        "each(hosts(\"all\"), |h| {{ h.wait_until({}, #{{ deadline: \"20s\", interval: \"100ms\" }}); h.wait_until({}, #{{ deadline: \"20s\", interval: \"100ms\" }}); }});",
        check(&replica, "replication: true, role: \"replica\""),
        check(&primary, "replication: true, role: \"primary\""),
    );
    here().playbook(&wait).run().ok();
    let checks = [
        check(&primary, ""),
        check(&primary, "replication: true"),
        check(&replica, "replication: true"),
        check(&alone, "replication: true"),
        check(&alone, "role: \"replica\""),
        format!("redis(\"{}\")", alone.address()),
        format!(
            "redis(\"{}\", #{{ password: \"wrong one\" }})",
            alone.address()
        ),
        format!("redis(\"127.0.0.1:{}\")", closed_port()),
    ];
    let expected = [
        "passing: answers".to_owned(),
        "passing: primary with 1 of 1 replicas in sync".to_owned(),
        format!("passing: replica of {}, in sync", primary.address()),
        "critical: primary with 0 replicas, none of them in sync".to_owned(),
        "critical: it is a primary, not a replica".to_owned(),
        "error: the server requires a password".to_owned(),
        "error: the server rejected the password: WRONGPASS".to_owned(),
        "critical: cannot connect: Connection refused".to_owned(),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    begin(&look(&checks), &expected);
    // With each of the programs that can send it, and with none.
    for tools in [
        &[("bash", "/bin/bash")][..],
        &[("nc", "/usr/bin/busybox")],
        &[("perl", "/usr/bin/perl")],
    ] {
        let ran = with(tools, here())
            .playbook(&playbook(&checks))
            .args(["--output", "json"])
            .run()
            .ok();
        let seen = seen(&ran, "h1");
        begin(&seen[..7], &expected[..7]);
        assert!(
            seen[7].starts_with("critical: cannot connect"),
            "{tools:?}: {}",
            seen[7]
        );
    }
    let ran = with(&[], here())
        .playbook(&playbook(&checks[..1]))
        .args(["--output", "json"])
        .run()
        .ok();
    begin(
        &seen(&ran, "h1"),
        &["error: bash, nc or perl is not installed on the machine that runs the check"],
    );
}

#[test]
fn queries_a_prometheus_for_a_number() {
    let port = closed_port();
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "global: {{ scrape_interval: 200ms }}\nscrape_configs: [{{ job_name: self, static_configs: [{{ targets: ['127.0.0.1:{port}', '127.0.0.1:{}'] }}] }}]\n",
        closed_port()
    );
    std::fs::write(dir.path().join("prometheus.yml"), config).expect("its configuration");
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let server = Server::start_in(
        dir,
        port,
        &[
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            &listen,
        ],
    );
    let check = |query: &str, options: &str| {
        format!(
            "prometheus(\"http://{}\", `{query}`, #{{ {options} }})",
            server.address()
        )
    };
    let up = format!("up{{instance=\"127.0.0.1:{port}\"}}");
    let wait = format!(
        "each(hosts(\"all\"), |h| {{ h.wait_until([{}, {}], #{{ deadline: \"30s\", interval: \"100ms\" }}); }});",
        check(&up, "at_least: 1"),
        check("count(up)", "at_least: 2")
    );
    here().playbook(&wait).run().ok();
    let checks = [
        check(&up, "at_least: 1, max_age: \"1m\""),
        check("min(up)", "above: 0"),
        check("up", "at_least: 0"),
        check("nothing_of_that_name", "at_least: 0"),
        check("vector(0) / 0", "at_least: 0"),
        check("vector(1) / 0", "at_least: 0"),
        check("sum(up", "at_least: 0"),
        check("up[1m]", "at_least: 0"),
        check("1 + 1", "below: 3"),
        // A value from ten seconds ago is stale.
        check(&format!("{up} offset 10s"), "at_least: 0, max_age: \"5s\""),
        format!(
            "prometheus(\"http://127.0.0.1:{}\", \"up\", #{{ at_least: 0 }})",
            closed_port()
        ),
    ];
    begin(
        &look(&checks),
        &[
            "passing: 1",
            "critical: 0, expected above 0",
            "error: the query returned 2 series",
            "error: the query returned nothing",
            "error: the query returned NaN",
            "error: the query returned +Inf",
            "error: the query was rejected: bad_data: ",
            "error: the query returned a range or a string, not a number",
            "passing: 2",
            "error: the ",
            "error: ",
        ],
    );
}

#[test]
fn every_shell_checks_its_machine() {
    let checks = [
        "disk(\"/\", #{ free: 1, inodes: 0 })",
        "disk(\"/\", #{ free: \"100%\" })",
        "disk(\"/dev/shm\", #{ free: \"1%\", inodes: \"1%\" })",
        "disk(\"/no/such/path\")",
        "memory(#{ available: 1 })",
        "memory(#{ available: \"100%\" })",
        "load(#{ per_cpu: 10000.0, period: 1 })",
        "dns(\"localhost\")",
        "dns(\"localhost\", #{ address: \"10.0.0.7\" })",
        "dns(\"no-such-name.invalid\")",
    ]
    .map(ToOwned::to_owned);
    for sh in ["dash", "bash", "busybox"] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let ran = fleet
            .ops()
            .playbook(&playbook(&checks))
            .args(["--output", "json"])
            .run()
            .ok();
        let name = fleet.hosts()[0].name().to_owned();
        begin(
            &seen(&ran, &name),
            &[
                "passing: ",
                "critical: ",
                "passing: ",
                "error: df failed for /no/such/path: df: ",
                "passing: ",
                "critical: ",
                "passing: ",
                "passing: ",
                "critical: ",
                "critical: does not resolve",
            ],
        );
    }
}
