//! What was measured, as Markdown for people and as JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rivals::Rival;

/// Times of both rivals at the same work.
#[derive(Debug)]
pub struct Pair {
    pub what: &'static str,
    script: Vec<Duration>,
    ops: Vec<Duration>,
}

impl Pair {
    pub const fn new(what: &'static str) -> Self {
        Self {
            what,
            script: Vec::new(),
            ops: Vec::new(),
        }
    }

    pub fn add(&mut self, rival: &Rival, time: Duration) {
        match rival {
            Rival::Script => self.script.push(time),
            Rival::Ops(_) => self.ops.push(time),
        }
    }

    fn medians(&self) -> (f64, f64) {
        (median(&self.script), median(&self.ops))
    }

    fn fastest(&self) -> (f64, f64) {
        let of =
            |times: &[Duration]| times.iter().min().map_or(0.0, Duration::as_secs_f64) * 1000.0;
        (of(&self.script), of(&self.ops))
    }
}

/// In milliseconds.
pub fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let middle = times.len() / 2;
    let of = |at: usize| times[at].as_secs_f64() * 1000.0;
    if times.len().is_multiple_of(2) {
        f64::midpoint(of(middle - 1), of(middle))
    } else {
        of(middle)
    }
}

#[derive(Debug)]
pub struct Figures {
    hosts: usize,
    rounds: usize,
    pairs: Vec<Value>,
    trips: Vec<Value>,
    singles: Vec<Value>,
}

impl Figures {
    pub const fn new(hosts: usize, rounds: usize) -> Self {
        Self {
            hosts,
            rounds,
            pairs: Vec::new(),
            trips: Vec::new(),
            singles: Vec::new(),
        }
    }

    pub fn pair(&mut self, setting: &str, pairs: &[Pair]) {
        for pair in pairs {
            let (script, ops) = pair.medians();
            let ratio = ops / script;
            self.pairs.push(json!({
                "setting": setting, "what": pair.what, "script_ms": script, "ops_ms": ops, "ratio": ratio,
                "script_all_ms": millis(&pair.script), "ops_all_ms": millis(&pair.ops),
            }));
            eprintln!(
                "{setting}, {}: script {script:.0} ms, ops {ops:.0} ms, ratio {ratio:.2}",
                pair.what
            );
        }
    }

    pub fn round_trips(&mut self, near: &Pair, far: &Pair, trip: Duration) {
        let trip = trip.as_secs_f64() * 1000.0;
        // Of the fastest of each: what else the machine did is no distance.
        let ((near_script, near_ops), (far_script, far_ops)) = (near.fastest(), far.fastest());
        self.trips.push(json!({
            "what": near.what,
            "script": (far_script - near_script) / trip,
            "ops": (far_ops - near_ops) / trip,
        }));
    }

    /// Something that has no rival, with the figure that it may reach.
    pub fn single(&mut self, what: &str, value: f64, unit: &str, at_most: f64) {
        eprintln!("{what}: {value:.1} {unit}");
        self.singles
            .push(json!({ "what": what, "value": value, "unit": unit, "at_most": at_most }));
    }

    pub fn json(&self) -> String {
        let all = json!({
            "hosts": self.hosts, "rounds": self.rounds, "comparison": self.pairs, "round_trips": self.trips,
            "start_up": self.singles,
        });
        format!("{all:#}\n")
    }

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Benchmark\n\n{} hosts (real `sshd` on loopback), 20 tasks: 5 directories, 5 files, 5 lines, 5 commands. \
             Medians of {} rounds, the two in turns.\n\n\
             | | | parallel `ssh HOST sh -s` | `ops run` | ratio |\n|---|---|--:|--:|--:|\n",
            self.hosts, self.rounds
        );
        for pair in &self.pairs {
            text += &format!(
                "| {} | {} | {:.0} ms | {:.0} ms | {:.2} |\n",
                word(pair, "setting"),
                word(pair, "what"),
                number(pair, "script_ms"),
                number(pair, "ops_ms"),
                number(pair, "ratio")
            );
        }
        text += "\nRound trips to a host 50 ms away, from the time that the distance adds:\n\n\
                 | | script | ops |\n|---|--:|--:|\n";
        for trip in &self.trips {
            text += &format!(
                "| {} | {:.1} | {:.1} |\n",
                word(trip, "what"),
                number(trip, "script"),
                number(trip, "ops")
            );
        }
        text += "\n| start-up | measured | at most |\n|---|--:|--:|\n";
        for single in &self.singles {
            let unit = word(single, "unit");
            text += &format!(
                "| {} | {:.1} {unit} | {} {unit} |\n",
                word(single, "what"),
                number(single, "value"),
                number(single, "at_most")
            );
        }
        text
    }
}

fn millis(times: &[Duration]) -> Vec<f64> {
    times
        .iter()
        .map(|time| time.as_secs_f64() * 1000.0)
        .collect()
}

fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or_default()
}
