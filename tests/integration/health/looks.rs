//! `ops health`: the checks that the inventory or a playbook declares, on a fleet.

use super::web::{Web, closed_port, response};
use crate::fleet::Fleet;
use crate::ops::Ops;

/// Two hosts that are this machine, and one that is unreachable.
fn hosts(checks: &str) -> Ops {
    let inventory = format!(
        "[groups.web]\nhosts = [\"web1\", \"web2\"]\nvia = \"local\"\n{checks}\n\
         [hosts.gone]\naddress = \"127.0.0.1\"\nport = {}\nretry_for = \"1s\"\n",
        closed_port()
    );
    Ops::new().inventory(&inventory)
}

#[test]
fn runs_the_checks_of_the_inventory() {
    let web = Web::start(|_| response("200 OK", "", "ok"));
    let checks = format!(
        "vars.port = {}\nvars.ops_health = [{{ http = \"http://127.0.0.1:{{{{ port }}}}/\", body = \"ok\", name = \"the shop\" }}, \"load\"]\n\
         vars.ops_health_disk = [{{ disk = \"/\", free = 1, inodes = 0 }}]\nvars.ops_health_load = [{{ load = true, per_cpu = 10000.0, warning = 9000.0, name = \"idle\" }}]",
        web.port
    );
    // The load of this machine is not under the control of the test.
    let checks = checks.replace(", \"load\"]", "]");
    let ops = hosts(&checks);
    let ran = ops.again(["health"]).run().ok().nothing_left();
    let ran = ran
        .stdout_has("6 checks on 2 hosts in ")
        .stdout_has(": 6 passing");
    let lines: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("HOST"))
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(lines[0], ["HOST", "CHECK", "STATE"]);
    assert_eq!(lines[1][..2], ["web1", "the"]);
    // The run can be shown again as it was.
    let shown = std::process::Command::new(crate::ops::binary())
        .args(["show", "--output", "plain"])
        .env("XDG_STATE_HOME", ops.state())
        .output()
        .expect("the built ops");
    assert_eq!(String::from_utf8_lossy(&shown.stdout), ran.stdout);
    // `ops health` is not the check mode of a deployment.
    let events = ops.again(["health", "--output", "json"]).run().ok();
    assert_eq!(events.events_of("health.checked").len(), 6);
    assert_eq!(events.events_of("run.started")[0]["check"], false);
    assert!(events.stderr.is_empty(), "{}", events.stderr);
}

#[test]
fn the_exit_code_reports_the_worst_state() {
    let one = |check: &str| hosts(&format!("vars.ops_health = [{check}]"));
    let code = |check: &str, arguments: &[&str], code: i32| {
        one(check)
            .again([&["health"], arguments].concat())
            .run()
            .code(code)
    };
    code("{ command = \"true\" }", &[], 0);
    code("{ command = \"exit 1\", warning = 1 }", &[], 0).stdout_has("2 warning");
    code(
        "{ command = \"exit 1\", warning = 1 }",
        &["--fail-on", "warning"],
        3,
    );
    code("{ command = \"exit 2\" }", &[], 3).stdout_has("2 critical");
    code("{ disk = \"/no/such\" }", &[], 3).stdout_has("2 error");
    let unreachable = Ops::new().inventory(&format!(
        "[all]\nvars.ops_health = [\"memory\"]\n[hosts.gone]\naddress = \"127.0.0.1\"\nport = {}\nretry_for = \"1s\"\n",
        closed_port()
    ));
    unreachable
        .again(["health"])
        .run()
        .code(4)
        .stdout_has("gone")
        .stdout_has("1 unreachable");
}

