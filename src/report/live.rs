//! `--output live`: what every host is doing right now, below the log.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthChar as _;

use super::keyboard::Keyboard;
use super::output::{Opened, Output};
use super::quantity::{count, duration};
use super::terminal::Terminal;
use super::{Piece, Rollouts, Settings, View, clean_line};
use crate::model::{Event, FailureKind, Kind, Outcome, Reporter, Scrubbed, undone_by};

pub(super) const OUTPUT: Output = Output {
    name: "live",
    help: "What runs right now, below the log",
    is_data: false,
    is_default: || io::stdout().is_terminal() && std::env::var_os("CI").is_none(),
    open: |settings| {
        let live = Live::stdio(settings);
        let terminal = Some(live.terminal());
        Opened {
            reporter: Box::new(live),
            terminal,
        }
    },
};

/// The terminal is drawn at most this often.
const REDRAW: Duration = Duration::from_millis(80);

/// Rows of the terminal that are left to the log.
const KEPT_ROWS: usize = 3;

/// The maximum number of rows of hosts, however tall the terminal: nobody reads more.
const MAX_ROWS: usize = 24;

/// Rows and columns of the terminal.
type Size = Box<dyn Fn() -> (u16, u16) + Send>;

/// Draws on a terminal: at most a screen of lines at a time, and not more often than [`REDRAW`], for any
/// number of hosts. Events wait for the next redraw. If standard output is not a terminal, only the log is
/// written.
pub struct Live {
    view: View,
    multi: MultiProgress,
    /// One bar has all the lines, so that they are drawn together.
    bar: Option<ProgressBar>,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    size: Size,
    width: Option<u16>,
    pending: Vec<Piece>,
    drawn: Option<Instant>,
    running: IndexMap<String, Activity>,
    counters: Counters,
    rollouts: Rollouts,
    /// Restored when the display ends.
    keyboard: Option<Keyboard>,
}

/// What a host is doing, and since when.
struct Activity {
    what: String,
    since: Instant,
    /// Whether its closure has begun. It ends with `host.finished`.
    in_closure: bool,
}

/// The counters of the last line.
#[derive(Default)]
struct Counters {
    hosts: usize,
    done: usize,
    changed: u64,
    /// Successful undos, of changes and of those made in part.
    undone: u64,
    would_change: u64,
    failed: u64,
    unreachable: u64,
}

impl Live {
    /// Draws on standard output; explanations of failures go to standard error.
    #[must_use]
    pub fn stdio(settings: Settings) -> Self {
        let size = || {
            rustix::termios::tcgetwinsize(io::stdout())
                .map_or((24, 80), |size| (size.ws_row, size.ws_col))
        };
        let target = ProgressDrawTarget::stdout_with_hz(20);
        // Standard error may be a file although standard output is a terminal.
        let err = anstream::AutoStream::auto(io::stderr());
        let mut live = Self::new(
            settings,
            target,
            Box::new(size),
            Box::new(io::stdout()),
            Box::new(err),
        );
        live.keyboard = Some(Keyboard::without_echo());
        live
    }

    pub(super) fn new(
        settings: Settings,
        target: ProgressDrawTarget,
        size: Size,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self {
            view: View::new(settings),
            multi: MultiProgress::with_draw_target(target),
            bar: None,
            out,
            err,
            size,
            width: settings.width,
            pending: Vec::new(),
            drawn: None,
            running: IndexMap::new(),
            counters: Counters::default(),
            rollouts: Rollouts::default(),
            keyboard: None,
        }
    }

    #[must_use]
    pub fn terminal(&self) -> Terminal {
        Terminal::new(self.multi.clone())
    }

