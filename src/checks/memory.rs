//! `memory()`: whether enough memory is available to programs.

use super::amount::{Amount, percent, size};
use super::output::{self, Output};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};

kind! {
    /// Checks whether enough memory is available to programs.
    ///
    /// Available memory is what the kernel reports as available: free memory, and caches that it can drop.
    /// In a container this is the memory of the machine, not the limit of the container.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(memory(#{ available: "256M", warning: "512M" })));
    /// ```
    memory(; Options) => Memory::new
}

/// The default limits below which the state is critical and a warning.
const LEAST: Amount = Amount::Share(5.0);
const LITTLE: Amount = Amount::Share(10.0);

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// if less is available, the state is critical: a share, or a size such as `"512M"`; default `"5%"`
        available: Option<Amount>,
        /// if less is available, the state is a warning; default `"10%"`, or no warning if only `available`
        /// is given
        warning: Option<Amount>,
    }
}

#[derive(Debug)]
pub(crate) struct Memory {
    available: Amount,
    warning: Option<Amount>,
}

impl Memory {
    fn new(options: Options) -> Result<Self, ArgumentError> {
        Ok(Self {
            available: options.available.unwrap_or(LEAST),
            warning: output::warning(options.warning, options.available, LEAST, LITTLE)?,
        })
    }
}

impl Observe for Memory {
    fn label(&self) -> String {
        "memory".to_owned()
    }

    fn script(&self) -> String {
        // With builtins only: no process is started.
        "while IFS= read -r line; do case $line in \
         MemTotal:*|MemFree:*|MemAvailable:*|Buffers:*|Cached:*) printf '%s\\n' \"$line\";; esac; \
         done </proc/meminfo"
            .to_owned()
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let said = Output::of(answer);
        if answer.code != 0 {
            return said.broken("cannot read /proc/meminfo");
        }
        let Some((there, whole)) = available(&said.stdout) else {
            return said.garbled("/proc/meminfo");
        };
        let text = format!(
            "{} of {} available ({:.1}%)",
            size(there),
            size(whole),
            percent(there, whole)
        );
        match output::level(there, whole, self.available, self.warning) {
            None => Verdict::passing(text),
            Some((state, bound)) => Verdict::new(state, format!("{text}, less than {bound}")),
        }
    }
}

/// Available and total bytes. Kernels before 3.14 do not report the former: then free and cached memory are
/// used, as `free` did then.
fn available(text: &str) -> Option<(u64, u64)> {
    let kibibytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let number = line.strip_prefix(':')?.trim().strip_suffix("kB")?;
        number.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    let whole = kibibytes("MemTotal").filter(|whole| *whole > 0)?;
    let there = kibibytes("MemAvailable").or_else(|| {
        kibibytes("MemFree")?
            .checked_add(kibibytes("Buffers")?)?
            .checked_add(kibibytes("Cached")?)
    })?;
    (there <= whole).then_some((there, whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    const NOW: &str = "MemTotal:        8000000 kB\nMemFree:          100000 kB\n\
        MemAvailable:     600000 kB\nBuffers:           10000 kB\nCached:           900000 kB\n";
    const OLD: &str =
        "MemTotal: 8000000 kB\nMemFree: 100000 kB\nBuffers: 10000 kB\nCached: 90000 kB\n";

    #[test]
    fn compares_available_memory_with_both_limits() {
        let state = |options, text| {
            let memory = Memory::new(given(options)).expect("a check");
            memory.verdict(&case(0, text, "")).state
        };
        assert_eq!(state("{}", NOW), State::Warning);
        assert_eq!(state(r#"{"available": "5%"}"#, NOW), State::Passing);
        assert_eq!(state(r#"{"available": "512M"}"#, NOW), State::Passing);
        assert_eq!(state(r#"{"available": "1G"}"#, NOW), State::Critical);
        assert_eq!(state("{}", OLD), State::Critical);
        for garbage in [
            "",
            "MemTotal: 0 kB\n",
            "MemTotal: 1 kB\nMemAvailable: 2 kB\n",
            "MemTotal: x kB\n",
        ] {
            assert_eq!(state("{}", garbage), State::Error, "{garbage}");
        }
    }

    #[test]
    fn the_message_has_the_numbers() {
        let memory = Memory::new(given("{}")).expect("a check");
        assert_eq!(
            memory.verdict(&case(0, NOW, "")).message,
            "585.9M of 7.6G available (7.5%), less than 10%"
        );
    }
}
