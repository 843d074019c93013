//! `wait_until`: its arguments, its output, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use super::web::{Web, response};
use super::{here, seen};

/// Answers 503 to the first requests, up to the given number, and counts all requests.
fn slow_starter(down: usize) -> (Web, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let web = Web::start(move |_| {
        if seen.fetch_add(1, Ordering::SeqCst) < down {
            response("503 Service Unavailable", "", "starting")
        } else {
            response("200 OK", "", "ready")
        }
    });
    (web, count)
}

#[test]
fn waits_for_consecutive_passes_and_shows_only_changes() {
    let (web, count) = slow_starter(4);
    let ran = here()
        .playbook(&format!(
            "each(hosts(\"all\"), |h| {{
                let seen = h.wait_until(http(\"{}\", #{{ rise: 9 }}), #{{ interval: \"5ms\", rise: 3 }});
                log::info(seen.state);
            }});",
            web.url("/")
        ))
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(count.load(Ordering::SeqCst), 7);
    assert_eq!(
        seen(&ran, "h1"),
        [
            "critical: 503, expected 2xx: \"starting\"",
            "passing: 200 in time"
        ]
    );
    let waiting = ran.events_of("health.checked");
    assert!(
        waiting.iter().all(|event| event["waiting"] == true),
        "{ran}"
    );
}

#[test]
fn the_deadline_ends_it_with_the_last_result() {
    let (web, _) = slow_starter(usize::MAX);
    let wait = |options: &str| {
        here()
            .playbook(&format!(
                "each(hosts(\"all\"), |h| {{\n    wait_until(h, http(\"{}\"), #{{ interval: \"10ms\", {options} }});\n}});",
                web.url("/")
            ))
            .run()
            .code(3)
    };
    wait("deadline: \"200ms\"")
        .stdout_has("waiting      h1  http http://127.0.0.1:")
        .stderr_has("not healthy within 200ms: 503, expected 2xx: \"starting\"")
        .stderr_has("playbook.rhai:2:5");
    wait("fall: 3").stderr_has("not healthy 3 consecutive times: 503");
    wait("fall: 0").stderr_has("option `fall` of `wait_until`: must be at least 1");
    wait("initial_delay: \"1m\"")
        .stderr_has("option `initial_delay` of `wait_until`: must be shorter than the deadline");
    wait("what: \"x\"").stderr_has("option `what` of `wait_until`");
}

#[test]
fn waits_for_several_checks_together() {
    let (one, _) = slow_starter(1);
    let (other, _) = slow_starter(3);
    let ran = here()
        .playbook(&format!(
            "each(hosts(\"all\"), |h| {{
                let seen = h.wait_until([
                    http(\"{}\", #{{ interval: \"5ms\" }}),
                    http(\"{}\", #{{ interval: \"7ms\" }}),
                ], #{{ deadline: \"30s\" }});
                log::info(`${{seen.len()}} ${{seen[0].state}} ${{seen[1].state}}`);
            }});",
            one.url("/"),
            other.url("/")
        ))
        .run()
        .ok();
    ran.stdout_has("2 passing passing");
}

#[test]
fn waits_for_a_closure() {
    let wait = |rest: &str| {
        let ops = here();
        let dir = ops.path("");
        ops.playbook(&format!(
            "each(hosts(\"all\"), |h| {{
                wait_until(#{{ what: \"the third line\", interval: \"5ms\", {rest} }}, || {{
                    h.run(\"echo x >> lines; wc -l < lines\", #{{ cwd: \"{}\" }}).stdout == \"3\"
                }});
                log::info(\"it is there\");
            }});",
            dir.display()
        ))
    };
    wait("deadline: \"20s\"")
        .run()
        .ok()
        .stdout_has("it is there");
    wait("rise: 2, fall: 3")
        .run()
        .code(3)
        .stderr_has("gave up waiting for the third line");
    wait("timeout: 1")
        .run()
        .code(3)
        .stderr_has("option `timeout` of `wait_until`: applies only to checks");
    here()
        .playbook(
            "wait_until(#{ what: \"godot\", deadline: \"50ms\", interval: \"5ms\" }, || false);",
        )
        .run()
        .code(3)
        .stderr_has("timed out after 50ms waiting for godot");
    here()
        .playbook("wait_until(#{ what: \"x\" }, || 3);")
        .run()
        .code(3)
        .stderr_has("the closure of `wait_until` must return true or false, not an integer");
    here()
        .playbook("wait_until(#{ what: \"x\" }, || fail(\"no use\"));")
        .run()
        .code(3)
        .stderr_has("no use");
}

#[test]
fn ctrl_c_and_a_timeout_end_it() {
    let silent = Web::start(|_| Vec::new());
    let (web, _) = slow_starter(usize::MAX);
    for url in [silent.url("/"), web.url("/")] {
        let mut running = here()
            .playbook(&format!(
                "log::info(\"begins\");
                 each(hosts(\"all\"), |h| h.wait_until(http(\"{url}\", #{{ timeout: \"5m\", deadline: \"10m\", interval: \"1m\" }})));",
            ))
            .start();
        running.wait_for("begins").signal(Signal::INT);
        running.wait().code(130).nothing_left();
    }
    here()
        .playbook(&format!(
            "each(hosts(\"all\"), |h| timeout(\"300ms\", || h.wait_until(http(\"{}\", #{{ timeout: \"5m\", deadline: \"10m\" }}))));",
            silent.url("/")
        ))
        .run()
        .code(3)
        .stderr_has("took longer than 300ms")
        .nothing_left();
}

#[test]
fn check_mode_checks_once_and_does_not_wait() {
    let (web, count) = slow_starter(usize::MAX);
    let root = tempfile::tempdir().expect("a directory");
    let url = web.url("/");
    let check = |body: &str| {
        let body = format!("each(hosts(\"all\"), |h| {{ {body}; log::info(\"went on\"); }});");
        here()
            .playbook(&body)
            .args(["--check", "--output", "json"])
            .run()
    };
    let change = format!(
        "h.apply(files::directory(\"{}/new\"))",
        root.path().display()
    );

    let ran = check(&format!("{change}; h.check(http(\"{url}\"))")).ok();
    assert_eq!(
        ran.events_of("health.checked")[0]["outcome"],
        "unknown",
        "{ran}"
    );
    assert_eq!(
        ran.events_of("run.finished")[0]["totals"]["unknown"],
        1,
        "{ran}"
    );
    assert!(ran.events_of("log").is_empty(), "{ran}");
    // Nothing would be changed, so the check mode sees what a run would see.
    let ran = check(&format!("h.check(http(\"{url}\"))")).code(3);
    assert_eq!(
        ran.events_of("health.checked")[0]["outcome"],
        "failed",
        "{ran}"
    );
    let before = count.load(Ordering::SeqCst);
    let ran = check(&format!(
        "h.wait_until(http(\"{url}\"), #{{ initial_delay: \"1h\", deadline: \"2h\" }})"
    ))
    .ok();
    assert_eq!(count.load(Ordering::SeqCst), before + 1);
    assert_eq!(
        ran.events_of("health.checked")[0]["outcome"],
        "unknown",
        "{ran}"
    );
    assert!(ran.events_of("log").is_empty(), "{ran}");
    let ran = check(&format!("{change}; h.check(command(\"true\"))")).ok();
    assert_eq!(ran.events_of("log").len(), 1, "{ran}");
    let ran = check("wait_until(#{ what: \"godot\" }, || false)").ok();
    assert!(ran.events_of("log").is_empty(), "{ran}");
}