    /// Updates what the lines show.
    fn follow(&mut self, event: &Event) {
        self.rollouts.event(event);
        if let Kind::Waiting { what, hosts, .. } = &event.kind {
            for host in hosts.iter().chain(&event.host) {
                self.wait_for(host, what);
            }
            return;
        }
        match event.kind {
            Kind::RunStarted { hosts, .. } | Kind::RunResumed { hosts, .. } => {
                self.counters.hosts = hosts;
            }
            // An `each` inside another one does not restart the counters.
            Kind::EachStarted { hosts, .. } | Kind::RolloutStarted { hosts, .. }
                if self.running.is_empty() =>
            {
                self.counters.hosts = hosts;
                self.counters.done = 0;
            }
            _ => {}
        }
        let Some(host) = &event.host else { return };
        match &event.kind {
            Kind::HostStarted => {
                self.set_activity(host, "starting".to_owned());
                self.running
                    .entry(host.clone())
                    .and_modify(|doing| doing.in_closure = true);
            }
            Kind::HostConnecting { attempt: 1, .. } => {
                self.set_activity(host, "connecting".to_owned());
            }
            Kind::HostConnecting {
                attempt, reason, ..
            } => self.retry(host, *attempt, reason.as_deref()),
            Kind::TaskStarted => self.set_activity(host, event.task.clone().unwrap_or_default()),
            Kind::TaskFinished { failure, .. } => {
                let interrupted = failure
                    .as_ref()
                    .is_some_and(|failure| failure.kind == FailureKind::Interrupted);
                match (event.outcome, undone_by(event.step.as_deref())) {
                    (Some(Outcome::Changed), Some(_)) => self.counters.undone += 1,
                    (Some(Outcome::Changed), None) => self.counters.changed += 1,
                    (Some(Outcome::WouldChange), _) => self.counters.would_change += 1,
                    (Some(Outcome::Failed), _) if !interrupted => self.counters.failed += 1,
                    _ => {}
                }
                self.end_activity(host);
            }
            Kind::HealthChecked {
                state,
                message,
                waiting: true,
                ..
            } if !state.is_healthy() && event.outcome.is_none() => {
                let task = event.task.as_deref().unwrap_or_default();
                self.set_activity(host, format!("waiting for {task}: {message}"));
            }
            Kind::HostConnected { .. } | Kind::HealthChecked { .. } => self.end_activity(host),
            Kind::RolloutHost { .. } => {
                if let Some(what) = self.rollouts.doing(host) {
                    self.set_activity(host, what.to_owned());
                }
            }
            Kind::HostFinished { .. } => {
                self.running.shift_remove(host);
                // A host that is rolled back was counted before.
                self.counters.done += usize::from(!self.rollouts.is_rolling_back());
            }
            Kind::HostUnreachable { .. } => {
                self.running.shift_remove(host);
                self.counters.unreachable += 1;
            }
            _ => {}
        }
    }

    /// A host is waiting. Its time goes on.
    fn wait_for(&mut self, host: &str, what: &str) {
        if let Some(doing) = self.running.get_mut(host) {
            doing.what = format!("waiting {what}");
        }
    }

    /// ops tries again to connect. The time goes on: it shows for how long the host did not answer.
    fn retry(&mut self, host: &str, attempt: u32, reason: Option<&str>) {
        let since = self.running.get(host).map(|doing| doing.since);
        let reason = reason.and_then(|reason| reason.lines().next());
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.set_activity(host, format!("connecting, attempt {attempt}{reason}"));
        if let (Some(doing), Some(since)) = (self.running.get_mut(host), since) {
            doing.since = since;
        }
    }

    fn set_activity(&mut self, host: &str, what: String) {
        let in_closure = self.running.get(host).is_some_and(|doing| doing.in_closure);
        self.running.insert(
            host.to_owned(),
            Activity {
                what,
                since: Instant::now(),
                in_closure,
            },
        );
    }

    /// What a host was doing has ended. The next event shows what it does now; outside of a closure there may
    /// be none.
    fn end_activity(&mut self, host: &str) {
        const CHECKING: &str = "checking";
        let what = self.rollouts.doing(host).unwrap_or(CHECKING);
        match self.running.get(host) {
            // The time goes on: it does not restart with every task that changes nothing.
            Some(doing) if doing.what == what => {}
            Some(doing) if doing.in_closure => self.set_activity(host, what.to_owned()),
            _ => drop(self.running.shift_remove(host)),
        }
    }

