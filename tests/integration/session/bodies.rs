//! Bodies of files that cannot be written, or that change while they are sent.

use ops::shell::{End, Request, Step};

use super::{ask, command, on_every_shell};

#[test]
fn a_body_that_cannot_be_written_fails_its_step() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("there");
        std::fs::write(&there, "kept").unwrap();
        let (new, moved) = (dir.path().join("a/b/new"), dir.path().join("moved"));
        let content: std::sync::Arc<[u8]> = (0..3_000_000_u32).map(|at| (at % 253) as u8).collect();
        let step = |path: &std::path::Path, script: String| {
            let mut step = Step::own(script);
            step.on_failure = ops::shell::OnFailure::Continue;
            step.body = Some(ops::shell::Body {
                path: path.to_str().unwrap().into(),
                content: std::sync::Arc::clone(&content).into(),
            });
            step
        };
        let steps = vec![
            step(&there, "echo not run".into()),
            step("/proc/no/such/place".as_ref(), "echo not run".into()),
            step(&new, format!("mv {} {}", new.display(), moved.display())),
        ];
        let reply = ask(
            &session,
            Request {
                steps,
                ..Request::default()
            },
        )
        .await
        .unwrap();
        let ends: Vec<End> = reply.steps.iter().map(|step| step.end).collect();
        assert_eq!(
            ends,
            [End::Code(1), End::Code(1), End::Code(0)],
            "{reply:?}"
        );
        assert!(reply.steps[0].stdout.bytes().is_empty());
        assert!(
            reply.steps[0]
                .stderr
                .text()
                .contains("cannot write the body")
        );
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "kept");
        assert_eq!(std::fs::read(&moved).unwrap(), &content[..]);
        assert_eq!(command(&session, "echo next").await.1, "next\n");
        session.close().await;
    });
}

#[test]
fn a_body_that_is_read_while_it_is_sent() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        let content: Vec<u8> = (0..24_000_001_u32).map(|at| (at % 251) as u8).collect();
        std::fs::write(&source, &content).unwrap();
        let file = std::fs::File::open(&source).unwrap();
        let file = ops::shell::SourceFile::new(file, "the source").unwrap();
        let payload = ops::shell::Payload::File(file.into());
        let (body, moved) = (dir.path().join("body"), dir.path().join("moved"));
        let step = || {
            let mut step = Step::own(format!("mv {} {}", body.display(), moved.display()));
            step.body = Some(ops::shell::Body {
                path: body.to_str().unwrap().into(),
                content: payload.clone(),
            });
            step
        };
        let reply = ask(&session, Request::step(step())).await.unwrap();
        assert_eq!(reply.steps[0].end, End::Code(0), "{reply:?}");
        assert!(std::fs::read(&moved).unwrap() == content);

        // Written to after a part of it has arrived.
        let changed = std::thread::spawn({
            let (body, source) = (body.clone(), source.clone());
            move || {
                while std::fs::metadata(&body).map_or(0, |found| found.len()) < 1 << 20 {
                    std::thread::yield_now();
                }
                std::fs::write(source, "other").unwrap();
            }
        });
        let request = Request {
            steps: vec![step(), Step::own("echo not run")],
            probe: Some(b"echo probe".to_vec()),
            ..Request::default()
        };
        let reply = ask(&session, request).await.unwrap();
        changed.join().unwrap();
        assert_eq!(reply.steps.len(), 1, "{reply:?}");
        assert_eq!(reply.steps[0].end, End::Code(1));
        assert_eq!(
            reply.steps[0].stderr.text(),
            "cannot read the body: the source was changed while it was sent: run it again\n"
        );
        assert_eq!(reply.probe.unwrap().stdout.text(), "probe\n");
        assert_eq!(command(&session, "echo next").await.1, "next\n");
        assert!(!body.exists());
        session.close().await;
    });
}

/// A body that stays in its file.
fn payload(path: &std::path::Path) -> ops::shell::Payload {
    let file = std::fs::File::open(path).unwrap();
    let file = ops::shell::SourceFile::new(file, "the source").unwrap();
    ops::shell::Payload::File(file.into())
}

