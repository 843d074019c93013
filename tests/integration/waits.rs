//! Every wait is reported while it lasts.

use std::io::Read as _;
use std::net::TcpListener;

use crate::ops::Ops;
use crate::ran::Ran;
use crate::terminal::Terminal;

/// A host `h1` that is this machine, and a run that reports a wait after 50 ms instead of seconds.
fn here(playbook: &str) -> Ops {
    let ops = Ops::new();
    let state = ops.path("state").display().to_string();
    let line = format!("h1 ansible_connection=local ops_state_dir={state}\n");
    ops.inventory_named("hosts.ini", &line)
        .playbook(playbook)
        .env("OPS_TEST_PACE", "50")
}

/// Returns the waits reported in JSON: the host and the reason, each once.
fn reported(ran: &Ran) -> Vec<String> {
    let mut reported: Vec<String> = Vec::new();
    for event in ran.events_of("waiting") {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let line = format!("{} {}", text("host"), text("what"));
        if !reported.contains(&line) {
            reported.push(line);
        }
    }
    reported
}

/// The same for a playbook that succeeds.
fn reported_in(playbook: &str) -> Vec<String> {
    let ran = here(playbook).args(["--output", "json"]).run().ok();
    reported(&ran)
}

#[test]
fn reports_what_a_playbook_waits_for() {
    for (body, what) in [
        ("sleep(\"200ms\");", " for a sleep of 200ms"),
        (
            "let n = 0; retry(#{ times: 3, delay: \"200ms\" }, || { n += 1; if n < 2 { fail(\"no\") } });",
            " to try again (attempt 2 of 3)",
        ),
        (
            "let n = 0; wait_until(#{ what: \"the queue\", interval: \"150ms\" }, || { n += 1; n > 2 });",
            " for the queue",
        ),
        (
            "for i in 0..20 { sleep(\"15ms\", \"until it is there\"); }",
            " until it is there",
        ),
        (
            "each(hosts(\"all\"), |h| sleep(\"200ms\"));",
            "h1 for a sleep of 200ms",
        ),
        (
            "each(hosts(\"all\"), |h| { h.run(\"sleep 0.4\"); });",
            "h1 for run sleep 0.4",
        ),
        (
            "each(hosts(\"all\"), |h| { h.apply(commands::run(\"sleep 0.4\")); });",
            "h1 for commands::run sleep 0.4",
        ),
        (
            "each(hosts(\"all\"), |h| { h.apply(commands::run(\"true\", #{ unless: \"sleep 0.4\" })); });",
            "h1 for the probe of commands::run true",
        ),
        (
            "each(hosts(\"all\"), |h| { h.check(command(\"sleep 0.4\")); });",
            "h1 for the check command sleep 0.4",
        ),
        (
            "each(hosts(\"all\"), |h| { h.wait_until(command(\"true\"), #{ initial_delay: \"200ms\" }); });",
            "h1 for the first result of command true",
        ),
        (
            "each(hosts(\"all\"), |h| { h.wait_until(command(\"true\"), #{ rise: 3, interval: \"150ms\" }); });",
            "h1 for command true to be healthy",
        ),
        (
            "each(hosts(\"all\"), |h| {
                let made = h.apply(commands::run(\"true\", #{ undo: \"sleep 0.4\" }));
                h.undo(made);
            });",
            "h1 for undo commands::run true",
        ),
    ] {
        let reported = reported_in(body);
        assert!(reported.contains(&what.to_owned()), "{reported:?}: {body}");
    }
}

#[test]
fn the_log_reports_how_long_and_the_last_output_of_a_step() {
    here("each(hosts(\"all\"), |h| { h.run(\"echo one; echo two; sleep 0.4\"); sleep(\"1m\"); });")
        .start()
        .wait_for(" so far: two\n")
        .wait_for("waiting      h1  for a sleep of 1m, 0.1 s so far, 59.9 s left\n");
}

#[test]
fn reports_a_wait_for_a_host_that_does_not_answer() {
    // It accepts connections and stays silent.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in silent.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let hosts = format!("h1 ansible_host=127.0.0.1 ansible_port={port} ops_connect_timeout=1s\n");
    let ran = Ops::new()
        .inventory_named("hosts.ini", &hosts)
        .playbook("each(hosts(\"all\"), |h| { h.run(\"true\"); });")
        .env("OPS_TEST_PACE", "50")
        .args(["--output", "json"])
        .run()
        .code(4);
    assert_eq!(reported(&ran), ["h1 for a connection"], "{ran}");
}

#[test]
fn hosts_with_the_same_wait_share_one_line() {
    let ops = Ops::new();
    let hosts: String = (1..=12)
        .map(|n| {
            format!(
                "h{n} ansible_connection=local ops_state_dir={}\n",
                ops.path(&format!("s{n}")).display()
            )
        })
        .collect();
    ops.inventory_named("hosts.ini", &hosts)
        .playbook("each(hosts(\"all\"), |h| { sleep(\"1500ms\"); });")
        .env("OPS_TEST_PACE", "500")
        .run()
        .ok()
        .stdout_has("waiting      h1, h2, h3, h4, h5, h6, h7, h8 and 4 more: for a sleep of 1s 500ms, 0.5 s so far, 1.0 s left");
}

#[test]
fn repeats_a_question_until_it_is_answered() {
    let ops = here("confirm(\"wipe it?\"); log::info(\"went on\");");
    let mut terminal = Terminal::start(&ops, 120, 30);
    terminal.wait_for("waiting for an answer, ");
    terminal.type_in("y\n");
    let (code, shown) = terminal.wait();
    assert!(
        code == 0 && shown.contains(" so far: wipe it? [y/n] ") && shown.contains("went on"),
        "{shown}"
    );
    // The stored run shows what it waited for.
    let kept = Ops::new()
        .env("XDG_STATE_HOME", ops.state())
        .args(["show", "--output", "json"])
        .run()
        .ok();
    let reported = &kept.events_of("waiting")[0];
    assert_eq!(
        (&reported["what"], &reported["reason"]),
        (&"for an answer".into(), &"wipe it?".into()),
        "{kept}"
    );
}
