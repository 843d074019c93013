//! The results: `target/bench.json` for programs, `target/bench.md` for people. A section that is measured
//! again replaces its former results, and leaves the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::markdown;

/// All results, including the sections of earlier runs.
#[derive(Debug)]
pub(crate) struct Figures {
    all: Value,
    failed: bool,
}

/// The results of one section.
#[derive(Debug)]
pub(crate) struct Section {
    name: &'static str,
    title: String,
    /// What was done, in sentences.
    text: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The figures behind the rows.
    raw: Vec<Value>,
    goals: Vec<Value>,
    remarks: Vec<String>,
    failed: bool,
}

impl Section {
    pub(crate) fn new(name: &'static str, title: &str, text: &str, head: &[&str]) -> Self {
        Self {
            name,
            title: title.to_owned(),
            text: text.to_owned(),
            head: head.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
            raw: Vec::new(),
            goals: Vec::new(),
            remarks: Vec::new(),
            failed: false,
        }
    }

    /// A row of the table, and the figures behind it.
    pub(crate) fn row(&mut self, cells: Vec<String>, raw: Value) {
        eprintln!("  {}", cells.join("  |  "));
        self.rows.push(cells);
        self.raw.push(raw);
    }

    /// A goal with an upper bound. A goal that could not be measured is not reached.
    pub(crate) fn goal(&mut self, what: &str, measured: Option<f64>, at_most: f64, unit: &str) {
        self.goals.push(json!({
            "what": what, "measured": measured, "at_most": at_most, "unit": unit,
            "reached": measured.is_some_and(|measured| measured <= at_most),
        }));
    }

    /// What could not be measured, and why.
    pub(crate) fn remark(&mut self, remark: &str) {
        eprintln!("  {remark}");
        self.remarks.push(remark.to_owned());
    }

    /// An error of ops: the benchmark fails, after measuring everything else.
    pub(crate) fn wrong(&mut self, remark: &str) {
        self.failed = true;
        self.remark(remark);
    }
}

impl Figures {
    /// Loads the results of earlier runs, if there are any.
    pub(crate) fn load() -> Self {
        let all = fs::read_to_string(target("bench.json"))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_else(|| json!({ "sections": {} }));
        Self { all, failed: false }
    }

    pub(crate) fn about(&mut self, machine: Value, rounds: usize) {
        self.all["machine"] = machine;
        self.all["rounds"] = rounds.into();
    }

    /// Adds a section and writes everything to disk, because a later section may fail.
    pub(crate) fn put(&mut self, section: &Section) {
        self.failed |= section.failed;
        self.all["sections"][section.name] = json!({
            "title": section.title, "text": section.text, "head": section.head, "rows": section.rows,
            "figures": section.raw, "goals": section.goals, "remarks": section.remarks,
        });
        fs::create_dir_all(target("")).expect("target");
        fs::write(target("bench.json"), format!("{:#}\n", self.all)).expect("target/bench.json");
        fs::write(target("bench.md"), self.markdown()).expect("target/bench.md");
    }

    /// A section failed. Its former results stay.
    pub(crate) fn lost(&mut self, name: &str) {
        eprintln!("  the section {name} failed");
        self.failed = true;
    }

    pub(crate) fn markdown(&self) -> String {
        markdown::all(&self.all)
    }

    /// Whether ops failed.
    pub(crate) const fn failed(&self) -> bool {
        self.failed
    }
}

pub(crate) fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(name)
}

/// In milliseconds; `None` for an empty list.
pub(crate) fn median(times: &[Duration]) -> Option<f64> {
    let mut times = millis(times);
    times.sort_unstable_by(f64::total_cmp);
    let middle = times.len() / 2;
    let upper = *times.get(middle)?;
    Some(if times.len().is_multiple_of(2) {
        f64::midpoint(times[middle - 1], upper)
    } else {
        upper
    })
}

/// In milliseconds: the time least affected by other load on the machine.
pub(crate) fn fastest(times: &[Duration]) -> Option<f64> {
    millis(times).into_iter().reduce(f64::min)
}

/// `312 ms (300-350)`: the median, the minimum and the maximum.
pub(crate) fn shown(times: &[Duration]) -> String {
    let Some(middle) = median(times) else {
        return "-".to_owned();
    };
    let all = millis(times);
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    let digits = usize::from(middle < 100.0);
    if all.len() == 1 {
        format!("{middle:.digits$} ms (once)")
    } else {
        format!("{middle:.digits$} ms ({least:.digits$}-{most:.digits$})")
    }
}

/// The ratio to another; empty if one of them is missing.
pub(crate) fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    Some(of? / to?)
}

pub(crate) fn shown_ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

pub(crate) fn millis(times: &[Duration]) -> Vec<f64> {
    times
        .iter()
        .map(|time| time.as_secs_f64() * 1000.0)
        .collect()
}
