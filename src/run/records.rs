//! What a host recorded of the commands of a run: the answer where a process of ops was killed, or a host was
//! cut off, between the start of a command and the arrival of its result.
//!
//! The host writes one file for each run, user and attempt, a line at a time (`sh/record_steps.sh`,
//! `sh/record_loop.sh`):
//!
//! ```text
//! records 1 +                       `-` once a line could not be written
//! loop PID START                    a session's loop, and when it started
//! began KEY PID START SHELL LEADER  a command: its loop, its shell, the leader of its session
//! ended KEY PID START CODE
//! killed PID START                  what this loop runs is about to be killed
//! ```
//!
//! A code that was recorded after `killed` is not used: the command may have been ended by ops. Where lines
//! may be missing, the answer is [`Recorded::InDoubt`] and never a guess.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind};
use crate::shell::{End, OnFailure, Records, RemoteLoop, Reply, Request, quote_str};

use super::host::HostHandle;
use super::recording::records;

pub use super::recorded::Recorded;
pub use super::recording::key;

/// The number of newer records beyond which one may have been removed: see `ops_room` in `sh/record_loop.sh`.
const KEPT: usize = 99;

/// Asks a host what it recorded of these steps of the run, as the user of the handle. Before that, it ends
/// what earlier attempts at the run may still be doing there as this user, so the answers are final. This
/// takes one round trip.
///
/// # Errors
/// The host does not answer, or what an earlier attempt started cannot be ended.
pub fn settle(
    host: &HostHandle,
    steps: &[&str],
    cancel: &CancellationToken,
) -> Result<Vec<Recorded>, Failure> {
    let run = &host.run;
    if run.journal.is_none() {
        // Then it recorded nothing.
        return Ok(vec![Recorded::InDoubt; steps.len()]);
    }
    let records = records(run);
    let reply = host.request(cancel, question(&records), &())?;
    if reply.cancelled {
        return Err(Failure::interrupted());
    }
    answers(&records, steps, &reply).map_err(|reason| {
        let message = format!("cannot determine what an earlier attempt of this run did: {reason}");
        Failure::new(FailureKind::Failed, message).on(host.name())
    })
}

/// The request that ends earlier attempts and asks for the records.
#[must_use]
pub fn question(records: &Records) -> Request {
    let mut end = RemoteLoop::end_earlier(records);
    end.on_failure = OnFailure::Continue;
    let probe = format!(
        "case $ops_j in ?*) echo open;; esac\n\
         for r_f in \"$ops_state/runs\"/*.\"$ops_u\".*; do printf 'name %s\\n' \"${{r_f##*/}}\"; done\n\
         for r_f in \"$ops_state/runs/\"{run}.\"$ops_u\".*; do\n\
         if [ -e \"$r_f\" ]; then\n\
         printf 'file %s\\n' \"${{r_f##*.}}\"; cat -- \"$r_f\" || echo unreadable; printf '\\nend\\n'\n\
         fi\ndone\necho all\n",
        run = quote_str(&records.run)
    );
    Request {
        steps: vec![end],
        probe: Some(probe.into_bytes()),
        records: Some(records.clone()),
        ..Request::default()
    }
}

/// The answers to [`question`], for these steps.
///
/// # Errors
/// Something may still be running, or the host did not answer the question in full.
pub fn answers(records: &Records, steps: &[&str], reply: &Reply) -> Result<Vec<Recorded>, String> {
    if let Some(why) = RemoteLoop::why_alive(reply) {
        return Err(format!(
            "an earlier process of it may still be at work: {why}"
        ));
    }
    let printed = match &reply.probe {
        Some(probe) if probe.end == End::Code(0) && probe.stdout.elided() == 0 => {
            probe.stdout.text()
        }
        _ => return Err("the host did not send its records".to_owned()),
    };
    let found = Found::parse(records, &printed).ok_or("the records that the host sent are cut")?;
    Ok(steps.iter().map(|step| found.of(&key(step))).collect())
}

/// A process, and when it started.
type Process = (u32, u64);

#[derive(Debug)]
struct Entry {
    attempt: u32,
    of: Process,
    /// Its loop has begun to kill what it runs.
    killed: bool,
    code: Option<u8>,
}

