//! What CI systems are given: groups, annotations, the job summary, JUnit.

use std::path::PathBuf;

use super::story::{Page, Story, apt_failure, at, refused, tell};
use crate::model::{
    Emission, Event, Failure, FailureKind, Fate, HealthState, HostEnd, Kind, LogLevel, Outcome,
    OutputStream, RolloutEnd, Version,
};
use crate::report::github::Workflow;
use crate::report::{Github, Gitlab, Junit, Settings};

fn github(events: &[Event], workflow: Workflow) -> String {
    let page = Page::default();
    let settings = Settings {
        verbose: 1,
        ..Settings::default()
    };
    let mut github = Github::new(settings, workflow, Box::new(page.clone()));
    tell(&mut github, events);
    page.text()
}

fn gitlab(events: &[Event]) -> String {
    let page = Page::default();
    tell(
        &mut Gitlab::new(Settings::default(), Box::new(page.clone())),
        events,
    );
    page.text()
}

fn junit(events: &[Event]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("junit.xml");
    tell(&mut Junit::create(&path).expect("a file"), events);
    std::fs::read_to_string(path).expect("a report")
}

fn each_finished(hosts: usize, failed: usize) -> Emission {
    Emission::new(Kind::EachFinished { hosts, failed })
}

fn output(host: &str, text: &str) -> Emission {
    Emission::new(Kind::TaskOutput {
        stream: OutputStream::Stdout,
        text: text.to_owned(),
    })
    .host(host)
    .task("run cat")
}

/// Two hosts, of which one fails and one is lost; a message that would be a command of the runner's.
fn rollout() -> Vec<Event> {
    Story::of(3, false)
        .each(3)
        .starts("web1")
        .starts("web2")
        .task("web1", "files::file /etc/motd", Outcome::Changed)
        .then(output("web1", "::add-mask::e\nx ##[group]y\n"))
        .fails("web2", &apt_failure())
        .lost("web3", &refused())
        .log(None, LogLevel::Warn, "one\n::error::two")
        .ends_well("web1")
        .then(each_finished(3, 2))
        .finished(
            3,
            Some(Failure {
                sums_up: true,
                ..Failure::new(FailureKind::Failed, "2 of 3 hosts failed: web2, web3")
            }),
        )
        .events
}

#[test]
fn github_gets_groups_annotations_and_no_command_of_a_host() {
    insta::assert_snapshot!(github(&rollout(), Workflow::default()));
}

#[test]
fn gitlab_gets_sections() {
    insta::assert_snapshot!(
        gitlab(&rollout())
            .replace('\r', "[CR]")
            .replace('\x1b', "[ESC]")
    );
}

#[test]
fn the_job_summary_has_the_hosts_the_failures_and_the_next_step() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("summary.md");
    std::fs::write(&path, "before\n\n").expect("a file");
    github(
        &rollout(),
        Workflow {
            summary: Some(path.clone()),
            ..Workflow::default()
        },
    );
    insta::assert_snapshot!(std::fs::read_to_string(path).expect("a summary"));
}

#[test]
fn the_job_summary_stays_within_the_limit_of_github() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("summary.md");
    let most = 1024 * 1024;
    for before in [most - 600, most - 10, most + 10] {
        std::fs::write(&path, "x".repeat(before)).expect("a file");
        let summary = Some(path.clone());
        github(
            &rollout(),
            Workflow {
                summary,
                ..Workflow::default()
            },
        );
        let text = std::fs::read_to_string(&path).expect("a summary");
        assert!(text.len() <= most.max(before), "{before}: {}", text.len());
        let fences = text.lines().filter(|line| line.starts_with("```")).count();
        assert_eq!(fences % 2, 0, "a fence is left open");
    }
}

#[test]
fn a_group_is_closed_when_the_run_is_killed_and_groups_are_not_nested() {
    let events = Story::of(1, false)
        .each(1)
        .task("web1", "one", Outcome::Changed)
        .each(2)
        .task("web1", "two", Outcome::Changed)
        .then(each_finished(2, 0))
        .task("web1", "three", Outcome::Changed)
        .events;
    let shown = github(&events, Workflow::default());
    assert_eq!(shown.matches("::group::").count(), 1, "{shown}");
    assert_eq!(shown.matches("::endgroup::").count(), 1, "{shown}");
    assert!(
        shown.find("three") < shown.find("::endgroup::"),
        "what is inside the outer one is inside its group\n{shown}"
    );
}

