//! Decides which waits are reported, and when.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::model::{Emission, Kind};

use super::waited::{LastLine, Pace, Waited};

/// Longer lines are cut to this number of bytes.
const MAX_LINE: usize = 200;

/// The waits, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Board {
    next: u64,
    waits: BTreeMap<u64, Entry>,
    /// When a wait of a host was last reported.
    hosts: HashMap<String, Instant>,
    /// Whether a task is running that checks for due reports.
    pub is_watched: bool,
}

#[derive(Debug)]
struct Entry {
    what: String,
    reason: Option<String>,
    last: Option<LastLine>,
    host: Option<String>,
    since: Instant,
    until: Option<Instant>,
    told: Option<Instant>,
}

impl Entry {
    /// Whether it has lasted for this fraction of the time before it is reported.
    fn lasts(&self, now: Instant, pace: Pace, share: u32) -> bool {
        let (since, needed) = match self.told {
            Some(told) => (told, pace.again),
            None => (self.since, pace.first),
        };
        now.saturating_duration_since(since) * share >= needed
    }

    fn reason(&self) -> Option<String> {
        let printed = || {
            let last = self.last.as_ref()?;
            let line = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            line.filter(|line| !line.trim().is_empty())
        };
        let mut reason = self.reason.clone().or_else(printed)?;
        if reason.len() > MAX_LINE {
            reason.truncate(reason.floor_char_boundary(MAX_LINE));
            reason += " ...";
        }
        Some(reason)
    }
}

impl Board {
    pub(crate) fn begin(&mut self, now: Instant, waited: Waited) -> u64 {
        let Waited {
            what,
            host,
            at_most,
            last,
        } = waited;
        let entry = Entry {
            what,
            reason: None,
            last,
            host,
            since: now,
            until: at_most.and_then(|time| now.checked_add(time)),
            told: None,
        };
        self.next += 1;
        self.waits.insert(self.next, entry);
        self.next
    }

