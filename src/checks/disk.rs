//! `disk(path)`: whether the file system of a path has enough free space and inodes.

use super::amount::{Amount, percent, size};
use super::output::{self, Output};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether the file system of a path has enough free space and inodes.
    ///
    /// Shares are computed like those of `df`: relative to the space available to users, without the part
    /// reserved for root. If a file system does not count inodes, the state is an error only if `inodes` is
    /// given. A missing path is an error.
    ///
    /// ```rhai
    /// let data = disk("/var/lib/postgresql", #{ free: "5G", warning: "20G" });
    /// each(hosts("db"), |h| h.check([disk("/"), data]));
    /// ```
    disk(path: String; Options) => Disk::new
}

/// The line before the output of `df -i`.
const INODES: &str = "ops:inodes";

/// The default limit below which the state is critical, for bytes and for inodes.
const LEAST: Amount = Amount::Share(5.0);
/// The default limit below which the state is a warning, for bytes.
const LITTLE: Amount = Amount::Share(10.0);

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// if less is free, the state is critical: a share, or a size such as `"5G"`; default `"5%"`
        free: Option<Amount>,
        /// if less is free, the state is a warning; default `"10%"`, or no warning if only `free` is given
        warning: Option<Amount>,
        /// if fewer inodes are free, the state is critical: a share, or a number; default `"5%"`
        inodes: Option<Amount>,
    }
}

#[derive(Debug)]
pub(crate) struct Disk {
    path: String,
    free: Amount,
    warning: Option<Amount>,
    inodes: Amount,
    /// The user set `inodes`, so a file system that does not count them is an error.
    wants_inodes: bool,
}

impl Disk {
    fn new(path: String, options: Options) -> Result<Self, ArgumentError> {
        if !path.starts_with('/') || path.contains('\0') {
            return Err(ArgumentError::parameter(
                0,
                format!("`{path}` is not an absolute path"),
            ));
        }
        Ok(Self {
            path,
            free: options.free.unwrap_or(LEAST),
            warning: output::warning(options.warning, options.free, LEAST, LITTLE)?,
            inodes: options.inodes.unwrap_or(LEAST),
            wants_inodes: options.inodes.is_some(),
        })
    }
}

impl Observe for Disk {
    fn label(&self) -> String {
        format!("disk {}", self.path)
    }

    fn script(&self) -> String {
        let path = quote_str(&self.path);
        format!(
            "LC_ALL=C df -P -k {path} || exit 1\necho {INODES}\nLC_ALL=C df -P -i {path} 2>/dev/null\n:"
        )
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let said = Output::of(answer);
        if answer.code != 0 {
            return said.broken(&format!("df failed for {}", self.path));
        }
        let (blocks, inodes) = said.split(INODES);
        let Some(room) = Row::last(blocks).filter(|row| row.whole() > 0) else {
            return said.garbled("df");
        };
        let there = room.available.saturating_mul(1024);
        let whole = room.whole().saturating_mul(1024);
        let text = format!(
            "{} of {} free ({:.1}%) on {}",
            size(there),
            size(whole),
            percent(there, whole),
            room.mount
        );
        let inodes = inodes.and_then(Row::last).filter(|row| row.whole() > 0);
        let Some(state) = output::level(there, whole, self.free, self.warning) else {
            return match inodes {
                Some(row) if !self.inodes.is_met(row.available, row.whole()) => {
                    Verdict::critical(format!(
                        "{} of {} inodes free ({:.1}%) on {}, less than {}",
                        row.available,
                        row.whole(),
                        percent(row.available, row.whole()),
                        row.mount,
                        plain(self.inodes),
                    ))
                }
                None if self.wants_inodes => Verdict::error(format!(
                    "the file system on {} does not count inodes",
                    room.mount
                )),
                _ => Verdict::passing(text),
            };
        };
        Verdict::new(state.0, format!("{text}, less than {}", state.1))
    }
}

/// Inodes are not bytes.
fn plain(amount: Amount) -> String {
    match amount {
        Amount::Share(_) => amount.to_string(),
        Amount::Count(count) => count.to_string(),
    }
}

/// A line of `df -P`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    used: u64,
    available: u64,
    mount: String,
}

