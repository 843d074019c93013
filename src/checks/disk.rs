//! `disk(path)`: whether the file system that a path lies on has room left, in bytes and in inodes.

use super::amount::{Amount, percent, size};
use super::output::{self, Output};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Whether the file system that a path lies on has room left, in bytes and in inodes.
    ///
    /// Shares are those of `df`: of what users can have, without what is kept for root. A file system that
    /// does not count inodes is an error only where `inodes` is given. A path that is not there is an
    /// error.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| h.check([disk("/"), disk("/var/lib/postgresql", #{ free: "5G", warning: "20G" })]));
    /// ```
    disk(path: String; Options) => Disk::new
}

/// Stands before what `df -i` prints.
const INODES: &str = "ops:inodes";

/// Where nothing is said, this little is critical: in bytes, and in inodes.
const LEAST: Amount = Amount::Share(5.0);
/// And this little is a warning, in bytes.
const LITTLE: Amount = Amount::Share(10.0);

options! {
    #[derive(Debug, Clone, Default)]
    pub struct Options {
        /// less than this is critical: `"5%"`; a share, or a size such as `"5G"`
        free: Option<Amount>,
        /// less than this is a warning: `"10%"`, and nothing where only `free` is given
        warning: Option<Amount>,
        /// fewer free inodes than this are critical: `"5%"`; a share, or a number
        inodes: Option<Amount>,
    }
}

#[derive(Debug)]
pub struct Disk {
    path: String,
    free: Amount,
    warning: Option<Amount>,
    inodes: Amount,
    /// Inodes were asked for: it matters where a file system does not count them.
    wants_inodes: bool,
}

impl Disk {
    fn new(path: String, options: Options) -> Result<Self, ArgumentError> {
        if !path.starts_with('/') || path.contains('\0') {
            return Err(ArgumentError::parameter(
                0,
                format!("`{path}` is no absolute path"),
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
            return said.broken(&format!("df cannot tell of {}", self.path));
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

/// Inodes are no bytes.
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
    /// The last line that is one. The name of the device and that of the mount point may have blanks in them, so
    /// the line is found by its numbers: three, and a percentage behind them.
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

    /// What users can have of it: `df` takes its percentage of the same, which leaves out what is kept for root.
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
    fn room_is_held_against_both_bounds() {
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
    fn what_is_no_answer_is_an_error() {
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
            "df cannot tell of /srv: df: /srv: No such file"
        );
    }

    #[test]
    fn a_warning_that_comes_after_the_critical_is_refused() {
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
