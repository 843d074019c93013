//! The loop of a session on its host, and how to end what a lost session left running.
//!
//! When a network is cut, neither side notices. The host may continue a request long after the client has
//! given up, and would then work at the same time as a new session. So the hello contains the process id of
//! the loop, and before a new session is used, the loop of the lost one is ended with everything that it
//! started.

use std::time::{Duration, Instant};

use super::{End, Records, Reply, Request, Step, quote_str};

const END_LOOP: &str = include_str!("sh/end_loop.sh");
const END_EARLIER: &str = include_str!("sh/end_earlier.sh");

/// How long the host may take to end it. The script gives up earlier.
const LIMIT: Duration = Duration::from_mins(1);

/// By how many seconds a process may appear to have started later than it did.
const ROUNDING: u64 = 2;

/// The loop of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLoop {
    /// Its process id; `None` if the host had not sent it yet.
    process: Option<u32>,
    /// When the host sent its process id: the process is older than this.
    since: Instant,
}

impl RemoteLoop {
    /// A loop about which nothing is known.
    pub(super) fn unknown() -> Self {
        Self::parse("")
    }

    /// Parses the hello, which has just arrived.
    pub(super) fn parse(hello: &str) -> Self {
        let told = hello.lines().find_map(|line| line.strip_prefix("loop "));
        let process = told.and_then(|told| told.trim().parse().ok());
        Self {
            process: process.filter(|process| *process > 1),
            since: Instant::now(),
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        self.process.is_some()
    }

    /// Returns the request that ends it with everything that it runs, over another session of the same
    /// user. `None`: the host never sent its process id.
    #[must_use]
    pub fn end(&self) -> Option<Request> {
        let process = self.process?;
        let age = self.since.elapsed().as_secs().saturating_sub(ROUNDING);
        let functions = without_comments(END_LOOP);
        Some(Request::step(ending(format!(
            "was_f={process}\nwas_b=\nwas_s={age}\n{functions}was_end\n"
        ))))
    }

    /// Returns the step that ends the loops of earlier attempts at a run, with everything that they run, as
    /// far as they recorded commands as this user. [`why_alive`](Self::why_alive) is for its reply too.
    #[must_use]
    pub fn end_earlier(records: &Records) -> Step {
        let Records { run, attempt } = records;
        let run = quote_str(run);
        let (functions, script) = (without_comments(END_LOOP), without_comments(END_EARLIER));
        ending(format!("was_r={run}\nwas_a={attempt}\n{functions}{script}"))
    }

    /// Returns why it may still be running, according to the reply. `None`: nothing of it is alive.
    #[must_use]
    pub fn why_alive(reply: &Reply) -> Option<String> {
        let step = reply.steps.first()?;
        if step.end == End::Code(0) {
            return None;
        }
        let printed = step.stdout.text();
        Some(match printed.trim() {
            "" => "the host did not report whether it ended".to_owned(),
            numbers => format!("KILL did not end the processes {numbers}"),
        })
    }
}

fn ending(script: String) -> Step {
    let mut step = Step::own(script);
    step.timeout = Some(LIMIT);
    step
}

fn without_comments(script: &str) -> String {
    script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;
    use crate::shell::INNER_COMMAND;

    #[test]
    fn is_parsed_from_the_hello() {
        let remote_loop = RemoteLoop::parse("uid 0\nloop 4711\nstate /x");
        assert!(remote_loop.is_known() && remote_loop.end().is_some());
        for other in [
            "",
            "loop ",
            "loop 1",
            "loop $(id)",
            "loop -1",
            "loop 99999999999",
        ] {
            let remote_loop = RemoteLoop::parse(other);
            assert!(
                !remote_loop.is_known() && remote_loop.end().is_none(),
                "{other}"
            );
        }
    }

    /// The exit code of the script, in a shell.
    fn ended(shell: &[&str], process: &Child, age: Duration) -> Option<i32> {
        let since = Instant::now()
            .checked_sub(age)
            .expect("the machine is older");
        let remote_loop = RemoteLoop {
            process: Some(process.id()),
            since,
        };
        let request = remote_loop.end().expect("it is known");
        let script = String::from_utf8(request.steps[0].script.clone()).expect("a text");
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", &script]);
        command.status().expect("a shell runs").code()
    }

    /// Starts a loop that gets this program.
    fn started(command: &str, program: &str) -> Child {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, program.as_bytes()).expect("it reads");
        child.stdin = Some(stdin);
        child
    }

    #[test]
    fn ends_that_process_and_no_other() {
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let still = |child: &mut Child| matches!(child.try_wait(), Ok(None));
            let now = Duration::ZERO;
            let mut other = started("read -r x; sleep 4.711", "\n");
            assert_eq!(ended(shell, &other, now), Some(0), "{shell:?}");
            assert!(still(&mut other), "{shell:?}: it is not a loop");
            other
                .kill()
                .and_then(|()| other.wait())
                .expect("it is ours");

            for program in ["read -r y\n", "trap '' TERM; setsid sleep 47.11; :\n"] {
                let mut child = started(INNER_COMMAND, program);
                let long = Duration::from_mins(10);
                assert_eq!(ended(shell, &child, long), Some(0), "{shell:?}");
                assert!(still(&mut child), "{shell:?}: it is too young");
                assert_eq!(ended(shell, &child, now), Some(0), "{shell:?}: {program}");
                // `wait` closes the input, and a loop that reads its end exits by itself.
                let input = child.stdin.take();
                let status = child.wait().expect("it is ours");
                drop(input);
                assert!(status.signal().is_some(), "{shell:?}: {program}: {status}");
            }
        }
    }
}
