//! The loop that a lost session may have left running on its host, with everything that it started.
//!
//! A network that is cut tells neither side. Long after the client has given up, a host may go on with a request, since its
//! sshd has not noticed: over a new connection the two would get in each other's way. So the hello tells which
//! process the loop is, and before a new session is used the old one's loop is ended.

use std::time::{Duration, Instant};

use super::{End, Reply, Request, Step};

const SCRIPT: &str = include_str!("sh/former.sh");

/// How long the host may take for it: the script gives up before.
const LIMIT: Duration = Duration::from_mins(1);

/// By how many seconds a process may seem to have started later than it did.
const ROUNDING: u64 = 2;

/// The loop of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Its process id; `None` if the host had not sent it yet.
    process: Option<u32>,
    /// When the host sent its process id: the process is older than this.
    since: Instant,
}

impl Former {
    /// A loop about which nothing is known.
    pub(super) fn unknown() -> Self {
        Self::parse("")
    }

    /// Reads the hello, which has just come.
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

    /// Ends it with all that it runs, over another session of the same user. `None`: the host never said which it is.
    #[must_use]
    pub fn end(&self) -> Option<Request> {
        let process = self.process?;
        let age = self.since.elapsed().as_secs().saturating_sub(ROUNDING);
        let script: String = SCRIPT
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut step = Step::own(format!("was_f={process}\nwas_s={age}\n{script}"));
        step.timeout = Some(LIMIT);
        Some(Request::step(step))
    }

    /// Why it may still be running, according to the reply. `None`: nothing of it is alive.
    #[must_use]
    pub fn lives(reply: &Reply) -> Option<String> {
        let step = reply.steps.first()?;
        if step.end == End::Code(0) {
            return None;
        }
        let printed = step.stdout.text();
        Some(match printed.trim() {
            "" => "the host did not report what became of it".to_owned(),
            numbers => format!("not even KILL ended the processes {numbers}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;
    use crate::shell::INNER_COMMAND;

    #[test]
    fn is_read_from_the_hello() {
        let former = Former::parse("uid 0\nloop 4711\nstate /x");
        assert!(former.is_known() && former.end().is_some());
        for other in [
            "",
            "loop ",
            "loop 1",
            "loop $(id)",
            "loop -1",
            "loop 99999999999",
        ] {
            let former = Former::parse(other);
            assert!(!former.is_known() && former.end().is_none(), "{other}");
        }
    }

    /// The code of the script, in a shell.
    fn ended(shell: &[&str], process: &Child, age: Duration) -> Option<i32> {
        let since = Instant::now()
            .checked_sub(age)
            .expect("the machine is older");
        let former = Former {
            process: Some(process.id()),
            since,
        };
        let request = former.end().expect("it is known");
        let script = String::from_utf8(request.steps[0].script.clone()).expect("a text");
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", &script]);
        command.status().expect("a shell runs").code()
    }

    /// A loop that has been given this program.
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
            assert!(still(&mut other), "{shell:?}: it is no loop");
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
                let status = child.wait().expect("it is ours");
                assert!(status.signal().is_some(), "{shell:?}: {program}: {status}");
            }
        }
    }
}
