//! `load()`: the load average per processor.

use super::output::{Output, never_warns};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};

kind! {
    /// Checks whether processes have to wait for a processor, by the load average per processor.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(load(#{ per_cpu: 4.0, period: 15 })));
    /// ```
    load(; Options) => Load::new
}

/// The default limits above which the state is critical and a warning.
const MUCH: f64 = 2.0;
const MORE_THAN_USUAL: f64 = 1.5;

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// if the load per processor is higher, the state is critical; default `2.0`
        per_cpu: Option<f64>,
        /// if the load per processor is higher, the state is a warning; default `1.5`, or no warning if
        /// only `per_cpu` is given
        warning: Option<f64>,
        /// the period of the average in minutes: 1, 5 or 15; default `5`
        period: Option<u8>,
    }
}

#[derive(Debug)]
pub(crate) struct Load {
    per_cpu: f64,
    warning: Option<f64>,
    period: u8,
    /// The index of the number on the line.
    column: usize,
}

impl Load {
    fn new(options: Options) -> Result<Self, ArgumentError> {
        for (key, bound) in [("per_cpu", options.per_cpu), ("warning", options.warning)] {
            if bound.is_some_and(|bound| !bound.is_finite() || bound <= 0.0) {
                return Err(ArgumentError::option(key, "must be a number above 0"));
            }
        }
        let per_cpu = options.per_cpu.unwrap_or(MUCH);
        let usual = options.per_cpu.is_none().then_some(MORE_THAN_USUAL);
        let warning = options.warning.or(usual);
        if let Some(warning) = warning.filter(|warning| *warning >= per_cpu) {
            return Err(never_warns(&warning, &per_cpu));
        }
        let period = options.period.unwrap_or(5);
        let column = match period {
            1 => 0,
            5 => 1,
            15 => 2,
            _ => {
                return Err(ArgumentError::option(
                    "period",
                    "the kernel keeps the averages of 1, 5 and 15 minutes",
                ));
            }
        };
        Ok(Self {
            per_cpu,
            warning,
            period,
            column,
        })
    }
}

impl Observe for Load {
    fn label(&self) -> String {
        "load".to_owned()
    }

    fn script(&self) -> String {
        // BusyBox has no getconf, and other systems have no nproc.
        "IFS= read -r line </proc/loadavg || exit 1\nprintf '%s\\n' \"$line\"\n\
         getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo"
            .to_owned()
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let said = Output::of(answer);
        if answer.code != 0 {
            return said.broken("cannot read the load");
        }
        let Some((load, processors)) = self.read(&said.stdout) else {
            return said.garbled("/proc/loadavg");
        };
        let each = load / f64::from(processors);
        let text = format!(
            "{load:.2} over {} min on {processors} processor{}, {each:.2} each",
            self.period,
            if processors == 1 { "" } else { "s" },
        );
        let over = |bound: f64| format!("{text}, more than {bound}");
        if each > self.per_cpu {
            Verdict::critical(over(self.per_cpu))
        } else if let Some(bound) = self.warning.filter(|bound| each > *bound) {
            Verdict::warning(over(bound))
        } else {
            Verdict::passing(text)
        }
    }
}

impl Load {
    fn read(&self, text: &str) -> Option<(f64, u32)> {
        let mut lines = text.lines();
        let averages: Vec<&str> = lines.next()?.split_whitespace().collect();
        // `0.20 0.18 0.12 1/80 11206`
        if averages.len() != 5 {
            return None;
        }
        let load = averages.get(self.column)?.parse::<f64>().ok()?;
        let processors = lines.next()?.trim().parse().ok()?;
        (load.is_finite() && load >= 0.0 && processors > 0).then_some((load, processors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn state(options: &str, text: &str) -> State {
        let load = Load::new(given(options)).expect("a check");
        load.verdict(&case(0, text, "")).state
    }

    #[test]
    fn divides_the_load_by_the_number_of_processors() {
        let busy = "12.00 6.50 1.00 3/300 4711\n4\n";
        assert_eq!(state("{}", busy), State::Warning);
        assert_eq!(state(r#"{"period": 1}"#, busy), State::Critical);
        assert_eq!(state(r#"{"period": 15}"#, busy), State::Passing);
        assert_eq!(
            state(r#"{"period": 1, "per_cpu": 3}"#, busy),
            State::Passing
        );
        assert_eq!(
            state(r#"{"period": 1, "per_cpu": 2.5, "warning": 2.0}"#, busy),
            State::Critical
        );
        let load = Load::new(given("{}")).expect("a check");
        assert_eq!(
            load.verdict(&case(0, busy, "")).message,
            "6.50 over 5 min on 4 processors, 1.62 each, more than 1.5"
        );
    }

    #[test]
    fn invalid_output_is_an_error() {
        for text in [
            "",
            "0.1 0.1 0.1 1/1 1\n",
            "0.1 0.1 0.1 1/1 1\n0\n",
            "nan nan nan 1/1 1\n2\n",
            "0.1\n2\n",
        ] {
            assert_eq!(state("{}", text), State::Error, "{text}");
        }
    }

    #[test]
    fn refuses_contradictory_limits() {
        for options in [
            r#"{"per_cpu": 0}"#,
            r#"{"period": 2}"#,
            r#"{"warning": 3}"#,
            r#"{"per_cpu": 1, "warning": 1}"#,
        ] {
            assert!(Load::new(given(options)).is_err(), "{options}");
        }
    }
}
