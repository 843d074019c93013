//! The properties of a unit, as reported by systemd.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::unit_name::SUFFIXES;
use crate::task::{MISSING_LINKS, Resource, UPTIME};

/// The properties of a unit, as returned for [`Query::Unit`](crate::task::Query::Unit).
#[derive(Clone, Copy)]
pub(crate) struct Unit<'a>(pub &'a [(String, String)]);

/// How one unit affects another when it starts or stops (systemd.unit(5)).
const COUPLINGS: [&str; 12] = [
    "Requires",
    "Requisite",
    "Wants",
    "BindsTo",
    "PartOf",
    "Upholds",
    "Conflicts",
    "RequiredBy",
    "RequisiteOf",
    "BoundBy",
    "ConsistsOf",
    "ConflictedBy",
];

impl<'a> Unit<'a> {
    /// A property; empty if systemd does not know it.
    pub(crate) fn get(self, key: &str) -> &'a str {
        self.0
            .iter()
            .find(|row| row.0 == key)
            .map_or("", |row| row.1.as_str())
    }

    pub(crate) fn is(self, key: &str, value: &str) -> bool {
        self.get(key) == value
    }

    pub(crate) fn is_active(self) -> bool {
        ["active", "reloading", "refreshing"].contains(&self.get("ActiveState"))
    }

    pub(crate) fn is_stopped(self) -> bool {
        ["inactive", "failed"].contains(&self.get("ActiveState"))
    }

    /// Whether it never stays active.
    pub(crate) fn runs_to_its_end(self) -> bool {
        self.is("Type", "oneshot") && self.is("RemainAfterExit", "no")
    }

    /// What distinguishes one start of the unit from the next. systemd before 232 has no invocation ids.
    pub(crate) fn start(self) -> &'a str {
        match self.get("InvocationID") {
            "" => self.get("ActiveEnterTimestamp"),
            id => id,
        }
    }

    /// When it started, in seconds since the epoch.
    pub(crate) fn started(self) -> Option<i64> {
        let of = |key: &str| seconds(self.get(key));
        of("ExecMainStartTimestamp").or_else(|| of("ActiveEnterTimestamp"))
    }

    /// How often systemd has restarted it automatically since it was last started explicitly. systemd
    /// before 235 does not report this.
    pub(crate) fn restarts(self) -> u64 {
        self.get("NRestarts").parse().unwrap_or(0)
    }

    /// How long it has been up, if that is known.
    pub(crate) fn up(self) -> Option<Duration> {
        let now: f64 = self.get(UPTIME).parse().ok()?;
        let since: f64 = self.get("ActiveEnterTimestampMonotonic").parse().ok()?;
        let up = now - since / 1e6;
        // /proc/uptime is cut off at hundredths of a second, so a unit that has just started may seem to be
        // from the future. Further ahead means that the container reports an uptime of its own (lxcfs).
        let up = if up > -0.01 { up.max(0.0) } else { up };
        Duration::try_from_secs_f64(up).ok()
    }

    /// Links that its `[Install]` section requires and that are missing.
    pub(crate) fn missing_links(self) -> Vec<&'a str> {
        self.get(MISSING_LINKS)
            .split(' ')
            .filter(|link| !link.is_empty())
            .collect()
    }

    /// What starting or stopping it may change: itself under all its names, and the units that it is
    /// coupled with. Further units coupled with those are not known.
    pub(crate) fn alters(self) -> Vec<Resource> {
        let names = self.get("Names").split(' ');
        let coupled = COUPLINGS.iter().flat_map(|key| self.get(key).split(' '));
        names
            .chain(coupled)
            .filter(|name| !name.is_empty())
            // These properties start and stop no unit, or all units.
            .filter(|name| {
                SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
                    && ![".target", ".slice", ".device", ".mount"]
                        .iter()
                        .any(|suffix| name.ends_with(suffix))
                    || self.is("Id", name)
            })
            .map(|name| Resource::Service(name.to_owned()))
            .collect()
    }

    /// The properties with some of them changed.
    pub(crate) fn with(self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let kept = self
            .0
            .iter()
            .filter(|row| changes.iter().all(|(key, _)| *key != row.0))
            .cloned();
        let new = changes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        kept.chain(new).collect()
    }
}

/// `Sat 2026-11-21 11:29:04 UTC`
fn seconds(timestamp: &str) -> Option<i64> {
    let mut words = timestamp.split(' ');
    let (_, day, time, zone) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if zone != "UTC" {
        return None;
    }
    let time: DateTime = format!("{day}T{time}").parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Unit, seconds};
    use crate::task::UPTIME;

    #[test]
    fn a_unit_that_has_just_started_has_been_up_for_no_time() {
        let up = |now: &str| {
            let since = "ActiveEnterTimestampMonotonic".to_owned();
            let rows = [
                (UPTIME.to_owned(), now.to_owned()),
                (since, "61019999".to_owned()),
            ];
            Unit(&rows).up()
        };
        assert_eq!(up("62.02"), Some(Duration::from_micros(1_000_001)));
        assert_eq!(up("61.01"), Some(Duration::ZERO));
        // The uptime of the container, beside the clock of its host.
        assert_eq!(up("12.50"), None);
    }

    #[test]
    fn parses_systemd_timestamps() {
        assert_eq!(seconds("Thu 1970-01-01 00:01:02 UTC"), Some(62));
        assert_eq!(seconds("Sat 2026-11-21 11:29:04 UTC"), Some(1_795_260_544));
        assert_eq!(seconds("Sat 2026-11-21 11:29:04 CET"), None);
        assert_eq!(seconds("n/a"), None);
        assert_eq!(seconds(""), None);
    }
}
