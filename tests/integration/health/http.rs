//! `http`: its requests and its results, on every shell.

use std::sync::{Arc, Mutex};

use super::web::{Secure, Web, closed_port, header, response};
use super::{here, playbook, seen};
use crate::fleet::{Fleet, Settings};

/// Every character that could have a meaning for a shell, curl's configuration or `printf`.
const NASTY: &str = r#"it's "so" \ \n %s %% $(id) `id` ${HOME} ; & | > -x # ü"#;

#[test]
fn every_shell_sends_the_same_request() {
    let web = Web::start(|request| {
        let token = header(request, "x-token").unwrap_or_default();
        response("200 OK", &format!("X-Got: {token}\r\n"), request)
    });
    for sh in ["dash", "bash", "busybox"] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let quoted = NASTY.replace('\\', "\\\\").replace('"', "\\\"");
        let checks = [
            format!(
                "http(\"{}\", #{{ headers: #{{ \"X-Token\": \"{quoted}\" }}, header: #{{ \"x-got\": \"{quoted}\" }} }})",
                web.url("/a'b\\\"c?d=$(e)&f=%20\\\\")
            ),
            format!(
                "http(\"{}\", #{{ host: \"shop.example\", regex: \"(?i)^GET /x HTTP.*(?s:.*)\\nHost: shop.example\\r\\n\" }})",
                web.url("/x")
            ),
            format!("http(\"{}\", #{{ method: \"HEAD\" }})", web.url("/")),
            format!(
                "http(\"{}\", #{{ method: \"OPTIONS\", body: \"OPTIONS /\" }})",
                web.url("/")
            ),
            format!(
                "http(\"{}\", #{{ body: \"authorization: basic YW15OnBAc3M=\", regex: \"(?i)accept\" }})",
                web.url("/").replace("//", "//amy:p%40ss@")
            ),
        ];
        let ran = fleet.ops().playbook(&playbook(&checks));
        let ran = ran.args(["--output", "json"]).run().ok().nothing_left();
        let all = seen(&ran, "h1");
        assert_eq!(&all[..4], ["passing: 200 in time"; 4], "{sh}: {ran}");
        // The header is sent in the usual case, and the body must match exactly.
        assert!(all[4].starts_with("critical: 200, but"), "{sh}: {ran}");
        assert!(!ran.stdout.contains("p%40ss"), "{sh}: {ran}");
    }
}

#[test]
fn a_failure_reports_the_response_and_the_source() {
    let web = Web::start(|_| response("503 Service Unavailable", "", "db\ndown\n"));
    let ran = here()
        .playbook(&format!(
            "each(hosts(\"all\"), |h| {{\n    h.check(http(\"{}\", #{{ status: 200 }}));\n}});",
            web.url("/healthz")
        ))
        .run()
        .code(3);
    ran.stdout_has("critical     h1  http http://127.0.0.1:")
        .stdout_has("/healthz: 503, expected 200: \"db down\"")
        .stderr_has("/healthz: 503, expected 200: \"db down\"")
        .stderr_has("playbook.rhai:2:7")
        .stderr_has("on host h1");
}

#[test]
fn follows_a_redirect_only_on_request() {
    let web = Web::start(|request| {
        if request.starts_with("GET /old") {
            response("301 Moved Permanently", "Location: /new\r\n", "moved")
        } else {
            response("200 OK", "", "it is new here")
        }
    });
    let url = web.url("/old");
    let ran = here()
        .playbook(&playbook(&[
            format!("http(\"{url}\")"),
            format!("http(\"{url}\", #{{ status: [200, \"3xx\"] }})"),
            format!("http(\"{url}\", #{{ follow: true, body: \"new here\" }})"),
        ]))
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(
        seen(&ran, "h1"),
        [
            "critical: 301 to /new, expected 2xx: \"moved\"",
            "passing: 301 in time",
            "passing: 200 in time"
        ]
    );
}

#[test]
fn verifies_certificates_for_the_requested_name() {
    let secure = Secure::start();
    let (port, ca) = (secure.port, secure.certificate.display());
    let url = format!("https://127.0.0.1:{port}/");
    let ran = here()
        .playbook(&playbook(&[
            format!("http(\"{url}\")"),
            format!("http(\"{url}\", #{{ insecure: true }})"),
            format!("http(\"{url}\", #{{ ca: \"{ca}\" }})"),
            format!("http(\"{url}\", #{{ ca: \"{ca}\", host: \"shop.example\" }})"),
            format!("http(\"{url}\", #{{ ca: \"/nonexistent\" }})"),
        ]))
        .args(["--output", "json"])
        .run()
        .ok();
    let all = seen(&ran, "h1");
    assert!(all[0].starts_with("critical: TLS: "), "{all:?}");
    assert_eq!(all[1], "passing: 200 in time");
    assert!(all[2].starts_with("critical: TLS: "), "{all:?}");
    assert_eq!(all[3], "passing: 200 in time");
    assert!(all[4].starts_with("error: "), "{all:?}");
}

#[test]
fn gives_up_on_a_hanging_server_and_leaves_nothing() {
    let silent = Web::start(|_| Vec::new());
    let web = Web::start(|_| response("200 OK", "", ""));
    // The checks after the one that is killed still run.
    let ran = here()
        .playbook(&playbook(&[
            format!("http(\"{}\", #{{ timeout: \"300ms\" }})", silent.url("/")),
            format!("http(\"{}\")", web.url("/")),
        ]))
        .args(["--output", "json"])
        .run()
        .ok()
        .nothing_left();
    assert_eq!(
        seen(&ran, "h1"),
        ["critical: no answer within 300ms", "passing: 200 in time"]
    );
}

#[test]
fn a_secret_is_not_in_command_lines_and_is_scrubbed() {
    const SECRET: &str = "correct-horse-battery";
    let found = Arc::new(Mutex::new(Vec::new()));
    let web = Web::start({
        let found = Arc::clone(&found);
        move |request| {
            found
                .lock()
                .expect("no panic")
                .extend(command_lines(SECRET));
            response("503 Service Unavailable", "", request)
        }
    });
    let ran = here()
        .playbook(&format!(
            "let token = secret(#{{ env: \"TOKEN\" }});
             each(hosts(\"all\"), |h| h.check(http(\"{}\", #{{ headers: #{{ \"X-A\": token }} }})));",
            web.url("/")
        ))
        .env("TOKEN", SECRET)
        .run()
        .code(3)
        .nowhere(SECRET);
    assert!(ran.stdout.contains("[secret]"), "{ran}");
    assert_eq!(*found.lock().expect("no panic"), Vec::<String>::new());
}

/// Returns the command lines and environments of all processes that contain a text, except those of the run
/// itself, whose environment has it.
pub(crate) fn command_lines(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

#[test]
fn distinguishes_critical_from_error() {
    let closed = closed_port();
    let odd = Web::start(|_| b"220 mail.example ESMTP\r\n".to_vec());
    let ran = here()
        .playbook(&playbook(&[
            format!("http(\"http://127.0.0.1:{closed}/\")"),
            "http(\"http://nonexistent.invalid/\")".to_owned(),
            format!("http(\"{}\")", odd.url("/")),
        ]))
        .args(["--output", "json"])
        .run()
        .ok();
    let all = seen(&ran, "h1");
    assert!(all[0].starts_with("critical: "), "{all:?}");
    assert!(all[1].starts_with("error: "), "{all:?}");
    assert!(all[2].starts_with("critical: "), "{all:?}");
}
