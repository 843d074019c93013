//! What the shell of a request runs around a step.

use ops::shell::{Body, End, Request, Step};

use super::{ask, on_every_shell};

#[test]
fn lines_run_around_a_step_if_it_runs_and_if_it_succeeds() {
    on_every_shell(async |host| {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| ops::shell::quote_str(&dir.path().join(name).display().to_string());
        let line = |text: &str| {
            let text = format!("ops_x='{text}'; echo \"$ops_x\" >>{}", at("log"));
            Some(text.into_bytes())
        };
        let around = |step: Step, name: &str| Step {
            before: line(&format!("before {name}")),
            after: line(&format!("after {name}")),
            ..step
        };
        let log = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        let session = host.session().await;

        let strict = format!("set -e; echo own >>{}; false; echo no >>{0}", at("log"));
        let command = format!(
            "echo \"command ${{ops_x-unset}} $(umask)\" >>{}; exit 4",
            at("log")
        );
        let ok = vec![0, 4];
        let steps = vec![
            around(
                Step {
                    ok,
                    ..Step::command(command)
                },
                "1",
            ),
            around(Step::own(""), "2"),
            around(Step::own(strict), "3"),
            around(Step::own("true"), "4"),
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
        assert_eq!(ends, [4, 0, 1].map(End::Code), "{}", host.shell);
        let expected = "before 1\ncommand unset 0022\nafter 1\nbefore 2\nafter 2\nbefore 3\nown\n";
        assert_eq!(log(), expected, "{}", host.shell);

        // The same strict script behind a body, and a body that does not arrive.
        std::fs::remove_file(dir.path().join("log")).unwrap();
        for (name, end) in [("body", 1), ("no/body", 1), ("third", 0)] {
            let path = dir.path().join(name);
            if name == "no/body" {
                std::fs::write(dir.path().join("no"), "a file").unwrap();
            }
            let script = format!("set -e; rm {}; [ {name} = third ]; : here", at(name));
            let step = Step {
                body: Some(Body {
                    path: path.display().to_string().into_bytes(),
                    content: b"content"[..].into(),
                }),
                ..around(Step::own(script), name)
            };
            let reply = ask(&session, Request::step(step)).await.unwrap();
            assert_eq!(reply.steps[0].end, End::Code(end), "{}: {name}", host.shell);
        }
        let expected = "before body\nbefore third\nafter third\n";
        assert_eq!(log(), expected, "{}", host.shell);
        session.close().await;
    });
}
