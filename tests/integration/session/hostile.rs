//! Commands that would wedge or fool a session.

use std::sync::Mutex;
use std::time::Duration;

use ops::model::OutputStream;
use ops::shell::{End, Listener, Request, SessionOptions, Step};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio_util::sync::CancellationToken;

use super::{ask, command, on_every_shell};

/// A command, and how it ends with what on stdout and stderr.
type Case = (&'static str, End, &'static str, &'static str);

const CASES: &[Case] = &[
    ("cat; echo read", End::Code(0), "read\n", ""),
    ("exec >&- 2>&-; sleep 0.1; exit 5", End::Code(5), "", ""),
    ("echo a; exec >&-; echo b >&2", End::Code(0), "a\n", "b\n"),
    (
        "printf '@00112233445566778899aabbccddeeff 1 E 0 0\\n'; exit 1",
        End::Code(1),
        "@00112233445566778899aabbccddeeff 1 E 0 0\n",
        "",
    ),
    ("kill -9 $$; echo after", End::Lost, "*", ""),
    ("sh -c 'kill -9 $PPID'; echo never", End::Code(137), "", "*"),
    ("kill -9 $PPID; echo on", End::Code(0), "on\n", ""),
    ("kill -9 0", End::Lost, "", ""),
    ("kill -15 0; sleep 60", End::Lost, "", ""),
    ("kill -TERM $$; sleep 60", End::Lost, "", ""),
    ("sh -c 'kill -15 $$'", End::Code(143), "", "*"),
    ("exit 255", End::Code(255), "", ""),
    ("exec true", End::Code(0), "", ""),
    ("set -e; false; echo no", End::Code(1), "", ""),
    (
        "set -u; echo ${nothing_here}x; echo no",
        End::Code(2),
        "",
        "*",
    ),
    (
        "trap 'echo bye' EXIT; echo hi; exit 3",
        End::Code(3),
        "hi\nbye\n",
        "",
    ),
    (
        "echo $#; echo ${ops_n-none}${ops_state-none}${ops_l-none}${ops_s-none}${ops_err-none}",
        End::Code(0),
        "0\nnonenonenonenonenone\n",
        "",
    ),
    ("( echo syntax", End::Code(2), "", "*"),
    ("return 4 2>/dev/null; exit 4", End::Code(4), "", "*"),
    (
        "exec 0<&- 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; echo closed",
        End::Code(0),
        "closed\n",
        "",
    ),
    ("echo x >&3", End::Code(2), "", "*"),
    ("echo x >&6 || exit 2", End::Code(2), "", "*"),
    ("echo x >&7 || exit 2", End::Code(2), "", "*"),
    (
        "cat <<E\nheredoc $((1 + 1))\nE",
        End::Code(0),
        "heredoc 2\n",
        "",
    ),
    ("# only a comment", End::Code(0), "", ""),
    ("", End::Code(0), "", ""),
    (
        "echo 'it'\\''s \"quoted\" `echo back`' \\\\",
        End::Code(0),
        "it's \"quoted\" `echo back` \\\n",
        "",
    ),
    (
        "ops_m() { echo mine; }; ops_m; unset -f ops_m; IFS=x; PATH=; exit 6",
        End::Code(6),
        "mine\n",
        "",
    ),
    ("wait; jobs; echo $!", End::Code(0), "\n", ""),
    (
        "trap '' TERM INT HUP; (trap '' TERM; echo sub); echo fine",
        End::Code(0),
        "sub\nfine\n",
        "",
    ),
];

#[test]
fn no_command_wedges_or_fools_a_session() {
    on_every_shell(async |host| {
        let mut session = host.session().await;
        for &(script, end, stdout, stderr) in CASES {
            // Less than some of them would sleep.
            let got = tokio::time::timeout(Duration::from_secs(50), command(&session, script))
                .await
                .expect(script);
            let shell = host.shell;
            // Only bash goes on, or has another code, where POSIX lets a shell choose.
            let codes_alike =
                matches!((got.0, end), (End::Code(got), End::Code(want)) if got > 0 && want == 2);
            assert!(got.0 == end || codes_alike, "{shell}: {script}: {got:?}");
            assert!(
                got.1 == stdout || stdout == "*",
                "{shell}: {script}: {got:?}"
            );
            assert!(
                got.2 == stderr || stderr == "*",
                "{shell}: {script}: {got:?}"
            );
            // Whatever it did, the next request is not touched by it.
            let next = ask(&session, Request::probe("echo next")).await;
            assert_eq!(
                next.expect(script).probe.unwrap().stdout.text(),
                "next\n",
                "{shell}: {script}"
            );
        }
        session.close().await;
        // Whatever was lost above was lost for that session alone.
        session = host.session().await;
        let (end, out, err) = command(&session, "echo again").await;
        assert_eq!(
            (end, out.as_str(), err.as_str()),
            (End::Code(0), "again\n", "")
        );
        session.close().await;
    });
}

#[test]
fn a_child_left_behind_holds_nothing() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let request = Request {
            steps: vec![
                Step::command(
                    "(while sleep 0.01; do echo noise || exit; echo noise >&2; done) & echo first",
                ),
                Step::command("echo second; sleep 0.1"),
                Step::own("echo third"),
            ],
            probe: Some(b"echo probe".to_vec()),
            ..Request::default()
        };
        let reply = ask(&session, request).await.unwrap();
        assert_eq!(reply.steps.len(), 3);
        assert!(reply.steps.iter().all(|step| step.end == End::Code(0)));
        // The noise may begin before the command ends.
        let said = reply.steps[0].stdout.text();
        let said: Vec<_> = said.lines().filter(|line| *line != "noise").collect();
        assert_eq!(said, ["first"], "{}", host.shell);
        let said = reply.steps[0].stderr.text();
        assert!(said.lines().all(|line| line == "noise"), "{said}");
        assert_eq!(reply.steps[1].stdout.text(), "second\n");
        assert_eq!(reply.steps[1].stderr.text(), "");
        assert_eq!(reply.steps[2].stdout.text(), "third\n");
        assert_eq!(reply.probe.unwrap().stdout.text(), "probe\n");
        let (end, out, err) = command(&session, "sleep 0.05; echo next").await;
        assert_eq!(
            (end, out.as_str(), err.as_str()),
            (End::Code(0), "next\n", "")
        );

        // A silent one stays, as with ssh: the command ends before it.
        let (end, out, err) = command(&session, "sleep 300 & echo $!").await;
        assert_eq!((end, err.as_str()), (End::Code(0), ""));
        assert!(
            host.running().iter().any(|command| command == "sleep 300"),
            "{:?}",
            host.running()
        );
        let (end, out, err) = command(&session, format!("kill {out}")).await;
        assert_eq!((end, out.as_str(), err.as_str()), (End::Code(0), "", ""));
        host.wait_until_only_the_loop_runs("they are killed");
        session.close().await;
    });
}