#[test]
fn an_each_without_output_has_no_group() {
    let events = Story::of(1, false)
        .each(1)
        .starts("web1")
        .ends_well("web1")
        .then(each_finished(1, 0))
        .finished(0, None)
        .events;
    let shown = github(&events, Workflow::default());
    assert!(!shown.contains("group::"), "{shown}");
}

#[test]
fn junit_has_a_suite_for_each_host_and_a_case_for_each_task() {
    insta::assert_snapshot!(junit(&rollout()));
}

#[test]
fn junit_counts_a_lost_host_and_a_caught_failure_once() {
    let mut cut = Failure::new(FailureKind::Unreachable, "connection lost").on("web1");
    cut.task = Some("run x".to_owned());
    let lost = |host: &str| {
        Emission::new(Kind::HostUnreachable {
            failure: Box::new(Failure::new(FailureKind::Unreachable, "connection lost").on(host)),
        })
        .host(host)
    };
    let task = Kind::TaskFinished {
        diff: vec![],
        note: None,
        failure: Some(Box::new(cut.clone())),
    };
    let events = Story::of(1, false)
        .starts("web1")
        .then(lost("web1"))
        .then(
            Emission::new(task)
                .host("web1")
                .task("run x")
                .outcome(Outcome::Failed),
        )
        .then(
            Emission::new(Kind::HostFinished {
                failure: Some(Box::new(cut)),
            })
            .host("web1"),
        )
        .finished(4, None)
        .events;
    let report = junit(&events);
    assert!(
        report.contains(r#"tests="2" failures="0" errors="1""#),
        "{report}"
    );
    assert_eq!(report.matches("<skipped").count(), 1, "{report}");
}

fn checked(state: HealthState, vantage: &str, waiting: bool) -> Emission {
    Emission::new(Kind::HealthChecked {
        state,
        message: "HTTP 503".to_owned(),
        vantage: vantage.to_owned(),
        waiting,
    })
    .host("web1")
    .task("http http://127.0.0.1/")
    .at(at(5, 3))
}

/// What a check throws.
fn thrown(message: &str) -> Emission {
    let mut failure = Failure::new(FailureKind::Failed, message).on("web1");
    failure.task = Some("http http://127.0.0.1/".to_owned());
    let failure = Some(Box::new(failure));
    Emission::new(Kind::HostFinished { failure }).host("web1")
}

#[test]
fn junit_shows_the_last_result_of_a_health_check_and_its_failure_once() {
    use HealthState::{Critical, Error, Passing};
    let failed = |state, vantage| checked(state, vantage, false).outcome(Outcome::Failed);
    for (looks, counts) in [
        // It was waited for, and came.
        (
            vec![
                checked(Critical, "host", true),
                checked(Passing, "host", true),
            ],
            r#"tests="1" failures="0" errors="0" skipped="0""#,
        ),
        // It did not come: the deadline says so.
        (
            vec![
                checked(Critical, "host", true),
                thrown("not passing after 30s: HTTP 503"),
            ],
            r#"tests="1" failures="1" errors="0" skipped="0""#,
        ),
        // The run ended before it did.
        (
            vec![checked(Critical, "host", true)],
            r#"tests="1" failures="0" errors="0" skipped="1""#,
        ),
        (
            vec![failed(Critical, "host"), thrown("HTTP 503")],
            r#"tests="1" failures="1" errors="0" skipped="0""#,
        ),
        // The check itself did not work, and from another place it is another check.
        (
            vec![
                checked(Passing, "host", false),
                failed(Error, "controller"),
                thrown("HTTP 503"),
            ],
            r#"tests="2" failures="0" errors="1" skipped="0""#,
        ),
        // The playbook does not mind.
        (
            vec![checked(Critical, "host", false)],
            r#"tests="1" failures="0" errors="0" skipped="0""#,
        ),
    ] {
        let story = looks.into_iter().fold(Story::of(1, false), Story::then);
        let report = junit(&story.finished(3, None).events);
        assert!(report.contains(counts), "no {counts} in\n{report}");
    }
}

/// A rollout of three hosts, of which one stays out and one goes back.
fn rolled_back() -> Vec<Event> {
    let end = |fate, version, failure: Option<&str>| HostEnd {
        fate,
        version,
        batch: Some(1),
        failure: failure.map(|message| Box::new(Failure::new(FailureKind::Failed, message))),
        unrestored: None,
        reason: None,
    };
    let hosts = [
        ("web1", end(Fate::RolledBack, Version::Old, None)),
        (
            "web2",
            end(Fate::LeftOut, Version::Unknown, Some("HTTP 503 | `x`")),
        ),
        ("web3", end(Fate::Untouched, Version::Old, None)),
    ];
    let hosts = hosts.map(|(host, end)| (host.to_owned(), end));
    Story::of(3, false)
        .then(Emission::new(Kind::RolloutFinished {
            end: RolloutEnd::NotRolledBack,
            reason: Some("1 host failed".to_owned()),
            hosts: hosts.into(),
        }))
        .finished(7, None)
        .events
}

#[test]
fn a_rollout_has_a_table_in_the_summary_and_a_case_for_each_host() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("summary.md");
    let summary = Some(path.clone());
    github(
        &rolled_back(),
        Workflow {
            summary,
            ..Workflow::default()
        },
    );
    let text = std::fs::read_to_string(path).expect("a summary");
    for part in [
        "aborted and not completely rolled back (exit 7)",
        "#### Rollout: not completely rolled back\n\n1 host failed\n",
        "| <code>web1</code> | 1 | rolled back | old |  |\n",
        "| <code>web2</code> | 1 | left out | unknown | HTTP 503 &#124; <code>x</code> |\n",
        "| <code>web3</code> | 1 | untouched | old |  |\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let report = junit(&rolled_back());
    for part in [
        r#"tests="3" failures="1" errors="0""#,
        r#"message="left out: HTTP 503 | `x`""#,
        r#"<skipped message="untouched">"#,
    ] {
        assert!(report.contains(part), "no {part:?} in\n{report}");
    }
}

#[test]
fn junit_fails_would_be_changes_with_fail_on_change() {
    let story = |exit_code| {
        Story::of(1, true)
            .task("web1", "one", Outcome::WouldChange)
            .task("web1", "one", Outcome::Unchanged)
            .task_with("web1", "two", Outcome::Unknown, vec![], Some("who knows"))
            .finished(exit_code, None)
            .events
    };
    assert!(junit(&story(0)).contains(r#"tests="3" failures="0" errors="0""#));
    let report = junit(&story(8));
    assert!(
        report.contains(r#"tests="3" failures="1" errors="0" skipped="1""#),
        "{report}"
    );
    // GitLab leaves out the second case of a name.
    assert!(report.contains(r#"name="one (2)""#), "{report}");
}

#[test]
fn junit_always_has_a_case_and_says_if_the_run_did_not_end() {
    let nothing = Story::of(0, false).finished(0, None).events;
    assert!(junit(&nothing).contains(r#"<testcase name="the run""#));
    let killed = junit(&nothing[..1]);
    assert!(killed.contains("the run has no end"), "{killed}");
    let interrupted = Failure::new(FailureKind::Interrupted, "interrupted");
    let interrupted = junit(&Story::of(0, false).finished(130, Some(interrupted)).events);
    assert!(
        interrupted.contains(r#"<error type="interrupted" message="interrupted">"#),
        "{interrupted}"
    );
}

#[test]
fn a_junit_report_is_written_before_the_run_into_an_existing_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("junit.xml");
    Junit::create(&path).expect("a file");
    let report = std::fs::read_to_string(&path).expect("a report");
    assert!(report.contains("the run has no end"), "{report}");
    assert!(Junit::create(PathBuf::from("/nowhere/at/all.xml")).is_err());
}
