//! What a host records of commands, on every shell, and what it answers to a later process of the same run.

mod cost;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ops::model::OutputStream;
use ops::run::records::{Recorded, answers, key, question};
use ops::shell::{
    End, Listener, OnFailure, Records, Reply, Request, Session, SessionError, SessionOptions, Step,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Host, ask, command, on_every_shell};
use crate::fleet::process::{kill, marked, wait_until};

const RUN: &str = "20261129-120000-abcd";

/// A directory in which a host keeps its state. It does not exist yet.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("it's a state/ops")
    }

    fn options(&self) -> SessionOptions {
        options(&self.dir())
    }

    fn record(&self, attempt: u32) -> PathBuf {
        let user = rustix::process::geteuid().as_raw();
        self.dir().join(format!("runs/{RUN}.{user}.{attempt}"))
    }

    fn text(&self, attempt: u32) -> String {
        std::fs::read_to_string(self.record(attempt)).unwrap_or_default()
    }

    /// The process id of the loop of the only session of an attempt.
    fn loop_id(&self, attempt: u32) -> u32 {
        let text = self.text(attempt);
        let line = text.lines().find_map(|line| line.strip_prefix("loop "));
        let id = line.and_then(|line| line.split(' ').next());
        id.expect("a loop").parse().expect("a number")
    }
}

fn options(dir: &Path) -> SessionOptions {
    SessionOptions {
        state_dir: Some(dir.display().to_string()),
        grace: Duration::from_millis(200),
        ..SessionOptions::default()
    }
}

fn records(attempt: u32) -> Records {
    Records {
        run: RUN.to_owned(),
        attempt,
    }
}

/// A command of a step, which is recorded.
fn recorded(step: &str, script: &str) -> Step {
    Step {
        record: Some(key(step)),
        on_failure: OnFailure::Continue,
        ..Step::command(script)
    }
}

fn request(attempt: u32, steps: Vec<Step>) -> Request {
    Request {
        steps,
        records: Some(records(attempt)),
        ..Request::default()
    }
}

async fn run(session: &Session, attempt: u32, steps: Vec<Step>) -> Reply {
    ask(session, request(attempt, steps)).await.unwrap()
}

/// What another session is told by the host, as another attempt.
async fn told(host: &Host, state: &State, attempt: u32, steps: &[&str]) -> Vec<Recorded> {
    let session = host.session_with(state.options()).await;
    let reply = ask(&session, question(&records(attempt))).await.unwrap();
    let told = answers(&records(attempt), steps, &reply).unwrap();
    session.close().await;
    told
}

use Recorded::{Ended, InDoubt, NotBegun};

#[test]
fn a_command_is_recorded_and_cannot_tell() {
    on_every_shell(async |host| {
        let state = State::new();
        let session = host.session_with(state.options()).await;
        let mut input = recorded("input", "read -r x; exit $x");
        input.stdin = Some(b"8\n"[..].into());
        let reply = run(
            &session,
            1,
            vec![
                recorded(
                    "curious",
                    "umask; echo ${ops_j-no}${ops_me-no}${ops_y-no}; ls /proc/self/fd | wc -l; \
                                     type ops_jot ops_q >/dev/null 2>&1 && echo seen; exit 3",
                ),
                Step {
                    on_failure: OnFailure::Continue,
                    ..Step::command("umask; echo nonono; ls /proc/self/fd | wc -l; exit 4")
                },
                Step::own("true"),
                input,
            ],
        )
        .await;
        let ends: Vec<End> = reply.steps.iter().map(|step| step.end).collect();
        let codes = [3, 4, 0, 8].map(End::Code);
        assert_eq!(ends, codes, "{}", host.shell);
        // What is not recorded sees the same.
        assert_eq!(
            reply.steps[0].stdout, reply.steps[1].stdout,
            "{}",
            host.shell
        );
        run(&session, 1, vec![recorded("later", "exit 0")]).await;
        ask(&session, Request::step(Step::command("true")))
            .await
            .unwrap();

        let text = state.text(1);
        let words: Vec<_> = text
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        let expected = [
            "records", "loop", "began", "ended", "began", "ended", "began", "ended",
        ];
        assert_eq!(words, expected, "{}: {text}", host.shell);
        for (path, mode) in [
            (state.record(1), 0o600),
            (state.dir().join("runs"), 0o700),
            (state.dir(), 0o700),
        ] {
            let found = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{}: {}", host.shell, path.display());
        }
        let steps = ["curious", "input", "later", "never"];
        let told = told(host, &state, 2, &steps).await;
        assert_eq!(
            told,
            [Ended(3), Ended(8), Ended(0), NotBegun],
            "{}",
            host.shell
        );
        // It took over.
        let error = ask(&session, Request::probe("true")).await.unwrap_err();
        assert!(matches!(error, SessionError::Lost { .. }), "{error}");
    });
}