/// The records of a run.
#[derive(Debug, Default)]
struct Found {
    /// The present attempt.
    attempt: u32,
    /// It can be written now.
    open: bool,
    /// There are so many newer ones that one of this run may have been removed.
    crowded: bool,
    /// The last attempt whose record lacks lines.
    hole: Option<u32>,
    /// By key: the last attempt at the command.
    entries: HashMap<String, Entry>,
}

impl Found {
    /// Parses what [`question`] prints. `None`: it is incomplete.
    fn parse(records: &Records, printed: &str) -> Option<Self> {
        let mut found = Self {
            attempt: records.attempt,
            ..Self::default()
        };
        let mut files = Vec::new();
        let mut newer = 0;
        let mut rest = printed;
        loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            match line.split_once(' ').unwrap_or((line, "")) {
                ("all", "") => break,
                ("open", "") => found.open = true,
                ("name", name) => {
                    let run = name.split('.').next().unwrap_or_default();
                    newer +=
                        usize::from(run > records.run.as_str() && name.matches('.').count() == 2);
                }
                ("file", attempt) => {
                    let (text, after) = rest.split_once("\nend\n")?;
                    rest = after;
                    files.push((attempt.parse().ok()?, text));
                }
                _ => return None,
            }
        }
        found.crowded = newer >= KEPT;
        files.sort_unstable();
        for (attempt, text) in files {
            found.read(attempt, text);
        }
        Some(found)
    }

    /// Reads the record of an attempt.
    fn read(&mut self, attempt: u32, text: &str) {
        let mut lines = text.split('\n');
        let mut whole = lines.next() == Some("records 1 +") && text.ends_with('\n');
        for line in lines.filter(|line| !line.is_empty()) {
            whole &= self.line(attempt, line).is_some();
        }
        if !whole {
            self.hole = self.hole.max(Some(attempt));
        }
    }

    /// Reads a line. `None`: it is damaged.
    fn line(&mut self, attempt: u32, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let process = |pid: &str, start: &str| Some((pid.parse().ok()?, start.parse().ok()?));
        match words[..] {
            // Two sessions began it at the same time.
            ["records", "1", "+"] => Some(()),
            ["loop", pid, start] => process(pid, start).map(drop),
            ["began", key, pid, start, shell, leader] => {
                process(shell, leader)?;
                let entry = Entry {
                    attempt,
                    of: process(pid, start)?,
                    killed: false,
                    code: None,
                };
                self.entries.insert(key.to_owned(), entry);
                Some(())
            }
            ["ended", key, pid, start, code] => {
                let (of, code) = (process(pid, start)?, code.parse().ok()?);
                if let Some(entry) = self.entries.get_mut(key)
                    && (entry.attempt, entry.of, entry.killed) == (attempt, of, false)
                {
                    entry.code = Some(code);
                }
                Some(())
            }
            ["killed", pid, start] => {
                let of = process(pid, start)?;
                for entry in self.entries.values_mut() {
                    entry.killed |= (entry.attempt, entry.of) == (attempt, of);
                }
                Some(())
            }
            _ => None,
        }
    }

    fn of(&self, key: &str) -> Recorded {
        match self.entries.get(key) {
            None if self.open && !self.crowded && self.hole.is_none() => Recorded::NotBegun,
            // A later attempt may have run it again without being able to record that.
            Some(Entry {
                attempt,
                code: Some(code),
                ..
            }) if self.hole <= Some(*attempt) && (self.open || attempt + 1 >= self.attempt) => {
                Recorded::Ended(*code)
            }
            _ => Recorded::InDoubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "open\nname 20261129-120000-abcd.0.1\n";

    /// What `began` commands `a` to `c` came to, according to a record of two attempts.
    fn found(attempt: u32, head: &str, files: &[(u32, &str)]) -> [Recorded; 3] {
        let files: String = files
            .iter()
            .map(|(attempt, text)| format!("file {attempt}\n{text}\nend\n"))
            .collect();
        let records = Records {
            run: "20261129-120000-abcd".to_owned(),
            attempt,
        };
        let found = Found::parse(&records, &format!("{head}{files}all\n")).expect("it is whole");
        ["a", "b", "c"].map(|key| found.of(key))
    }

    use Recorded::{Ended, InDoubt, NotBegun};

    const FIRST: &str =
        "records 1 +\nloop 7 100\nbegan a 7 100 9 8\nended a 7 100 3\nbegan b 7 100 11 10\n";

    #[test]
    fn a_command_has_not_begun_has_ended_or_is_in_doubt() {
        assert_eq!(found(2, OPEN, &[]), [NotBegun; 3]);
        assert_eq!(found(2, OPEN, &[(1, FIRST)]), [Ended(3), InDoubt, NotBegun]);
    }

    #[test]
    fn a_code_after_a_kill_or_of_another_process_does_not_count() {
        let killed = format!("{FIRST}killed 7 100\nended b 7 100 143\n");
        assert_eq!(
            found(2, OPEN, &[(1, &killed)]),
            [Ended(3), InDoubt, NotBegun]
        );
        let other = format!("{FIRST}killed 7 99\nended b 7 101 0\nended b 6 100 0\n");
        assert_eq!(
            found(2, OPEN, &[(1, &other)]),
            [Ended(3), InDoubt, NotBegun]
        );
        let same = format!("{FIRST}killed 6 100\nended b 7 100 0\n");
        assert_eq!(found(2, OPEN, &[(1, &same)])[1], Ended(0));
    }

    #[test]
    fn the_last_attempt_at_a_command_counts() {
        let again = "records 1 +\nloop 20 500\nbegan a 20 500 31 30\n";
        assert_eq!(found(3, OPEN, &[(2, again), (1, FIRST)])[0], InDoubt);
        let ended = format!("{again}ended a 20 500 0\n");
        assert_eq!(found(3, OPEN, &[(1, FIRST), (2, &ended)])[0], Ended(0));
        // 10 comes after 9.
        assert_eq!(found(11, OPEN, &[(10, again), (9, FIRST)])[0], InDoubt);
    }

    #[test]
    fn where_lines_may_be_missing_nothing_is_guessed() {
        let holes = FIRST.replace('+', "-");
        for text in [
            holes.as_str(),
            "",
            "records 1 +\nloop 7 100\nbegan a 7 100 9 8\nended a 7 100 3\nbegan b 7 1",
            "records 1 +\nloop 7 100\nbegan a 7 100 9 8\nended a 7 100 3\nbegan b 7 1began c 7 100 9 8\n",
            "records 2 +\n",
        ] {
            let [a, _, c] = found(2, OPEN, &[(1, text)]);
            assert_eq!(c, InDoubt, "{text}");
            assert!(matches!(a, Ended(3) | InDoubt), "{text}");
            // A later attempt may have run it again.
            assert_eq!(
                found(3, OPEN, &[(1, FIRST), (2, text)])[2],
                InDoubt,
                "{text}"
            );
        }
        assert_eq!(found(2, OPEN, &[(1, &holes)]), [Ended(3), InDoubt, InDoubt]);
        let two = [(1, FIRST), (2, "records 1 -\n")];
        assert_eq!(found(3, OPEN, &two)[0], InDoubt);
        // It cannot be written now, so it may have been so before.
        assert_eq!(found(2, "", &[(1, FIRST)]), [Ended(3), InDoubt, InDoubt]);
        assert_eq!(found(3, "", &[(1, FIRST)])[0], InDoubt);
    }

    #[test]
    fn a_record_that_may_have_been_removed_is_no_proof() {
        let newer = |count: usize| -> String {
            let names = (0..count).map(|n| format!("name 20261129-12{n:04}-zzzz.0.1\n"));
            format!("{OPEN}{}", names.collect::<String>())
        };
        assert_eq!(found(2, &newer(98), &[])[0], NotBegun);
        assert_eq!(found(2, &newer(99), &[])[0], InDoubt);
    }

    #[test]
    fn two_sessions_may_begin_a_record_together() {
        let both = format!("records 1 +\nloop 8 100\n{FIRST}");
        let all = [Ended(3), InDoubt, NotBegun];
        assert_eq!(found(2, OPEN, &[(1, &both)]), all);
        let holes = both.replacen('+', "-", 1);
        assert_eq!(found(2, OPEN, &[(1, &holes)])[2], InDoubt);
    }

    #[test]
    fn an_incomplete_answer_is_refused() {
        let records = Records {
            run: "r".to_owned(),
            attempt: 2,
        };
        for printed in [
            "",
            "open\n",
            "open\nfile 1\nrecords 1 +\n",
            "open\nwhat\nall\n",
        ] {
            assert!(Found::parse(&records, printed).is_none(), "{printed}");
        }
    }
}