#[test]
fn a_timeout_kills_what_runs() {
    on_every_shell(async |host| {
        let session = host
            .session_with(SessionOptions {
                grace: Duration::from_millis(200),
                ..Default::default()
            })
            .await;
        for script in [
            "echo begun; sleep 300",
            "echo begun; trap '' TERM; sleep 301; sleep 302",
            "echo begun; kill -STOP $$",
            "echo begun; sh -c 'kill -STOP $$'",
            "echo begun; setsid sleep 303; echo no",
            "echo begun; (trap '' TERM; sleep 304) & wait",
            "echo begun; while :; do :; done",
            "echo begun; sh -c 'kill -STOP $PPID'; echo no",
        ] {
            let mut step = Step::command(script);
            step.timeout = Some(Duration::from_millis(300));
            let request = Request {
                steps: vec![step, Step::own("echo no")],
                probe: Some(b"echo probe".to_vec()),
                ..Request::default()
            };
            let reply = tokio::time::timeout(Duration::from_mins(1), ask(&session, request))
                .await
                .expect(script)
                .unwrap();
            assert_eq!(reply.steps.len(), 1, "{script}");
            assert_eq!(
                reply.steps[0].end,
                End::TimedOut,
                "{}: {script}",
                host.shell
            );
            assert_eq!(reply.steps[0].stdout.text(), "begun\n", "{script}");
            assert_eq!(reply.probe.unwrap().stdout.text(), "probe\n", "{script}");
            // The loop, and nothing else.
            host.wait_until_only_the_loop_runs(script);
        }
        // What TERM ends in good order is heard to the end.
        let mut step = Step::command(
            "trap 'echo last words; exit' TERM; echo begun; while :; do sleep 0.01; done",
        );
        step.timeout = Some(Duration::from_millis(200));
        let reply = ask(&session, Request::step(step)).await.unwrap();
        assert_eq!(reply.steps[0].stdout.text(), "begun\nlast words\n");
        // An own step has a timeout too.
        let mut step = Step::own("sleep 300");
        step.timeout = Some(Duration::from_millis(100));
        let reply = ask(&session, Request::step(step)).await.unwrap();
        assert_eq!(reply.steps[0].end, End::TimedOut);
        host.wait_until_only_the_loop_runs("it ended");
        session.close().await;
    });
}