    /// The lines, no more than fit on the terminal.
    fn lines(&self) -> String {
        let (rows, columns) = (self.size)();
        // On some terminals a line of full width wraps.
        let columns = usize::from(self.width.unwrap_or(columns)).saturating_sub(1);
        let rollout = self.rollouts.line();
        let room = usize::from(rows)
            .saturating_sub(KEPT_ROWS + usize::from(rollout.is_some()))
            .clamp(1, MAX_ROWS);
        // The counters take a line, and so does the number of hosts that are left out.
        let shown = if self.running.len() < room {
            self.running.len()
        } else {
            room.saturating_sub(2)
        };
        let host_width = self
            .running
            .keys()
            .take(shown)
            .map(|host| host.chars().count())
            .max()
            .unwrap_or(0)
            .min(32);
        let mut lines: Vec<String> = self
            .running
            .iter()
            .take(shown)
            .map(|(host, doing)| {
                let since = doing.since.elapsed();
                let took = if since.as_secs() >= 1 {
                    format!("  {}", whole_seconds(since))
                } else {
                    String::new()
                };
                format!(
                    "  {:host_width$}  {}{took}",
                    clean_line(host),
                    clean_line(&doing.what)
                )
            })
            .collect();
        let left_out = self.running.len() - shown;
        if left_out > 0 && room >= 2 {
            lines.push(format!("  ... and {} more", count(left_out as u64, "host")));
        }
        lines.extend(rollout);
        lines.push(self.counters.line());
        lines
            .iter()
            .map(|line| cut(line, columns))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Writes the log and draws the lines.
    fn draw(&mut self) {
        self.drawn = Some(Instant::now());
        let pending = std::mem::take(&mut self.pending);
        if self.running.is_empty() && self.rollouts.line().is_none() {
            self.clear();
        } else if !self.multi.is_hidden() {
            let lines = self.lines();
            let bar = self.bar.get_or_insert_with(|| {
                let bar = self.multi.add(ProgressBar::new_spinner());
                // The template is constant. If it could not be parsed, the default would show the message
                // too.
                ProgressStyle::with_template("{msg}")
                    .map(|style| bar.set_style(style))
                    .ok();
                bar
            });
            if pending.is_empty() {
                bar.set_message(lines);
                return;
            }
            // Drawn together with the log, when the terminal is resumed.
            bar.set_message(lines);
        }
        if pending.is_empty() {
            return;
        }
        let (out, err) = (&mut self.out, &mut self.err);
        // If the terminal is gone, nobody can be told.
        self.multi.suspend(|| {
            for piece in pending {
                let _ = match piece {
                    Piece::Out(text) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
                    Piece::Err(text) => err.write_all(text.as_bytes()).and_then(|()| err.flush()),
                };
            }
        });
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

impl Reporter for Live {
    fn event(&mut self, event: &Scrubbed<Event>) {
        self.follow(event);
        let mut pieces = self.view.event(event);
        self.pending.append(&mut pieces);
        if self.drawn.is_some_and(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw();
        }
    }

    fn tick(&mut self) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw();
        }
    }

    fn pause(&mut self) {
        self.draw();
        self.clear();
    }

    fn resume(&mut self) {
        self.draw();
    }

    fn finish(&mut self) {
        self.pending.append(&mut self.view.finish());
        self.running.clear();
        self.draw();
    }
}

/// Leaves the terminal clean, however the run ends.
impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
        drop(self.keyboard.take());
    }
}

impl Counters {
    fn line(&self) -> String {
        let mut parts = vec![match self.hosts {
            // The number of hosts is not known yet.
            0 => format!("{} done", count(self.done as u64, "host")),
            hosts => format!("{} of {} done", self.done, count(hosts as u64, "host")),
        }];
        for (number, word) in [
            (self.changed, "changed"),
            (self.undone, "undone"),
            (self.would_change, "would change"),
            (self.failed, "failed"),
            (self.unreachable, "unreachable"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        parts.join(", ")
    }
}

fn whole_seconds(time: Duration) -> String {
    if time.as_secs() < 60 {
        format!("{} s", time.as_secs())
    } else {
        duration(time)
    }
}

/// The beginning of a line that fits into this number of columns.
fn cut(line: &str, columns: usize) -> String {
    let mut used = 0;
    line.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}
