//! The result of `ops health`: a table of all checks, the worst first.

use std::collections::BTreeSet;
use std::time::Duration;

use anstyle::Style;

use super::names::natural;
use super::quantity::{count, duration};
use super::style::{BOLD, BOLD_RED, GREEN, RED, YELLOW};
use super::{Settings, clean_line, table};
use crate::model::{Event, HealthState};

/// The state of a row, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Seen(HealthState),
    /// The host could not be reached.
    Unreachable,
}

impl Standing {
    const ALL: [Self; 5] = [
        Self::Seen(HealthState::Passing),
        Self::Seen(HealthState::Warning),
        Self::Seen(HealthState::Critical),
        Self::Seen(HealthState::Error),
        Self::Unreachable,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Seen(state) => state.as_str(),
            Self::Unreachable => "unreachable",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Seen(HealthState::Passing) => GREEN,
            Self::Seen(HealthState::Warning) => YELLOW,
            Self::Seen(HealthState::Critical) | Self::Unreachable => BOLD_RED,
            Self::Seen(HealthState::Error) => RED,
        }
    }
}

/// A health check of a host.
struct Row {
    standing: Standing,
    host: String,
    check: String,
    took: Option<Duration>,
    message: String,
}

/// The rows so far, in the order of their events.
#[derive(Default)]
pub(super) struct HealthTable {
    rows: Vec<Row>,
}

impl HealthTable {
    /// The table of a run, if it is one of `ops health` or `ops health PLAYBOOK`.
    pub(super) fn of(run: &str) -> Option<Self> {
        let is_health = run == "health" || run.starts_with("health ");
        is_health.then(Self::default)
    }

    /// A check was made.
    pub(super) fn checked(&mut self, event: &Event, state: HealthState, message: &str) {
        self.rows.push(Row {
            standing: Standing::Seen(state),
            host: event.host.clone().unwrap_or_default(),
            check: event.task.clone().unwrap_or_default(),
            took: event.duration_ms.map(Duration::from_millis),
            message: message.to_owned(),
        });
    }

    /// A host could not be reached. It gets one row.
    pub(super) fn lost(&mut self, host: &str, message: &str) {
        let known = |row: &Row| row.host == host && row.standing == Standing::Unreachable;
        if !self.rows.iter().any(known) {
            self.rows.push(Row {
                standing: Standing::Unreachable,
                host: host.to_owned(),
                check: String::new(),
                took: None,
                message: message.lines().next().unwrap_or_default().to_owned(),
            });
        }
    }

    /// Whether the table has a row for a host.
    pub(super) fn has(&self, host: &str) -> bool {
        self.rows.iter().any(|row| row.host == host)
    }

    /// The table, and a line with totals.
    pub(super) fn render(&mut self, settings: Settings, took: Option<Duration>) -> String {
        // Stable: the checks of a host stay in their order.
        self.rows.sort_by(|one, other| {
            let worse = other.standing.cmp(&one.standing);
            worse.then_with(|| natural(&one.host, &other.host))
        });
        let mut table = String::new();
        if !self.rows.is_empty() {
            let head = ["HOST", "CHECK", "STATE", "TIME", "MESSAGE"];
            let head = head.map(|cell| (BOLD, cell.to_owned())).to_vec();
            let rows = self.rows.iter().map(Row::cells);
            let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
            table = table::styled(&rows, settings);
            table.push('\n');
        }
        format!("{table}{}", self.sum(settings, took))
    }