#[test]
fn finds_errors_before_any_host_is_contacted() {
    let refused = |checks: &str, says: &str| {
        let ran = hosts(checks)
            .again(["health"])
            .run()
            .code(2)
            .stderr_has(says);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        ran
    };
    refused(
        "vars.ops_health = [\"load\", { htp = \"http://x/\" }]",
        "check 2: unknown check `htp`",
    )
    .stderr_has("Did you mean `http`?");
    refused(
        "vars.ops_health = [{ http = \"http://x/\", boddy = \"\" }]",
        "inventory.toml:4: `ops_health`: check 1, `http`: option `boddy`",
    )
    .stderr_has("`body`");
    refused(
        "vars.ops_health = [{ tcp = \"{{ prt }}\" }]",
        "`prt` is not defined",
    );
    refused(
        "vars.ops_health_x = [{ tcp = \"a:1\", from = \"contoller\" }]",
        "Did you mean `controller`?",
    );
    refused(
        "vars.ops_health = { tcp = \"a:1\" }",
        "must be a list of checks",
    );
    refused("vars.other = 1", "no host has a variable `ops_health`");
    hosts("vars.ops_health = [\"load\"]")
        .again(["health", "--from", "web3"])
        .run()
        .code(2)
        .stderr_has("--from");
    hosts("vars.ops_health = [\"load\"]")
        .again(["health", "--var", "a=b"])
        .run()
        .code(2)
        .stderr_has("no");
}

const PLAYBOOK: &str = r#"
import "lib/limits" as limits;
let version = param("version", "the release", #{ fallback: "1.0" });
const VERSION = version;
each(hosts("h1"), |h| h.apply(files::file(h.vars.mark, "the playbook ran\n")));

/// The checks of a host.
fn health(h) {
    let release = command("test " + global::VERSION + " = 2.0", #{ name: "release " + global::VERSION });
    [disk("/", #{ free: limits::LEAST, inodes: 0 }), [memory(#{ available: 1 })], if h.name == "h1" { release } else { [] }]
}
"#;

#[test]
fn takes_checks_from_a_playbook_without_running_it() {
    let fleet = Fleet::sshd(2);
    let first = fleet.hosts()[0].name().to_owned();
    let mark = fleet.dir().join("mark").display().to_string();
    let playbook = PLAYBOOK
        .replace("h1", &first)
        .replace("h.vars.mark", &format!("\"{mark}\""));
    let ops = fleet
        .ops()
        .file("health.rhai", &playbook)
        .file("lib/limits.rhai", "export const LEAST = 1;\n");
    ops.again(["health", "health.rhai", "--var", "version=2.0"])
        .run()
        .ok()
        .stdout_has("5 checks on 2 hosts")
        .stdout_has("release 2.0")
        .nothing_left();
    ops.again(["health", "health.rhai"])
        .run()
        .code(3)
        .stdout_has("1 critical")
        .stdout_has("release 1.0");
    assert!(
        !std::path::Path::new(&mark).exists(),
        "the top level of the playbook ran"
    );
    // `h.check` takes the same list.
    let used = format!("{playbook}\neach(hosts(\"{first}\"), |h| h.check(health(h)));\n");
    ops.file("used.rhai", used)
        .again(["run", "used.rhai", "--var", "version=2.0"])
        .run()
        .ok();
}

#[test]
fn reports_a_playbook_without_checks() {
    let with = |playbook: &str, code: i32| {
        let ops = hosts("").file("health.rhai", playbook);
        ops.again(["health", "health.rhai", "--limit", "web1"])
            .run()
            .code(code)
    };
    with("let x = 1;", 2).stderr_has("has no function `health(h)`");
    with("fn health(h) { [disk(\"/\"), 7] }", 3)
        .stderr_has("must return health checks, not an integer");
    with("fn health(h) { fail(\"no idea\") }", 3)
        .stderr_has("no idea")
        .stderr_has("health.rhai");
    with("fn health(h) { h.run(\"true\"); [] }", 3).stderr_has("checks must only read");
    with("fn health(h) { [] }", 0);
}

#[test]
fn checks_from_another_vantage() {
    let web = Web::start(|_| response("200 OK", "", "ok"));
    // A host that is unreachable is checked from another vantage.
    let inventory = format!(
        "[hosts.gone]\naddress = \"127.0.0.1\"\nport = {}\nretry_for = \"1s\"\nvars.ops_health = [{{ http = \"http://127.0.0.1:{}/\" }}]\n[hosts.there]\nvia = \"local\"\n",
        closed_port(),
        web.port
    );
    let ops = Ops::new().inventory(&inventory);
    ops.again(["health"]).run().code(4);
    for from in ["controller", "there"] {
        let ran = ops
            .again(["health", "--from", from, "--output", "json"])
            .run()
            .ok();
        assert_eq!(ran.events_of("health.checked")[0]["vantage"], from);
    }
}