/// A command, and what is recorded of it.
const ENDS: &[(&str, Recorded)] = &[
    ("exit 255", Ended(255)),
    ("sh -c 'kill -15 $$'", Ended(143)),
    ("kill -9 $$; echo after", InDoubt),
    ("kill -9 0", InDoubt),
    ("kill -15 0; sleep 60", InDoubt),
    ("kill -9 $PPID; exit 4", Ended(4)),
    ("exec >&- 2>&-; exit 5", Ended(5)),
    (
        "exec 0<&- 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; exit 6",
        Ended(6),
    ),
    ("sleep 47.11 & exit 7", Ended(7)),
    (
        "(while sleep 0.01; do echo noise || exit; done) & exit 8",
        Ended(8),
    ),
    ("cd \"$(mktemp -d)\" && rmdir \"$PWD\"; exit 9", Ended(9)),
    ("trap 'exit 10' EXIT; exit 1", Ended(10)),
    ("PATH=; IFS=x; ops_jot() { :; }; exit 11", Ended(11)),
    ("( echo syntax", Ended(2)),
];

/// Commands that are stopped before they end.
const STOPPED: &[&str] = &[
    "echo begun; sleep 300",
    "trap 'exit 0' TERM; echo begun; while :; do sleep 0.01; done",
    "trap '' TERM; echo begun; sleep 300",
    "echo begun; kill -STOP $$",
];

#[test]
fn only_a_code_of_its_own_is_recorded() {
    on_every_shell(async |host| {
        let state = State::new();
        let session = host.session_with(state.options()).await;
        for (script, _) in ENDS {
            run(&session, 1, vec![recorded(script, script)]).await;
        }
        for script in STOPPED {
            let mut step = recorded(script, script);
            step.timeout = Some(Duration::from_millis(200));
            let reply = run(&session, 1, vec![step]).await;
            assert_eq!(
                reply.steps[0].end,
                End::TimedOut,
                "{}: {script}",
                host.shell
            );
            let cancel = CancellationToken::new();
            let step = recorded(&format!("cancelled {script}"), script);
            let at_output = AtOutput(cancel.clone());
            let asked = session.request(request(1, vec![step]), &at_output, &cancel);
            assert!(asked.await.unwrap().cancelled, "{}: {script}", host.shell);
        }
        let mut steps: Vec<String> = ENDS
            .iter()
            .map(|(script, _)| (*script).to_owned())
            .collect();
        let stopped = STOPPED
            .iter()
            .flat_map(|script| [(*script).to_owned(), format!("cancelled {script}")]);
        steps.extend(stopped);
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let told = told(host, &state, 2, &steps).await;
        for (at, (step, told)) in steps.iter().zip(told).enumerate() {
            let expected = ENDS.get(at).map_or(InDoubt, |(_, expected)| *expected);
            let alike = matches!((told, expected), (Ended(1 | 2), Ended(2)));
            assert!(
                told == expected || alike,
                "{}: {step}: {told:?}\n{}",
                host.shell,
                state.text(1)
            );
        }
        // What an earlier request left behind on purpose stays.
        wait_until(
            || host.running() == ["sleep 47.11"],
            || format!("{}: {:?}", host.shell, host.running()),
        );
        kill(marked(&host.mark).iter().map(|process| process.id));
    });
}

/// Cancels at the first output.
struct AtOutput(CancellationToken);

impl Listener for AtOutput {
    fn chunk(&self, _: usize, _: OutputStream, _: &[u8]) {
        self.0.cancel();
    }
}

/// Starts a command that prints, and returns when it has done so.
async fn begin(session: Session, script: &str) -> JoinHandle<Result<Reply, SessionError>> {
    let begun = AtOutput(CancellationToken::new());
    let printed = begun.0.clone();
    let request = request(1, vec![recorded("slow", script)]);
    let going = tokio::spawn(async move {
        let never = CancellationToken::new();
        session.request(request, &begun, &never).await
    });
    printed.cancelled().await;
    going
}

