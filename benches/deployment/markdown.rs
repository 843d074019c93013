//! The results as Markdown.

use std::fmt::Write as _;

use serde_json::Value;

/// In this order; a section that was never measured is left out.
pub(crate) const SECTIONS: &[&str] = &[
    "tasks",
    "trips",
    "scale",
    "transfer",
    "start-up",
    "inventory",
    "journal",
];

/// The output of [`all`] goes between these lines of docs/performance.md.
pub(crate) const BEGIN: &str = "<!-- What follows is written by `make bench-docs`. -->";
pub(crate) const END: &str = "<!-- End of what `make bench-docs` writes. -->";

pub(crate) fn all(figures: &Value) -> String {
    let mut text = String::from("## Results\n\n");
    text += &machine(&figures["machine"], &figures["rounds"]);
    text += &goals(figures);
    for name in SECTIONS {
        let section = &figures["sections"][name];
        if !section.is_null() {
            text += &one(section);
        }
    }
    text
}

fn machine(machine: &Value, rounds: &Value) -> String {
    let word = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    format!(
        "{} with {} cores, {} GiB of memory, Linux {}, {}, {}. Controller and hosts are the same machine and share its cores. \
         A time is the median of {rounds} rounds (of fewer if it says so), with the minimum and the maximum in parentheses.\n",
        word("cpu"),
        machine["cores"],
        machine["memory_gib"],
        word("kernel"),
        word("ssh"),
        word("build"),
    )
}

/// The goals, and whether they were reached.
fn goals(figures: &Value) -> String {
    let mut text = String::from("\n| what | measured | at most | |\n|---|--:|--:|---|\n");
    for name in SECTIONS {
        for goal in items(&figures["sections"][name]["goals"]) {
            let unit = goal["unit"].as_str().unwrap_or_default();
            let measured = goal["measured"]
                .as_f64()
                .map_or_else(|| "not measured".to_owned(), |value| amount(value, unit));
            let reached = if goal["reached"] == true {
                "reached"
            } else {
                "**not reached**"
            };
            let _ = writeln!(
                text,
                "| {} | {measured} | {} | {reached} |",
                goal["what"].as_str().unwrap_or_default(),
                amount(goal["at_most"].as_f64().unwrap_or_default(), unit),
            );
        }
    }
    text
}

fn amount(value: f64, unit: &str) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

fn one(section: &Value) -> String {
    let mut text = format!(
        "\n### {}\n\n{}\n\n",
        section["title"].as_str().unwrap_or_default(),
        section["text"].as_str().unwrap_or_default()
    );
    let head = items(&section["head"]);
    text += &line(head);
    for (at, _) in head.iter().enumerate() {
        text += if at == 0 { "|---|" } else { "--:|" };
    }
    text.push('\n');
    for row in items(&section["rows"]) {
        text += &line(items(row));
    }
    let remarks = items(&section["remarks"]);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks {
        let _ = writeln!(text, "- {}", remark.as_str().unwrap_or_default());
    }
    text
}

fn line(cells: &[Value]) -> String {
    let cells: Vec<_> = cells
        .iter()
        .map(|cell| cell.as_str().unwrap_or_default())
        .collect();
    format!("| {} |\n", cells.join(" | "))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The page with the results in it.
pub(crate) fn within(page: &str, results: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{results}\n{END}{after}"))
}
