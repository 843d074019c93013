//! The results of a load: counts, latencies, and the first failure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// A request that succeeded.
pub(crate) struct Answer {
    /// The version that answered.
    pub version: Option<String>,
    pub host: Option<String>,
    /// The kept connection had been closed, so the request was sent twice.
    pub sent_again: bool,
}

/// A request that failed.
pub(crate) struct Failure {
    kind: &'static str,
    path: String,
    reason: String,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, path: &str, reason: String) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            reason,
        }
    }
}

/// A finished request.
pub(crate) struct Finished {
    /// When it was due, counted from the start.
    pub at: Duration,
    /// From when it was due to the end of its answer.
    pub took: Duration,
    pub slow: bool,
    pub result: Result<Answer, Failure>,
}

/// The totals of all finished requests.
#[derive(Default)]
pub(crate) struct Tally {
    requests: u64,
    failed: u64,
    slow: u64,
    sent_again: u64,
    kinds: BTreeMap<&'static str, u64>,
    /// The failure that was due first, and when that was.
    first: Option<(Duration, Failure)>,
    /// Latencies of successful requests: the usual ones, and the slow ones. A percentile over both would
    /// describe neither.
    latencies: [Vec<Duration>; 2],
    latest: Duration,
    duration: Duration,
    versions: BTreeMap<String, u64>,
    hosts: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn take(&mut self, finished: Finished) {
        self.requests += 1;
        self.slow += u64::from(finished.slow);
        match finished.result {
            Ok(answer) => {
                self.latencies[usize::from(finished.slow)].push(finished.took);
                self.sent_again += u64::from(answer.sent_again);
                for (counts, name) in [
                    (&mut self.versions, answer.version),
                    (&mut self.hosts, answer.host),
                ] {
                    if let Some(name) = name {
                        *counts.entry(name).or_default() += 1;
                    }
                }
            }
            Err(failure) => {
                self.failed += 1;
                *self.kinds.entry(failure.kind).or_default() += 1;
                if self.first.as_ref().is_none_or(|(at, _)| finished.at < *at) {
                    self.first = Some((finished.at, failure));
                }
            }
        }
    }

    /// Records how late a request was sent.
    pub(crate) fn late(&mut self, by: Duration) {
        self.latest = self.latest.max(by);
    }

    /// Records for how long requests were sent.
    pub(crate) fn stop_sending(&mut self, after: Duration) {
        self.duration = after;
    }

    pub(crate) const fn failed(&self) -> u64 {
        self.failed
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let counts = |counts: &BTreeMap<String, u64>| {
            let counts: Vec<_> = counts
                .iter()
                .map(|(name, count)| format!("{name}: {count}"))
                .collect();
            counts.join(", ")
        };
        for (what, answers) in [("by version", &self.versions), ("by host", &self.hosts)] {
            if !answers.is_empty() {
                text += &format!("answered {what}  {}\n", counts(answers));
            }
        }
        for (what, latencies) in ["latency", "of slow requests"].iter().zip(&self.latencies) {
            if let Some([p50, p90, p99, max]) = percentiles(latencies) {
                text += &format!(
                    "{what}  p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms\n"
                );
            }
        }
        text += &format!(
            "sent for {:.1} s, at most {:.1} ms late\n",
            self.duration.as_secs_f64(),
            milliseconds(self.latest)
        );
        if self.sent_again > 0 {
            text += &format!(
                "{} sent again on a new connection, because the kept one had been closed\n",
                self.sent_again
            );
        }
        if let Some((at, failure)) = &self.first {
            let kinds: Vec<_> = self
                .kinds
                .iter()
                .map(|(kind, count)| format!("{kind}: {count}"))
                .collect();
            text += &format!("failures  {}\n", kinds.join(", "));
            text += &format!(
                "the first, {:.3} s after the start: {} {}: {}\n",
                at.as_secs_f64(),
                failure.path,
                failure.kind,
                failure.reason
            );
        }
        text += &format!("{} requests, {} failed\n", self.requests, self.failed);
        text
    }

    pub(crate) fn json(&self) -> Value {
        let latency = |latencies| {
            percentiles(latencies).map(
                |[p50, p90, p99, max]| json!({ "p50": p50, "p90": p90, "p99": p99, "max": max }),
            )
        };
        json!({
            "requests": self.requests,
            "failed": self.failed,
            "slow": self.slow,
            "sent_again": self.sent_again,
            "failures": self.kinds,
            "first_failure": self.first.as_ref().map(|(at, failure)| json!({
                "at_s": at.as_secs_f64(),
                "kind": failure.kind,
                "path": failure.path,
                "reason": failure.reason,
            })),
            "duration_s": self.duration.as_secs_f64(),
            "latency_ms": latency(&self.latencies[0]),
            "slow_latency_ms": latency(&self.latencies[1]),
            "late_ms": milliseconds(self.latest),
            "versions": self.versions,
            "hosts": self.hosts,
        })
    }
}

/// Returns the 50th, 90th and 99th percentile and the maximum, in milliseconds; `None` for an empty list.
fn percentiles(latencies: &[Duration]) -> Option<[f64; 4]> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    // The nearest rank below: exact enough for thousands of requests, and always a measured time.
    Some([50, 90, 99, 100].map(|percent| milliseconds(sorted[last * percent / 100])))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