#[test]
fn what_an_earlier_process_left_running_is_ended() {
    on_every_shell(async |host| {
        for (script, signals) in [
            (
                "echo begun; sleep 4711; exit 0",
                &[None, Some("STOP"), Some("KILL")][..],
            ),
            ("trap '' TERM; echo begun; sleep 4711; exit 0", &[None]),
            (
                "trap 'exit 0' TERM; echo begun; while :; do sleep 0.01; done",
                &[None, Some("KILL")],
            ),
        ] {
            for &signal in signals {
                let state = State::new();
                let session = host.session_with(state.options()).await;
                run(&session, 1, vec![recorded("before", "exit 0")]).await;
                let going = begin(session, script).await;
                if let Some(signal) = signal {
                    let id = state.loop_id(1).to_string();
                    let sent = Command::new("kill")
                        .args(["-s", signal, &id])
                        .status()
                        .unwrap();
                    assert!(sent.success());
                }
                let told = told(host, &state, 2, &["before", "slow", "after"]).await;
                let case = format!("{}: {script}: {signal:?}\n{}", host.shell, state.text(1));
                assert_eq!(told, [Ended(0), InDoubt, NotBegun], "{case}");
                wait_until(
                    || host.running().is_empty(),
                    || format!("{case}: {:?}", host.running()),
                );
                assert!(going.await.unwrap().is_err(), "{case}");
            }
        }
    });
}

/// A process that was taken for dead has not opened its record before the later one asks.
#[test]
fn a_late_process_runs_nothing() {
    on_every_shell(async |host| {
        let state = State::new();
        let late = host.session_with(state.options()).await;
        assert_eq!(command(&late, "echo here").await.1, "here\n");
        assert_eq!(told(host, &state, 2, &["step"]).await, [NotBegun]);
        let path = state.0.path().join("it ran");
        let script = format!("touch '{}'", path.display());
        let error = ask(&late, request(1, vec![recorded("step", &script)]))
            .await
            .unwrap_err();
        assert!(matches!(error, SessionError::Lost { .. }), "{error}");
        host.wait_until_idle();
        assert!(!path.exists(), "{}", host.shell);
    });
}

#[derive(Default)]
struct Unrecorded(AtomicUsize);

impl Listener for Unrecorded {
    fn chunk(&self, _: usize, _: OutputStream, _: &[u8]) {}

    fn unrecorded(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_command_that_cannot_be_recorded_runs_and_the_client_is_told() {
    on_every_shell(async |host| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a file");
        std::fs::write(&file, "").unwrap();
        let state = file.join("state");
        let session = host.session_with(options(&state)).await;
        for _ in 0..2 {
            let heard = Unrecorded::default();
            let request = request(1, vec![recorded("a", "echo ran; exit 3")]);
            let reply = session
                .request(request, &heard, &CancellationToken::new())
                .await
                .unwrap();
            assert_eq!(reply.steps[0].end, End::Code(3), "{}", host.shell);
            assert_eq!(reply.steps[0].stdout.text(), "ran\n", "{}", host.shell);
            assert_eq!(reply.steps[0].stderr.text(), "", "{}", host.shell);
            assert!(heard.0.load(Ordering::Relaxed) > 0, "{}", host.shell);
        }
        let question = question(&records(2));
        let reply = ask(&session, question.clone()).await.unwrap();
        assert_eq!(
            answers(&records(2), &["a", "b"], &reply).unwrap(),
            [InDoubt, InDoubt]
        );
        // The same session can record again. What it could not record before is not forgotten.
        std::fs::remove_file(&file).unwrap();
        let heard = Unrecorded::default();
        let again = request(1, vec![recorded("c", "exit 0")]);
        session
            .request(again, &heard, &CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(heard.0.load(Ordering::Relaxed), 0, "{}", host.shell);
        session.close().await;
        let session = host.session_with(options(&state)).await;
        let reply = ask(&session, question).await.unwrap();
        assert_eq!(
            answers(&records(2), &["a", "c"], &reply).unwrap(),
            [InDoubt, Ended(0)]
        );
        session.close().await;
    });
}

#[test]
fn a_gap_in_a_record_is_noted_in_it() {
    on_every_shell(async |host| {
        let state = State::new();
        let session = host.session_with(state.options()).await;
        run(&session, 1, vec![recorded("a", "exit 0")]).await;
        let (record, aside) = (state.record(1), state.0.path().join("aside"));
        // In a directory it cannot be written; in the end it is marked by hand as the host would have.
        std::fs::rename(&record, &aside).unwrap();
        std::fs::create_dir(&record).unwrap();
        let heard = Unrecorded::default();
        let request = request(1, vec![recorded("b", "exit 0")]);
        session
            .request(request, &heard, &CancellationToken::new())
            .await
            .unwrap();
        assert!(heard.0.load(Ordering::Relaxed) > 0, "{}", host.shell);
        std::fs::remove_dir(&record).unwrap();
        std::fs::rename(&aside, &record).unwrap();
        session.close().await;
        assert_eq!(
            told(host, &state, 2, &["a", "b"]).await,
            [Ended(0), NotBegun]
        );
        let text = state.text(1).replace("records 1 +", "records 1 -");
        std::fs::write(&record, text).unwrap();
        assert_eq!(
            told(host, &state, 2, &["a", "b"]).await,
            [Ended(0), InDoubt]
        );
    });
}
