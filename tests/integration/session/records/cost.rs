//! What records cost a host: files and processes.

use ops::shell::Request;
use ops::transport::{ChildTransport, Transport as _};

use super::super::{Host, OLD_BASH, SHELLS, ask, bin, on_every_shell, runtime};
use super::{State, recorded, request, run};

#[test]
fn the_records_of_a_hundred_runs_are_kept() {
    on_every_shell(async |host| {
        let state = State::new();
        let user = rustix::process::geteuid().as_raw();
        let runs = state.dir().join("runs");
        std::fs::create_dir_all(&runs).unwrap();
        let name = |n: u32, user: u32| runs.join(format!("20261128-12{n:04}-abcd.{user}.1"));
        for n in 0..98 {
            std::fs::write(name(n, user), "").unwrap();
        }
        std::fs::write(name(0, user + 1), "").unwrap();
        let count = || std::fs::read_dir(&runs).unwrap().count();
        for attempt in [1, 2, 3] {
            let session = host.session_with(state.options()).await;
            run(&session, attempt, vec![recorded("a", "exit 0")]).await;
            session.close().await;
            let expected = 99 + attempt.min(2) as usize;
            assert_eq!(count(), expected, "{}: {attempt}", host.shell);
        }
        assert!(!name(0, user).exists() && name(1, user).exists() && name(0, user + 1).exists());
    });
}

/// The number of processes that a session starts, counted by `strace`.
fn forks(host: &Host, state: &State, requests: &[Request]) -> usize {
    let path = state.0.path().join("forks");
    let trace = "trace=fork,vfork,clone,clone3";
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        path.to_str().unwrap(),
        "-e",
        trace,
        "env",
    ];
    let mut words: Vec<String> = strace.map(str::to_owned).into();
    words.push(format!(
        "PATH={}:{}",
        bin(host.shell).display(),
        std::env::var("PATH").unwrap()
    ));
    if host.shell == OLD_BASH {
        words.push("BASH_COMPAT=5.0".into());
    }
    runtime().block_on(async {
        let session = ChildTransport::exec(words)
            .session(state.options())
            .await
            .unwrap();
        for request in requests {
            ask(&session, request.clone()).await.unwrap();
        }
        session.close().await;
    });
    let done =
        |line: &str| line.contains(" = ") && !line.contains("= -1") && !line.contains("= ? ");
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().filter(|line| done(line)).count()
}

#[test]
fn a_record_costs_one_process_for_a_run() {
    for shell in SHELLS {
        let host = Host::new(shell);
        let state = State::new();
        let plain = |attempt| Request {
            records: None,
            ..request(
                attempt,
                vec![recorded("a", "exit 0"), recorded("b", "exit 0")],
            )
        };
        let kept = |attempt| {
            request(
                attempt,
                vec![recorded("a", "exit 0"), recorded("b", "exit 0")],
            )
        };
        // The first request finds out how the shell runs commands.
        let before = forks(&host, &state, &[plain(1), plain(1), plain(1)]);
        let with = [kept(1), kept(1), kept(1)];
        assert_eq!(
            forks(&host, &state, &with),
            before + 1,
            "{shell}: a directory"
        );
        assert_eq!(
            forks(&host, &state, &with),
            before,
            "{shell}: the same attempt again"
        );
        let next = [kept(2), kept(2), kept(2)];
        assert_eq!(
            forks(&host, &state, &next),
            before + 1,
            "{shell}: another attempt"
        );
    }
}