    fn sum(&self, settings: Settings, took: Option<Duration>) -> String {
        let hosts: BTreeSet<&str> = self.rows.iter().map(|row| row.host.as_str()).collect();
        let seen = |row: &&Row| row.standing != Standing::Unreachable;
        let checks = count(self.rows.iter().filter(seen).count() as u64, "check");
        let who = match hosts.iter().collect::<Vec<_>>().as_slice() {
            [one] => clean_line(one).into_owned(),
            several => count(several.len() as u64, "host"),
        };
        let mut line = settings.paint(BOLD, &format!("{checks} on {who}"));
        if let Some(took) = took {
            line.push_str(&format!(" in {}", duration(took)));
        }
        let parts: Vec<_> = Standing::ALL
            .into_iter()
            .filter_map(|standing| {
                let number = self
                    .rows
                    .iter()
                    .filter(|row| row.standing == standing)
                    .count();
                let text = format!("{number} {}", standing.word());
                (number > 0).then(|| settings.paint(standing.style(), &text))
            })
            .collect();
        if !parts.is_empty() {
            line.push_str(&format!(": {}", parts.join(", ")));
        }
        line + "\n"
    }
}

impl Row {
    fn cells(&self) -> Vec<(Style, String)> {
        let plain = |text: &str| (Style::new(), text.to_owned());
        vec![
            plain(&self.host),
            plain(&self.check),
            (self.standing.style(), self.standing.word().to_owned()),
            plain(&self.took.map(latency).unwrap_or_default()),
            plain(&self.message),
        ]
    }
}

/// A duration, in milliseconds if it is short.
fn latency(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        duration(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Emission, HealthState, Kind};

    fn seen(host: &str, check: &str, state: HealthState, millis: u64, message: &str) -> Event {
        let kind = Kind::HealthChecked {
            state,
            message: message.to_owned(),
            vantage: "host".to_owned(),
            waiting: false,
        };
        Emission::new(kind)
            .host(host)
            .task(check)
            .duration(Duration::from_millis(millis))
            .stamp("r", 1, jiff::Timestamp::UNIX_EPOCH)
    }

    fn table() -> HealthTable {
        let mut table = HealthTable::of("health").expect("a table");
        for (host, check, state, millis, message) in [
            ("web10", "memory", HealthState::Passing, 3, "7.6G available"),
            ("web2", "memory", HealthState::Passing, 4, "7.5G available"),
            ("web2", "disk /", HealthState::Warning, 5, "9% free"),
            (
                "web10",
                "http",
                HealthState::Critical,
                1_200,
                "503\u{1b}[2J",
            ),
            ("web10", "tls", HealthState::Error, 0, "no openssl"),
        ] {
            let event = seen(host, check, state, millis, message);
            table.checked(&event, state, message);
        }
        table.lost("db1", "no route\nto it");
        table.lost("db1", "no route\nto it");
        table
    }

    #[test]
    fn the_worst_comes_first() {
        let drawn = table().render(Settings::default(), Some(Duration::from_millis(1_300)));
        insta::assert_snapshot!(drawn, @r"
        HOST   CHECK   STATE        TIME   MESSAGE
        db1            unreachable         no route
        web10  tls     error        0 ms   no openssl
        web10  http    critical     1.2 s  503\x1b[2J
        web2   disk /  warning      5 ms   9% free
        web2   memory  passing      4 ms   7.5G available
        web10  memory  passing      3 ms   7.6G available

        5 checks on 3 hosts in 1.3 s: 2 passing, 1 warning, 1 critical, 1 error, 1 unreachable
        ");
    }

    #[test]
    fn colours_do_not_move_a_column() {
        let coloured = Settings {
            colour: true,
            ..Settings::default()
        };
        let drawn = table().render(coloured, None);
        assert!(
            drawn.contains("\u{1b}[1m\u{1b}[31mcritical\u{1b}[0m     1.2 s  "),
            "{drawn:?}"
        );
        assert_eq!(
            anstream::adapter::strip_str(&drawn).to_string(),
            table().render(Settings::default(), None)
        );
    }

    #[test]
    fn a_playbook_of_that_name_gets_no_table() {
        assert!(HealthTable::of("health x.rhai").is_some());
        assert!(HealthTable::of("health.rhai").is_none());
        assert!(HealthTable::of("healthy").is_none());
    }
}
