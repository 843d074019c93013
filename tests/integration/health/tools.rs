//! `http` and `tcp` with the programs of a host, each alone.

use std::sync::{Arc, Mutex};

use super::http::command_lines;
use super::web::{Web, closed_port, header, response};
use super::{here, playbook, seen};
use crate::ops::Ops;
use crate::ran::Ran;

/// Programs that could open a connection, by file name.
const ASKING: [&str; 10] = [
    "curl", "wget", "perl", "nc", "ncat", "bash", "python3", "busybox", "openssl", "socat",
];

/// A run on this machine with all of its programs, except that of those that open connections it has only the
/// given ones.
pub(crate) fn with(tools: &[(&str, &str)], ops: Ops) -> Ops {
    let bin = ops.path("bin");
    std::fs::create_dir(&bin).expect("a directory");
    for directory in ["/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let asks = ASKING
                .iter()
                .any(|tool| name.to_string_lossy().starts_with(tool));
            if !asks {
                // The same program may be in several directories.
                let _ = std::os::unix::fs::symlink(entry.path(), bin.join(name));
            }
        }
    }
    for (name, program) in tools {
        std::os::unix::fs::symlink(program, bin.join(name)).expect("a link");
    }
    let path = bin.display().to_string();
    ops.env("PATH", path)
}

const CURL: &[(&str, &str)] = &[("curl", "/usr/bin/curl")];
const PERL: &[(&str, &str)] = &[("perl", "/usr/bin/perl")];
const WGET: &[(&str, &str)] = &[("wget", "/usr/bin/wget")];
const BUSYBOX_WGET: &[(&str, &str)] = &[("wget", "/usr/bin/busybox")];

fn look(tools: &[(&str, &str)], checks: &[String]) -> Ran {
    with(tools, here())
        .playbook(&playbook(checks))
        .args(["--output", "json"])
        .run()
        .ok()
        .nothing_left()
}

fn server(found: Arc<Mutex<Vec<String>>>) -> Web {
    Web::start(move |request| {
        found
            .lock()
            .expect("no panic")
            .extend(command_lines("token-for-health"));
        match request.split(' ').nth(1).unwrap_or_default() {
            "/down" => response("503 Service Unavailable", "", "db down"),
            "/chunks" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n6\r\nin two\r\n6\r\n parts\r\n0\r\n\r\n".to_vec(),
            "/long" => {
                let mut long = b"HTTP/1.1 200 OK\r\n\r\nbegins".to_vec();
                long.resize(5_000_000, b'x');
                long
            }
            "/token" => {
                let token = header(request, "x-token").unwrap_or("none");
                response("200 OK", "", token)
            }
            _ => response("200 OK", "X-Version: 1.4.2\r\n", "well"),
        }
    })
}

#[test]
fn each_program_gives_the_same_result() {
    let found = Arc::default();
    let web = server(Arc::clone(&found));
    let url = |path: &str| web.url(path);
    for (tools, headers) in [(CURL, true), (PERL, true), (WGET, false)] {
        let ran = look(
            tools,
            &[
                format!(
                    "http(\"{}\", #{{ body: \"well\", header: #{{ \"x-version\": \"1.4.2\" }} }})",
                    url("/")
                ),
                format!("http(\"{}\", #{{ status: \"200\" }})", url("/down")),
                format!(
                    "http(\"{}\", #{{ regex: \"^in two parts$\" }})",
                    url("/chunks")
                ),
                format!("http(\"{}\", #{{ body: \"begins\" }})", url("/long")),
                format!("http(\"http://127.0.0.1:{}/\")", closed_port()),
                format!(
                    "http(\"{}\", #{{ headers: #{{ \"X-Token\": \"token-for-health\" }}, body: \"token-for-health\" }})",
                    url("/token")
                ),
            ],
        );
        let all = seen(&ran, "h1");
        assert_eq!(all[0], "passing: 200 in time", "{tools:?}: {ran}");
        assert_eq!(
            all[1], "critical: 503, expected 200: \"db down\"",
            "{tools:?}"
        );
        assert_eq!(all[2], "passing: 200 in time", "{tools:?}: {ran}");
        assert_eq!(all[3], "passing: 200 in time", "{tools:?}: {ran}");
        assert!(all[4].starts_with("critical: "), "{tools:?}: {all:?}");
        if headers {
            assert_eq!(all[5], "passing: 200 in time", "{tools:?}: {ran}");
        } else {
            assert_eq!(
                all[5], "error: no program that could send the request is installed",
                "{tools:?}"
            );
        }
    }
    assert_eq!(*found.lock().expect("no panic"), Vec::<String>::new());
}

#[test]
fn reports_a_host_without_any_of_them() {
    let web = Web::start(|_| response("200 OK", "", ""));
    for tools in [&[][..], BUSYBOX_WGET] {
        let ran = with(tools, here())
            .playbook(&format!(
                "each(hosts(\"all\"), |h| h.check(http(\"{}\")));",
                web.url("/")
            ))
            .run()
            .code(3);
        ran.stderr_has("no program that could send the request is installed")
            .stderr_has("from: \"controller\"");
    }
}

#[test]
fn does_not_try_what_perl_cannot_do() {
    let checks = [
        "http(\"https://127.0.0.1:1/\")".to_owned(),
        "http(\"http://127.0.0.1:1/\", #{ follow: true })".to_owned(),
    ];
    let none = "error: no program that could send the request is installed";
    assert_eq!(seen(&look(PERL, &checks), "h1"), [none; 2]);
}

#[test]
fn opens_a_connection_with_each() {
    let web = Web::start(|_| Vec::new());
    let checks = [
        format!("tcp(\"127.0.0.1:{}\")", web.port),
        format!("tcp(\"127.0.0.1:{}\")", closed_port()),
        "tcp(\"nonexistent.invalid:80\")".to_owned(),
    ];
    for tools in [
        &[("bash", "/usr/bin/bash")][..],
        PERL,
        &[("python3", "/usr/bin/python3")],
    ] {
        if !std::path::Path::new(tools[0].1).exists() {
            continue;
        }
        let all = seen(&look(tools, &checks), "h1");
        assert_eq!(all[0], "passing: accepts connections", "{tools:?}");
        assert!(
            all[1].starts_with("critical: no connection"),
            "{tools:?} {all:?}"
        );
        assert!(
            all[2].starts_with("error: the name does not resolve"),
            "{tools:?} {all:?}"
        );
    }
    let all = seen(&look(&[], &checks), "h1");
    assert_eq!(all[0], "error: no program that could connect is installed");
}