#[test]
fn the_checksum_of_a_large_body_is_known_after_its_arrival() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let dir = tempfile::tempdir().unwrap();
        let (body, moved) = (dir.path().join("it's a body"), dir.path().join("moved"));
        let quoted = ops::shell::quote_str(body.to_str().unwrap());
        for size in [4 << 20, (4 << 20) + 1, 11_000_003_u32] {
            let content: Vec<u8> = (0..size).map(|at| (at % 241) as u8).collect();
            let sum = ring::digest::digest(&ring::digest::SHA256, &content);
            let sum: String = sum.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            for command in [false, true] {
                let moved = moved.display();
                let script = format!("ops_known {quoted}; mv {quoted} {moved}");
                let mut first = Step::own(script);
                first.body = Some(ops::shell::Body {
                    path: body.to_str().unwrap().into(),
                    content: std::sync::Arc::<[u8]>::from(content.as_slice()).into(),
                });
                let mut steps = vec![
                    first,
                    Step::own(format!("chmod 0640 {moved}; ops_known {moved}")),
                ];
                if command {
                    // Then all of it runs in a separate shell.
                    steps.push(Step::command("true"));
                }
                let changed = format!(
                    "ops_known {moved}; printf x | dd of={moved} conv=notrunc 2>/dev/null; \
                     ops_known {moved} || echo changed"
                );
                let request = Request {
                    steps,
                    probe: Some(changed.into_bytes()),
                    ..Request::default()
                };
                let reply = ask(&session, request).await.unwrap();
                for step in &reply.steps[..2] {
                    assert_eq!(step.stdout.text(), format!("{sum}\n"), "{reply:?}");
                }
                let probe = reply.probe.unwrap();
                assert_eq!(probe.stdout.text(), format!("{sum}\nchanged\n"));
            }
        }
        let forgotten = format!("ops_known {} || echo forgotten", moved.display());
        let reply = ask(&session, Request::step(Step::own(forgotten))).await;
        assert_eq!(reply.unwrap().steps[0].stdout.text(), "forgotten\n");
        session.close().await;
    });
}

/// A step with a body of 4 GB, and the path where it arrives.
fn with_endless_body(dir: &std::path::Path) -> (Step, std::path::PathBuf) {
    let (source, body) = (dir.join("source"), dir.join("body"));
    let file = std::fs::File::create(&source).unwrap();
    file.set_len(4 << 30).unwrap();
    let mut step = Step::own("echo not run");
    step.body = Some(ops::shell::Body {
        path: body.to_str().unwrap().into(),
        content: payload(&source),
    });
    (step, body)
}

/// Waits until several blocks of a body have arrived.
async fn has_begun(body: &std::path::Path) {
    while std::fs::metadata(body).map_or(0, |found| found.len()) < 12 << 20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn cancels_a_large_body_while_it_is_sent() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let dir = tempfile::tempdir().unwrap();
        let (step, body) = with_endless_body(dir.path());
        let cancel = tokio_util::sync::CancellationToken::new();
        let sending = session.request(Request::step(step), &(), &cancel);
        let calling_off = async {
            has_begun(&body).await;
            cancel.cancel();
        };
        let (reply, ()) = tokio::join!(sending, calling_off);
        assert!(
            matches!(reply, Err(ops::shell::SessionError::Cancelled)),
            "{reply:?}"
        );
        assert_eq!(command(&session, "echo next").await.1, "next\n");
        assert!(!body.exists());
        session.close().await;
    });
}

#[test]
fn a_large_body_ends_with_its_connection() {
    on_every_shell(async |host| {
        let session = host.session().await;
        let dir = tempfile::tempdir().unwrap();
        let (step, body) = with_endless_body(dir.path());
        let cancel = tokio_util::sync::CancellationToken::new();
        let sending = session.request(Request::step(step), &(), &cancel);
        let cut = has_begun(&body);
        tokio::select! {
            reply = sending => panic!("it ended: {reply:?}"),
            () = cut => {}
        }
        drop(session);
        host.wait_until_idle();
        assert!(!body.exists());
    });
}