#[test]
fn a_cancel_kills_and_a_drop_does_too() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let cancel = CancellationToken::new();
        let heard = Heard(Mutex::default(), cancel.clone());
        let request = Request::step(Step::command("echo begun; sleep 300"));
        let reply = session
            .request(request.clone(), &heard, &cancel)
            .await
            .unwrap();
        assert_eq!(reply.steps[0].end, End::Cancelled);
        assert_eq!(*heard.0.lock().unwrap(), b"begun\n");
        host.wait_until_only_the_loop_runs("it ended");
        let error = session
            .request(request.clone(), &(), &cancel)
            .await
            .unwrap_err();
        assert_eq!(error, ops::shell::SessionError::Cancelled);

        // A dropped future.
        let begun = CancellationToken::new();
        let heard = Heard(Mutex::default(), begun.clone());
        let never = CancellationToken::new();
        tokio::select! {
            _ = session.request(request.clone(), &heard, &never) => panic!("it sleeps"),
            () = begun.cancelled() => {}
        }
        assert_eq!(command(&session, "echo next").await.1, "next\n");
        host.wait_until_only_the_loop_runs("it ended");

        // A dropped session.
        let begun = CancellationToken::new();
        let heard = Heard(Mutex::default(), begun.clone());
        let request = Request::step(Step::command("trap '' TERM; echo begun; sleep 300"));
        tokio::select! {
            _ = session.request(request, &heard, &never) => panic!("it sleeps"),
            () = begun.cancelled() => {}
        }
        drop(session);
    });
}

/// Cancels at the first output, and keeps what it hears.
struct Heard(Mutex<Vec<u8>>, CancellationToken);

impl Listener for Heard {
    fn chunk(&self, _: usize, _: OutputStream, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
        self.1.cancel();
    }
}

#[test]
fn a_huge_output_is_heard_whole_and_kept_in_part() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let heard = Heard(Mutex::default(), CancellationToken::new());
        let script =
            "i=0; while [ $i -lt 3000 ]; do printf '%01000d' $i; i=$((i+1)); done; echo err >&2";
        let reply = session
            .request(
                Request::step(Step::command(script)),
                &heard,
                &CancellationToken::new(),
            )
            .await
            .unwrap();
        assert_eq!(heard.0.lock().unwrap().len(), 3_000_004);
        let stdout = &reply.steps[0].stdout;
        assert_eq!(stdout.elided(), 3_000_000 - (1 << 20));
        assert!(stdout.text().ends_with("2999"));
        session.close().await;
    });
}

#[test]
fn bytes_arrive_as_they_are() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let handle = tokio::runtime::Handle::current();
        let mut all: Vec<u8> = (0..=255).collect();
        all.extend(0..=255);
        let awkward = [
            // Characters of UTF-8 that are cut off.
            &b"\xe2\n\xf0\n\xc3'\xe2"[..],
            b"-n",
            b"%s\\n%d",
            b"\n\n",
            b"it's",
            b"",
            b"\\",
            &all,
        ]
        .map(<[u8]>::to_vec);
        for bytes in awkward {
            echoes(&session, &bytes).await;
        }
        tokio::task::block_in_place(|| {
            let mut runner = TestRunner::new(crate::generation::config(24, file!()));
            runner
                .run(&proptest::collection::vec(any::<u8>(), 0..6000), |bytes| {
                    handle.block_on(echoes(&session, &bytes));
                    Ok(())
                })
                .unwrap();
        });
        session.close().await;
    });
}

/// Sends bytes as input, as a body and (without NUL) within a script, and sees them come back.
async fn echoes(session: &ops::shell::Session, bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it's\na body");
    let mut input = Step::command("cat; cat >&2");
    input.stdin = Some(bytes.into());
    let mut own = Step::own("cat >&2");
    own.stdin = Some(bytes.into());
    let quoted = ops::shell::quote_str(path.to_str().unwrap());
    let mut body = Step::command(format!("cat {quoted}"));
    body.body = Some(ops::shell::Body {
        path: path.to_str().unwrap().into(),
        content: bytes.into(),
    });
    let no_nul: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
    let script = [b"printf %s ".as_slice(), &ops::shell::quote(&no_nul)].concat();
    let steps = vec![
        input,
        own,
        body,
        Step::command(script.clone()),
        Step::own(script),
    ];
    let reply = ask(
        session,
        Request {
            steps,
            ..Request::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(reply.steps.len(), 5, "{:?}", reply.steps.last());
    assert_eq!(reply.steps[0].stdout.bytes(), bytes);
    assert_eq!(reply.steps[1].stderr.bytes(), bytes);
    assert_eq!(reply.steps[2].stdout.bytes(), bytes, "body");
    assert_eq!(reply.steps[3].stdout.bytes(), no_nul);
    assert_eq!(reply.steps[4].stdout.bytes(), no_nul);
    // The body was not moved away, so it is gone.
    crate::fleet::process::wait_until(|| !path.exists(), || "the body is still there".into());
}
