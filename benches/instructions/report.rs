//! The table, and the counts that it compares with.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::callgrind::Count;

/// A larger difference is marked.
const REMARKABLE: f64 = 0.03;

/// The profile of the build that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Optimised,
    Debug,
}

impl Profile {
    pub(crate) const fn of_this_build() -> Self {
        if cfg!(debug_assertions) {
            Self::Debug
        } else {
            Self::Optimised
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Optimised => "optimised",
            Self::Debug => "debug",
        }
    }
}

#[derive(Debug)]
struct Row {
    what: String,
    /// More about it, for the table.
    remark: String,
    /// The median of the counts.
    count: Count,
    /// From the minimum to the maximum, as a share of the median.
    spread: Option<f64>,
}

/// All counts.
#[derive(Debug)]
pub(crate) struct Report {
    profile: Profile,
    baseline: Value,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(profile: Profile) -> Self {
        let baseline = std::fs::read_to_string(baseline_file())
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_else(|| json!({}));
        Self {
            profile,
            baseline,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, what: &str, remark: &str, counts: &[Count]) {
        let mut counts = counts.to_vec();
        counts.sort_by_key(|count| count.total);
        let count = counts[counts.len() / 2].clone();
        let width = counts[counts.len() - 1].total - counts[0].total;
        eprintln!("{what}: {} instructions", thousands(count.total));
        self.rows.push(Row {
            what: what.to_owned(),
            remark: remark.to_owned(),
            spread: (counts.len() > 1).then(|| share(width, count.total)),
            count,
        });
    }

    fn before(&self, what: &str) -> Option<u64> {
        self.baseline[self.profile.name()][what].as_u64()
    }

    /// Stores these counts as the baseline. Those of the other profile stay.
    pub(crate) fn write_baseline(&mut self) {
        let counts: Map<String, Value> = self
            .rows
            .iter()
            .map(|row| (row.what.clone(), row.count.total.into()))
            .collect();
        self.baseline[self.profile.name()] = Value::Object(counts);
        let text = format!("{:#}\n", self.baseline);
        std::fs::write(baseline_file(), text).expect("the baseline");
    }

    /// Writes the report to standard output and to `target/instructions.md`.
    pub(crate) fn print(&self) {
        let text = self.markdown();
        println!("{text}");
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        std::fs::write(target.join("instructions.md"), text).expect("target/instructions.md");
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Instructions\n\nCounted by callgrind in a build that is {}. The median of {} counts for a run of \
             `ops`, and their spread.\n\n\
             | | instructions | spread | baseline | difference |\n|---|--:|--:|--:|--:|\n",
            match self.profile {
                Profile::Optimised => "optimised",
                Profile::Debug => "not optimised: only the differences are meaningful",
            },
            crate::TIMES
        );
        for row in &self.rows {
            let (baseline, difference) = match self.before(&row.what) {
                Some(before) => (
                    thousands(before),
                    difference(row.count.total, before, row.spread.unwrap_or_default()),
                ),
                None => ("none".to_owned(), String::new()),
            };
            let remark = if row.remark.is_empty() {
                String::new()
            } else {
                format!(" ({})", row.remark)
            };
            let spread = match row.spread {
                Some(spread) => format!("{:.1} %", spread * 100.0),
                None => "counted once".to_owned(),
            };
            let _ = writeln!(
                text,
                "| {}{remark} | {} | {spread} | {baseline} | {difference} |",
                row.what,
                thousands(row.count.total),
            );
        }
        for row in &self.rows {
            let _ = write!(text, "\nThe most expensive functions of {}:\n\n", row.what);
            let all: u64 = row.count.functions.iter().map(|(count, _)| count).sum();
            for (count, name) in row.count.most_expensive() {
                let _ = writeln!(text, "- {:.1} % `{name}`", share(*count, all) * 100.0);
            }
        }
        text
    }
}

fn difference(now: u64, before: u64, spread: f64) -> String {
    let change = share(now, before) - 1.0;
    let shown = format!("{:+.1} %", change * 100.0);
    if change.abs() > REMARKABLE.max(spread) {
        format!("**{shown}**")
    } else {
        shown
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts as far")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn baseline_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/baseline.json")
}