impl Row {
    /// The last line that matches. The names of the device and of the mount point may contain spaces, so
    /// the line is recognised by its numbers: three, followed by a percentage.
    fn last(text: &str) -> Option<Self> {
        text.lines().skip(1).filter_map(Self::parse).last()
    }

    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.windows(5).position(|words| {
            words[..3].iter().all(|word| word.parse::<u64>().is_ok())
                && (words[3] == "-"
                    || words[3]
                        .strip_suffix('%')
                        .is_some_and(|n| n.parse::<u64>().is_ok()))
                && words[4].starts_with('/')
        })?;
        Some(Self {
            used: words[at + 1].parse().ok()?,
            available: words[at + 2].parse().ok()?,
            mount: words[at + 4..].join(" "),
        })
    }

    /// What users can have of it: the percentage of `df` also leaves out the space reserved for root.
    const fn whole(&self) -> u64 {
        self.used.saturating_add(self.available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn disk(options: &str) -> Disk {
        Disk::new("/srv".to_owned(), given(options)).expect("a check")
    }

    const GNU: &str = "\
Filesystem     1024-blocks     Used Available Capacity Mounted on
/dev/sda1         20000000 17100000   1900000      90% /
ops:inodes
Filesystem     Inodes IUsed IFree IUse% Mounted on
/dev/sda1        1000   980    20   98% /
";
    const BUSYBOX: &str = "\
Filesystem           1024-blocks    Used Available Capacity Mounted on
//nas/my files       1000 100 900 10% /mnt/my files
ops:inodes
Filesystem              Inodes      Used Available Capacity Mounted on
//nas/my files               0         0         0       - /mnt/my files
";

    #[test]
    fn compares_free_space_with_both_limits() {
        let state = |options, text| disk(options).verdict(&case(0, text, "")).state;
        assert_eq!(
            state(r#"{"free": "1G", "inodes": "1%"}"#, GNU),
            State::Passing
        );
        assert_eq!(
            state(r#"{"free": "1G", "warning": "5G", "inodes": "1%"}"#, GNU),
            State::Warning
        );
        assert_eq!(state(r#"{"free": "2G"}"#, GNU), State::Critical);
        assert_eq!(state(r#"{"free": "1%"}"#, GNU), State::Critical, "inodes");
        assert_eq!(
            state(r#"{"free": "1%", "inodes": 20}"#, GNU),
            State::Passing
        );
        assert_eq!(state("{}", BUSYBOX), State::Passing, "no inodes to count");
        assert_eq!(state(r#"{"inodes": "1%"}"#, BUSYBOX), State::Error);
        assert_eq!(state(r#"{"free": "95%"}"#, BUSYBOX), State::Critical);
    }

    #[test]
    fn the_message_has_the_numbers() {
        let verdict = disk(r#"{"free": "2G"}"#).verdict(&case(0, GNU, ""));
        assert_eq!(
            verdict.message,
            "1.8G of 18.1G free (10.0%) on /, less than 2.0G"
        );
        let verdict = disk("{}").verdict(&case(0, GNU, ""));
        assert_eq!(
            verdict.message,
            "20 of 1000 inodes free (2.0%) on /, less than 5%"
        );
        let verdict = disk("{}").verdict(&case(0, BUSYBOX, ""));
        assert!(
            verdict.message.ends_with("on /mnt/my files"),
            "{}",
            verdict.message
        );
    }

    #[test]
    fn invalid_output_is_an_error() {
        for (code, text) in [
            (1, ""),
            (0, ""),
            (
                0,
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n",
            ),
            (0, "proc 0 0 0 - /proc\n"),
            (0, "Filesystem\nproc 0 0 0 - /proc\n"),
            (0, "x\n/dev/sda1 20000000 17100000 -12 90% /\n"),
        ] {
            let verdict = disk("{}").verdict(&case(code, text, "df: /srv: No such file"));
            assert_eq!(verdict.state, State::Error, "{text}");
        }
        let verdict = disk("{}").verdict(&case(1, "", "df: /srv: No such file"));
        assert_eq!(
            verdict.message,
            "df failed for /srv: df: /srv: No such file"
        );
    }

    #[test]
    fn refuses_a_warning_limit_beyond_the_critical_limit() {
        let refused = |options: &str| {
            Disk::new("/".to_owned(), given(options))
                .expect_err("refused")
                .place
        };
        let warning = crate::declare::Place::Option("warning".to_owned());
        assert_eq!(refused(r#"{"free": "10%", "warning": "5%"}"#), warning);
        assert_eq!(refused(r#"{"warning": "2%"}"#), warning);
        assert!(Disk::new("srv".to_owned(), given("{}")).is_err());
    }
}
