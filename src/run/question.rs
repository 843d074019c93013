//! Asks the operator at the terminal.
//!
//! It reads a whole line and leaves the mode of the terminal unchanged. So the wait can end with the run,
//! and no terminal settings need to be restored.

use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind};
use crate::task::RunMode;

use super::context::Run;

/// The answer to a question. With `--yes` and in check mode, it is yes, and the question is not asked.
///
/// # Errors
/// There is no terminal, or it cannot be read; `Interrupted` if `cancel` comes first.
pub fn ask(run: &Run, question: &str, cancel: &CancellationToken) -> Result<bool, Failure> {
    if run.settings.yes || run.settings.mode == RunMode::Check {
        return Ok(true);
    }
    can_ask(run, question)?;
    Ok(choose(run, question, &["yes", "no"], cancel)? == 0)
}

/// Whether there is someone to ask.
#[must_use]
pub fn is_at_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for one of several answers, each a word with its own first letter, and returns its index.
///
/// # Errors
/// The terminal cannot be read; `Interrupted` if `cancel` comes first.
pub fn choose(
    run: &Run,
    question: &str,
    answers: &[&str],
    cancel: &CancellationToken,
) -> Result<usize, Failure> {
    run.waits.ask(question);
    let again = run.settings.pace.again;
    let letters: Vec<&str> = answers.iter().map(|word| &word[..1]).collect();
    let prompt = format!("{question} [{}] ", letters.join("/"));
    let answer = run.bus.paused(|| answer(&prompt, answers, again, cancel));
    answer
        .map_err(|error| Failure::new(FailureKind::Failed, format!("failed to ask: {error}")))?
        .ok_or_else(Failure::interrupted)
}

/// Checks that a question can be answered later.
///
/// # Errors
/// There is no terminal, and no `--yes`.
pub fn can_ask(run: &Run, question: &str) -> Result<(), Failure> {
    let answered = run.settings.yes || run.settings.mode == RunMode::Check;
    if answered || is_at_a_terminal() {
        return Ok(());
    }
    let message = format!("confirmation required, but there is no terminal: {question}");
    Err(Failure::new(FailureKind::Failed, message).hint("Run it in a terminal, or pass --yes."))
}

/// `None` if it was cancelled. The question is repeated now and then, because it may have scrolled away.
fn answer(
    prompt: &str,
    answers: &[&str],
    again: Duration,
    cancel: &CancellationToken,
) -> io::Result<Option<usize>> {
    let keyboard = io::stdin();
    let began = Instant::now();
    // Discard what was typed before the question.
    tcflush(&keyboard, QueueSelector::IFlush)?;
    loop {
        write!(io::stderr(), "{prompt}")?;
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            match wait(&keyboard, again, cancel)? {
                Waited::Typed => {}
                Waited::Long => {
                    let so_far = humantime::format_duration(whole(began.elapsed()));
                    write!(
                        io::stderr(),
                        "\nwaiting for an answer, {so_far} so far: {prompt}"
                    )?;
                    continue;
                }
                Waited::Cancelled => {
                    writeln!(io::stderr())?;
                    return Ok(None);
                }
            }
            let mut bytes = [0; 256];
            let read = rustix::io::read(&keyboard, &mut bytes)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line.extend_from_slice(&bytes[..read]);
        }
        let typed = line.trim_ascii().to_ascii_lowercase();
        let fits = |word: &&str| typed == word.as_bytes() || typed == word.as_bytes()[..1];
        if let Some(chosen) = answers.iter().position(fits) {
            return Ok(Some(chosen));
        }
    }
}

/// How a wait for input ended.
enum Waited {
    Typed,
    Long,
    Cancelled,
}

/// Rounded down to whole seconds, or to milliseconds if it is shorter than a second.
const fn whole(time: Duration) -> Duration {
    match time.as_secs() {
        0 => Duration::from_millis(time.subsec_millis() as u64),
        seconds => Duration::from_secs(seconds),
    }
}

/// Waits until there is something to read, for at most this long.
fn wait(keyboard: &io::Stdin, longest: Duration, cancel: &CancellationToken) -> io::Result<Waited> {
    const SLICE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    let until = Instant::now() + longest;
    while !cancel.is_cancelled() {
        let mut ready = [PollFd::new(keyboard, PollFlags::IN)];
        match poll(&mut ready, Some(&SLICE)) {
            Ok(0) if Instant::now() >= until => return Ok(Waited::Long),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(Waited::Typed),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Waited::Cancelled)
}
