//! `ops` as a step of a pipeline: the output for GitHub Actions and GitLab, the JUnit report, and the
//! documentation of both.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use rustix::process::Signal;
use serde_json::Value;

use crate::fleet::Fleet;
use crate::ops::Ops;
use crate::ran::Ran;

/// Fails on the second host, after a command has printed text that would be a command to a runner.
const PLAYBOOK: &str = r#"
each(hosts("all"), |h| {
    h.run("echo '::add-mask::e'; printf '  ::error::no\n##[error]x\n'", #{ reads: true });
    if h.name == "h2" { h.run("printf '\\033[31m\\001 <&> ]]>\\n::error::stderr\\n' >&2; exit 9"); }
});
"#;

/// Hosts that are this machine.
fn local(n: usize) -> Ops {
    let ops = Ops::new();
    let mut inventory = String::new();
    for at in 1..=n {
        let state = ops.path(&format!("state{at}"));
        inventory.push_str(&format!(
            "h{at} ansible_connection=local ops_state_dir={}\n",
            state.display()
        ));
    }
    ops.inventory_named("hosts.ini", &inventory)
}

fn on_github(ops: Ops) -> Ops {
    let workspace = ops.path("..");
    let summary = ops.path("summary.md");
    ops.env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", workspace)
        .env("GITHUB_STEP_SUMMARY", summary)
}

/// Returns the lines that the runner of GitHub would interpret, by its own rules.
fn commands(ran: &Ran) -> Vec<&str> {
    let lines = ran.stdout.lines().chain(ran.stderr.lines());
    lines
        .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
        .collect()
}

#[test]
fn github_gets_annotations_groups_and_a_summary() {
    let ops = on_github(local(2).playbook(PLAYBOOK).arg("-v"));
    let ran = ops.run().code(3);
    let commands = commands(&ran);
    assert_eq!(commands.len(), 3, "{commands:?}\n{ran}");
    assert_eq!(commands[0], "::group::each of 2 hosts (playbook.rhai:2:1)");
    assert_eq!(commands[1], "::endgroup::");
    assert!(
        commands[2].starts_with("::error file=work/playbook.rhai,line=4,col=27,title=run printf")
            && commands[2].contains(" on h2::exited with code 9%0A"),
        "{}",
        commands[2]
    );
    assert_eq!(ran.stderr, "", "the order within a stream is kept");
    let summary = std::fs::read_to_string(ops.path("summary.md")).expect("the summary");
    for part in [
        "### <code>playbook.rhai</code>: failed (exit 3)",
        "| <code>h2</code> | failed |",
        "| <code>h1</code> | unchanged |",
        "on <code>h2</code>, at <code>playbook.rhai:4:27</code>",
        "\\x1b[31m\\x01 <&> ]]>\n::error::stderr\n",
        "**What to do next:**",
    ] {
        assert!(summary.contains(part), "no {part:?} in\n{summary}");
    }
}

#[test]
fn annotates_problems_of_a_playbook_before_the_run() {
    let ran = on_github(local(1).playbook("let x = 1;\n  hosst(\"all\");\n"))
        .run()
        .code(2);
    let commands = commands(&ran);
    assert_eq!(commands.len(), 1, "{ran}");
    assert!(
        commands[0].starts_with(
            "::error file=work/playbook.rhai,line=2,col=3,title=ops::unknown function `hosst`"
        ),
        "{ran}"
    );
}

#[test]
fn no_output_contains_commands_to_the_runner() {
    const TEXT: &str = r#"print("::stop-commands::p"); log::info("a\n::add-mask::x");"#;
    let ops = on_github(local(2).playbook(&format!("{TEXT}{PLAYBOOK}"))).arg("-v");
    for output in ["plain", "json", "live"] {
        let ran = ops.clone().args(["--output", output]).run().code(3);
        assert_eq!(commands(&ran), [""; 0], "{output}: {ran}");
        let (begin, anywhere) = match output {
            "json" => ("::add-mask::x", r"#\u0023[error]x"),
            _ => (r"\x3a:add-mask::x", r"#\x23[error]x"),
        };
        for shown in [begin, anywhere] {
            assert!(ran.stdout.contains(shown), "{output}: no {shown} in {ran}");
        }
    }
    let script = "printf '::error::e\n##[error]x\n'";
    let ran = ops.again(["exec", "h1", "--", script]).run().code(0);
    assert_eq!(commands(&ran), [""; 0], "{ran}");
    assert!(ran.stdout.contains(r"#\x23[error]x"), "{ran}");
    for command in [
        &["show", "-v"] as &[&str],
        &["show", "-v", "--output", "json"],
        &["history"],
        &["history", "--json"],
    ] {
        // These take no inventory.
        let done = Command::new(crate::ops::binary())
            .args(command)
            .current_dir(ops.path("."))
            .env("XDG_STATE_HOME", ops.state())
            .env("GITHUB_ACTIONS", "true")
            .output()
            .expect("ops starts");
        let shown = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{command:?}: {done:?}");
        let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        assert_eq!(shown.lines().find(is_command), None, "{command:?}");
    }
}

#[test]
fn drift_fails_the_step() {
    let playbook = r#"each(hosts("all"), |h| h.apply(files::directory("/nowhere/at/all")));"#;
    let ops = on_github(local(1).playbook(playbook)).args([
        "--check",
        "--fail-on-change",
        "--junit",
        "junit.xml",
    ]);
    let ran = ops.run().code(8);
    let error = "::error title=something would change::1 task would change, 0 unknown";
    assert!(commands(&ran).contains(&error), "{ran}");
    let report = report(&ops, "junit.xml");
    assert!(
        report.contains(r#"<failure type="would_change""#),
        "{report}"
    );
}

#[test]
fn gitlab_gets_sections_unless_plain_is_requested() {
    let ops = local(2)
        .playbook(PLAYBOOK)
        .env("CI", "true")
        .env("GITLAB_CI", "true");
    let ran = ops.run().code(3);
    assert_eq!(
        ran.stdout.matches("\x1b[0Ksection_start:").count(),
        1,
        "{ran}"
    );
    assert_eq!(
        ran.stdout.matches("\x1b[0Ksection_end:").count(),
        1,
        "{ran}"
    );
    assert!(
        ran.stdout
            .contains("_1[collapsed=true]\r\x1b[0Keach of 2 hosts"),
        "{ran}"
    );
    ops.args(["--output", "plain"])
        .run()
        .code(3)
        .nowhere("section_");
}

/// Returns the report, after a parser and the schema have accepted it.
fn report(ops: &Ops, name: &str) -> String {
    let path = ops.path(name);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipelines/junit.xsd");
    let checked = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .args([&schema, &path])
        .output()
        .expect("xmllint is installed");
    let report = std::fs::read_to_string(&path).expect("a report");
    assert!(
        checked.status.success(),
        "{}\n{report}",
        String::from_utf8_lossy(&checked.stderr)
    );
    report
}

#[test]
fn the_schema_accepts_the_junit_report_whatever_a_host_prints() {
    let ops = local(2)
        .playbook(&format!("param(\"a\", \"x\");{PLAYBOOK}"))
        .args(["--var", "a=<\"&'>", "--junit", "junit.xml"]);
    ops.run().code(3);
    let first = report(&ops, "junit.xml");
    for part in [
        r#"<testsuites name="playbook.rhai" tests="3" failures="1" errors="0""#,
        r#"<testsuite name="h2" tests="2" failures="1" errors="0" skipped="0""#,
        r#"<property name="param.a" value="&lt;&quot;&amp;'&gt;"/>"#,
        r#"<property name="run" value="#,
        r#"<failure type="failed" message="exited with code 9">"#,
        r"\x1b[31m\x01 &lt;&amp;&gt; ]]&gt;",
        r#"file="playbook.rhai" line="4""#,
    ] {
        assert!(first.contains(part), "no {part:?} in\n{first}");
    }
}

#[test]
fn a_stored_run_gives_the_same_report() {
    let ops = local(2).playbook(PLAYBOOK).args(["--junit", "junit.xml"]);
    ops.run().code(3);
    let mut show = Command::new(crate::ops::binary());
    let shown = show
        .args(["show", "--junit", "again.xml"])
        .current_dir(ops.path("."))
        .env("XDG_STATE_HOME", ops.state())
        .output()
        .expect("the built ops");
    assert!(shown.status.success(), "{shown:?}");
    assert_eq!(report(&ops, "again.xml"), report(&ops, "junit.xml"));
}

#[test]
fn junit_reports_commands_lost_hosts_and_a_missing_end() {
    let fleet = Fleet::sshd(2);
    fleet.hosts()[1].vanish();
    let ops = fleet
        .ops_with(|endpoint| {
            endpoint.var("ops_retry_for", "1s");
        })
        .args(["exec", "all", "--junit", "exec.xml", "--", "true"]);
    ops.run().code(4);
    let report = report(&ops, "exec.xml");
    assert!(
        report.contains(r#"name="exec" tests="3" failures="0" errors="1""#),
        "{report}"
    );
    assert!(report.contains(r#"<error type="unreachable""#), "{report}");
}

#[test]
fn annotates_warnings_of_a_playbook_at_their_position() {
    let playbook =
        "each(hosts(\"all\"), |h| {\n    log::warn(\"old\");\n    log::error(\"bad\");\n});";
    let ran = on_github(local(1).playbook(playbook)).run().ok();
    let annotations: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("title=ops::"))
        .collect();
    assert_eq!(
        annotations,
        [
            "::error file=work/playbook.rhai,line=3,col=10,title=ops::h1: bad",
            "::warning file=work/playbook.rhai,line=2,col=10,title=ops::h1: old",
        ],
        "{ran}"
    );
}

#[test]
fn a_cancelled_job_has_reports_and_a_killed_one_reports_a_missing_end() {
    let playbook = r#"each(hosts("all"), |h| { log::info("begins"); h.run("sleep 4711"); });"#;
    let ops = on_github(local(1).playbook(playbook).args(["--junit", "junit.xml"]));
    // As GitHub does: the second signal follows if the first is not enough.
    let mut running = ops.start();
    running.wait_for("begins");
    assert!(report(&ops, "junit.xml").contains("the run has no end"));
    running.signal(Signal::INT);
    let ran = running.wait().code(130).nothing_left();
    let after = ran.stdout.split("::endgroup::\n").nth(1);
    assert!(
        after.is_some_and(|after| after.contains("::error ")),
        "{ran}"
    );
    let cut = report(&ops, "junit.xml");
    assert!(cut.contains(r#"<error type="interrupted""#), "{cut}");
    let summary = std::fs::read_to_string(ops.path("summary.md")).expect("the summary");
    assert!(summary.contains("interrupted (exit 130)"), "{summary}");

    let mut running = ops.start();
    running.wait_for("begins").signal(Signal::KILL);
    running.wait();
    assert!(report(&ops, "junit.xml").contains("the run has no end"));
}

#[test]
fn an_unwritable_report_is_an_error_before_any_host_is_contacted() {
    let fleet = Fleet::sshd(1);
    let playbook = r#"each(hosts("all"), |h| h.run("true"));"#;
    fleet
        .ops()
        .playbook(playbook)
        .args(["--junit", "not/there/junit.xml"])
        .run()
        .code(2)
        .stderr_has(
            "failed to write the JUnit report not/there/junit.xml: No such file or directory",
        )
        .stderr_has("Create its directory before the run");
    assert!(!fleet.hosts()[0].log().contains("Accepted"));
}

/// Returns the code blocks of a language on a page.
fn blocks<'t>(page: &'t str, language: &str) -> Vec<&'t str> {
    let begin = format!("```{language}\n");
    page.split(begin.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

/// Returns every string in a document.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn documented_jobs_are_yaml_and_their_commands_are_valid() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pipelines.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let jobs = blocks(&page, "yaml");
    assert_eq!(jobs.len(), 2, "one job for GitHub and one for GitLab");
    let mut flags = BTreeSet::new();
    for job in jobs {
        let job: Value =
            serde_saphyr::from_str(job).unwrap_or_else(|error| panic!("{error}\n{job}"));
        let mut found = Vec::new();
        texts(&job, &mut found);
        let commands: Vec<&str> = found
            .iter()
            .flat_map(|text| text.lines())
            .map(|line| line.trim().trim_start_matches("exec "))
            .filter(|line| line.starts_with("ops "))
            .collect();
        assert!(commands.len() >= 3, "{commands:?}");
        for command in commands {
            // The expressions of GitHub are one word for the shell.
            let plain = command.replace("${{ github.sha }}", "SHA");
            let words = shlex::split(&plain).expect("closed quotes");
            flags.extend(words.iter().filter(|word| word.starts_with('-')).cloned());
            if let Err(error) = ops::cli::Cli::try_parse_from(&words) {
                panic!("{command}\n{error}");
            }
        }
    }
    for flag in ["--check", "--fail-on-change", "--yes", "--lock", "--junit"] {
        assert!(flags.contains(flag), "{flag} is not documented: {flags:?}");
    }
}
