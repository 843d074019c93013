//! `service`: the state of a systemd unit.

use std::collections::HashMap;
use std::time::Duration;

use humantime::format_duration;

use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, Span, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a systemd unit is active.
    ///
    /// With `steady`, one attempt also detects a service that died and was restarted shortly before.
    ///
    /// A unit that is still starting is a warning; a unit that died and waits to be restarted is critical.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check([service("nginx"), service("shop", #{ max_restarts: 0 })]));
    /// ```
    service(unit: String; Options) => Service::new
}

options! {
    pub(crate) struct Options {
        /// the maximum number of automatic restarts by systemd since the unit was last started by hand;
        /// more are critical
        max_restarts: Option<u64>,
        /// the time within which an automatic restart by systemd is critical, such as `"5m"`. A start by
        /// hand does not count
        steady: Option<Span>,
    }
}

pub(crate) struct Service {
    unit: String,
    max_restarts: Option<u64>,
    steady: Option<Duration>,
}

impl Service {
    fn new(unit: String, options: Options) -> Result<Self, ArgumentError> {
        // systemd.unit(5); anything else would be a pattern or an option.
        let is_unit = !unit.is_empty()
            && !unit.starts_with('-')
            && unit
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c));
        if !is_unit {
            let message = format!("`unit`: {unit:?} is not a valid unit name");
            return Err(ArgumentError::parameter(0, message));
        }
        Ok(Self {
            unit,
            max_restarts: options.max_restarts,
            steady: options.steady.map(|span| span.0),
        })
    }
}

impl Observe for Service {
    fn label(&self) -> String {
        format!("service {}", self.unit)
    }

    fn script(&self) -> String {
        let unit = quote_str(&self.unit);
        let mut script = format!(
            "command -v systemctl >/dev/null 2>&1 || exit 9\n\
             systemctl show -p LoadState,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestampMonotonic \
             -- {unit}"
        );
        if self.steady.is_some() {
            script.push_str(" || exit\nread -r now _ </proc/uptime && echo \"Now=$now\"");
        }
        script
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let text = answer.text();
        let properties: HashMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let property = |name: &str| properties.get(name).copied().unwrap_or_default();
        let active = property("ActiveState");
        if answer.code == 9 {
            return Verdict::error("systemctl is not installed");
        }
        if answer.code != 0 || active.is_empty() {
            return Verdict::error(format!("systemd does not answer: {}", answer.said()));
        }
        let restarts: u64 = property("NRestarts").parse().unwrap_or(0);
        let mut seen = format!("{active} ({})", property("SubState"));
        if !matches!(property("Result"), "" | "success") {
            seen.push_str(&format!(", {}", property("Result")));
        }
        if restarts > 0 {
            let times = if restarts == 1 { "time" } else { "times" };
            seen.push_str(&format!(", restarted {restarts} {times}"));
        }
        match property("LoadState") {
            "not-found" => return Verdict::critical("the unit does not exist"),
            "masked" => return Verdict::critical("it is masked"),
            _ => {}
        }
        if let Some(max) = self.max_restarts.filter(|max| restarts > *max) {
            return Verdict::critical(format!("{seen}, expected at most {max}"));
        }
        if let Some(steady) = self.steady.filter(|_| restarts > 0) {
            let micros: Option<u64> = property("ActiveEnterTimestampMonotonic").parse().ok();
            let now = property("Now").parse().ok();
            let now = now.and_then(|now| Duration::try_from_secs_f64(now).ok());
            let (Some(micros), Some(now)) = (micros, now) else {
                return Verdict::error("cannot determine when it was last restarted");
            };
            let ago = now.saturating_sub(Duration::from_micros(micros));
            if ago < steady {
                let [ago, steady] =
                    [ago, steady].map(|time| format_duration(Duration::from_secs(time.as_secs())));
                return Verdict::critical(format!(
                    "{seen}, last {ago} ago, expected none within {steady}"
                ));
            }
        }
        match (active, property("SubState")) {
            // Between two restarts of a service that does not stay up.
            (_, "auto-restart" | "auto-restart-queued") => Verdict::critical(seen),
            ("active" | "reloading" | "refreshing", _) => Verdict::passing(seen),
            ("activating", _) => Verdict::warning(seen),
            _ => Verdict::critical(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sample::sample;
    use crate::checks::verdict::State;
    use crate::declare::Value;

    #[test]
    fn judges_the_properties_of_a_unit() {
        let cases: &[(&str, State, &str)] = &[
            (
                "loaded active running success 0",
                State::Passing,
                "active (running)",
            ),
            (
                "loaded active exited success 0",
                State::Passing,
                "active (exited)",
            ),
            (
                "loaded active running success 2",
                State::Critical,
                "active (running), restarted 2 times, expected at most 1",
            ),
            (
                "loaded active running success 1",
                State::Passing,
                "active (running), restarted 1 time",
            ),
            (
                "loaded activating start success 0",
                State::Warning,
                "activating (start)",
            ),
            (
                "loaded activating auto-restart exit-code 1",
                State::Critical,
                "activating (auto-restart), exit-code, restarted 1 time",
            ),
            (
                "loaded failed failed exit-code 0",
                State::Critical,
                "failed (failed), exit-code",
            ),
            (
                "loaded inactive dead success 0",
                State::Critical,
                "inactive (dead)",
            ),
            (
                "not-found inactive dead success 0",
                State::Critical,
                "the unit does not exist",
            ),
        ];
        let check = sample(
            &KIND,
            vec!["shop".into()],
            &[("max_restarts", Value::Int(1))],
        );
        for (said, state, message) in cases {
            let words: Vec<_> = said.split(' ').collect();
            let names = [
                "LoadState",
                "ActiveState",
                "SubState",
                "Result",
                "NRestarts",
            ];
            let lines = names
                .iter()
                .zip(words)
                .map(|(name, word)| format!("{name}={word}\n"));
            let verdict = check.verdict(&Answer {
                stdout: lines.collect::<String>().into_bytes(),
                ..Answer::default()
            });
            assert_eq!(
                (verdict.state, verdict.message.as_str()),
                (*state, *message)
            );
        }
        let none = Answer {
            code: 9,
            ..Answer::default()
        };
        assert_eq!(check.verdict(&none).state, State::Error);
        let bus = Answer {
            code: 1,
            stderr: b"Failed to connect to bus".to_vec(),
            ..Answer::default()
        };
        assert_eq!(
            check.verdict(&bus).message,
            "systemd does not answer: Failed to connect to bus"
        );
    }

    #[test]
    fn a_recent_restart_by_systemd_is_critical() {
        let steady = sample(&KIND, vec!["shop".into()], &[("steady", Value::from("5m"))]);
        for (restarts, entered, state, message) in [
            (0, 995, State::Passing, "active (running)"),
            (
                1,
                995,
                State::Critical,
                "active (running), restarted 1 time, last 5s ago, expected none within 5m",
            ),
            (
                3,
                600,
                State::Passing,
                "active (running), restarted 3 times",
            ),
        ] {
            let said = format!(
                "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n\
                 NRestarts={restarts}\nActiveEnterTimestampMonotonic={entered}000000\nNow=1000.25\n"
            );
            let verdict = steady.verdict(&Answer {
                stdout: said.into_bytes(),
                ..Answer::default()
            });
            assert_eq!((verdict.state, verdict.message.as_str()), (state, message));
        }
    }
}