    pub(crate) fn end(&mut self, id: u64) {
        self.waits.remove(&id);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    pub(crate) fn has(&self, host: Option<&str>) -> bool {
        let is_of = |entry: &Entry| entry.host.as_deref() == host;
        host.is_some() && self.waits.values().any(is_of)
    }

    pub(crate) fn set(&mut self, id: u64, what: String, reason: Option<String>) {
        if let Some(entry) = self.waits.get_mut(&id) {
            (entry.what, entry.reason) = (what, reason);
        }
    }

    pub(crate) fn told(&mut self, now: Instant, id: u64) {
        if let Some(entry) = self.waits.get_mut(&id) {
            entry.told = Some(now);
        }
    }

    /// Continues a wait that ended a moment ago.
    pub(crate) fn goes_on(&mut self, id: u64, since: Instant, told: Option<Instant>) {
        if let Some(entry) = self.waits.get_mut(&id) {
            (entry.since, entry.told) = (since, told);
        }
    }

    pub(crate) fn told_at(&self, id: u64) -> Option<Instant> {
        self.waits.get(&id)?.told
    }

    pub(crate) fn told_of(&mut self, now: Instant, host: &str) {
        let of_host = |entry: &&mut Entry| entry.host.as_deref() == Some(host);
        for entry in self.waits.values_mut().filter(of_host) {
            entry.told = Some(now);
        }
    }

    pub(crate) fn last_told_of(&self, host: &str) -> Option<Instant> {
        self.hosts.get(host).copied()
    }

    /// Returns the events to report now. Of several waits on a host, the innermost long one is reported: it
    /// is more specific.
    pub(crate) fn due(&mut self, now: Instant, pace: Pace) -> Vec<Emission> {
        let mut inner: HashMap<&str, u64> = HashMap::new();
        for (id, entry) in &self.waits {
            if let Some(host) = &entry.host
                && (entry.told.is_some() || entry.lasts(now, pace, 2))
            {
                inner.insert(host, *id);
            }
        }
        let is_innermost = |id: u64, entry: &Entry| {
            let inner = entry.host.as_deref().and_then(|host| inner.get(host));
            inner.is_none_or(|inner| *inner <= id)
        };
        // Grouped by what is waited for: the hosts that are reported together with the first one that is due.
        let mut groups: Vec<(&str, Vec<u64>)> = Vec::new();
        for (id, entry) in &self.waits {
            let grouped = groups.iter().any(|(what, _)| *what == entry.what);
            if !grouped && entry.lasts(now, pace, 1) && is_innermost(*id, entry) {
                let with = |(id, other): &(&u64, &Entry)| {
                    other.what == entry.what
                        && other.lasts(now, pace, 2)
                        && is_innermost(**id, other)
                };
                let ids = self.waits.iter().filter(with).map(|(id, _)| *id).collect();
                groups.push((&entry.what, ids));
            }
        }
        let groups: Vec<Vec<u64>> = groups.into_iter().map(|(_, ids)| ids).collect();
        groups
            .iter()
            .filter_map(|ids| self.tell(now, ids))
            .collect()
    }

    fn tell(&mut self, now: Instant, ids: &[u64]) -> Option<Emission> {
        for id in ids {
            let entry = self.waits.get_mut(id)?;
            entry.told = Some(now);
            if let Some(host) = &entry.host {
                self.hosts.insert(host.clone(), now);
            }
        }
        let told: Vec<&Entry> = ids.iter().filter_map(|id| self.waits.get(id)).collect();
        let first = told.first()?;
        let mut hosts: Vec<String> = told.iter().filter_map(|one| one.host.clone()).collect();
        hosts.dedup();
        let alone = hosts.len() < 2;
        let longest = told.iter().map(|one| one.since).min()?;
        let until = told.iter().map(|one| one.until).collect::<Option<Vec<_>>>();
        let left = until.and_then(|until| until.into_iter().max());
        let left = left.map(|until| until.saturating_duration_since(now));
        let host = if alone { hosts.pop() } else { None };
        let emission = Emission::new(Kind::Waiting {
            what: first.what.clone(),
            reason: if alone { first.reason() } else { None },
            left_ms: left.map(millis),
            hosts,
            asks: false,
        })
        .duration(now.saturating_duration_since(longest));
        Some(match host {
            Some(host) => emission.host(host),
            None => emission,
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks every second for this time, and returns what was reported in each second.
    fn told(
        board: &mut Board,
        began: Instant,
        seconds: std::ops::Range<u64>,
    ) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for second in seconds {
            let now = began + Duration::from_secs(second);
            for emission in board.due(now, Pace::default()) {
                let Kind::Waiting {
                    what,
                    reason,
                    left_ms,
                    hosts,
                    ..
                } = emission.kind
                else {
                    panic!("something else");
                };
                let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let left = left_ms.map_or_else(String::new, |left| format!(", {left} ms left"));
                let host = emission.host.unwrap_or_else(|| hosts.join(" "));
                let so_far = emission.duration_ms.expect("it is always set") / 1000;
                all.push((second, format!("{host} {what} {so_far}{left}{reason}")));
            }
        }
        all
    }

    fn on(host: &str, what: &str) -> Waited {
        Waited::new(what).on(Some(host))
    }

    #[test]
    fn reports_a_wait_within_ten_seconds_and_every_thirty() {
        let (mut board, began) = (Board::default(), Instant::now());
        let waited = Waited::new("for a sleep").at_most(Duration::from_mins(1));
        let id = board.begin(began, waited);
        let seconds: Vec<u64> = told(&mut board, began, 0..95)
            .iter()
            .map(|one| one.0)
            .collect();
        assert_eq!(seconds, [8, 33, 58, 83]);
        board.told(began + Duration::from_secs(100), id);
        assert_eq!(
            told(&mut board, began, 101..130),
            [(125, " for a sleep 125, 0 ms left".to_owned())]
        );
        board.end(id);
        assert!(board.is_empty() && told(&mut board, began, 130..200).is_empty());
    }

    #[test]
    fn reports_hosts_that_wait_for_the_same_thing_together() {
        let (mut board, began) = (Board::default(), Instant::now());
        for (late, host) in ["a", "b", "c", "d"].iter().enumerate() {
            let late = Duration::from_secs(late as u64 * 2);
            board.begin(began + late, on(host, "for apt"));
        }
        board.begin(began, on("e", "for dpkg"));
        let said = told(&mut board, began, 0..40);
        let said: Vec<(u64, &str)> = said.iter().map(|(at, said)| (*at, said.as_str())).collect();
        // The last one began too late to be reported with the others, and joins them later.
        assert_eq!(
            said,
            [
                (8, "a b c for apt 8"),
                (8, "e for dpkg 8"),
                (14, "d for apt 8"),
                (33, "a b c d for apt 33"),
                (33, "e for dpkg 33"),
            ]
        );
    }

    #[test]
    fn reports_the_innermost_long_wait() {
        let (mut board, began) = (Board::default(), Instant::now());
        board.begin(began, on("a", "for the queue"));
        let mut short = board.begin(began, on("a", "for the host to answer"));
        for second in 0..9 {
            board.end(short);
            let now = began + Duration::from_secs(second);
            short = board.begin(now, on("a", "for the host to answer"));
        }
        assert_eq!(
            told(&mut board, began, 9..11),
            [(9, "a for the queue 9".to_owned())]
        );
        board.set(
            short,
            "for a connection".to_owned(),
            Some("refused".to_owned()),
        );
        assert_eq!(
            told(&mut board, began, 11..42),
            [
                (16, "a for a connection 8: refused".to_owned()),
                (41, "a for a connection 33: refused".to_owned())
            ]
        );
        assert!(board.last_told_of("a").is_some() && board.last_told_of("b").is_none());
    }
}
