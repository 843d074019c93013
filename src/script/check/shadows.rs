//! Functions of a script that take the place of a method of ours: `fn undo()` would answer `h.undo()`.

use crate::script::names::Names;

use super::bodies::Function;
use super::walk::Walk;

impl Walk<'_> {
    /// Looks at the name of a function that the script defines.
    pub(super) fn shadow(&mut self, name: &str, function: &Function) {
        let subjects = subjects(self.world.names, name, function.parameters.len());
        if subjects.is_empty() {
            return;
        }
        let at = self
            .text()
            .and_then(|text| defined_at(&text, name, function.at))
            .unwrap_or(function.at);
        let message = format!("`{name}` is a method of {}", subjects.join(", "));
        let hint = format!(
            "Every `.{name}(...)` in this file would call this function instead. Give it another name."
        );
        self.fail(at, message, Some(hint));
    }

    fn text(&self) -> Option<std::sync::Arc<str>> {
        self.world.playbook.sources.text(&self.script.name)
    }
}

/// The types of ours that have a method of this name with so many arguments.
fn subjects(names: &Names, name: &str, arguments: usize) -> Vec<String> {
    let mut found: Vec<String> = names
        .of_name(name)
        .into_iter()
        .filter(|signature| signature.parameters.len() == arguments + 1)
        .filter_map(|signature| Some(signature.parameters.first()?.kind.clone()))
        .filter(|kind| OURS.contains(&kind.as_str()))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The types of values that only ops makes. Rhai's own have methods that a playbook may well want to replace.
const OURS: [&str; 8] = [
    "Host",
    "Hosts",
    "Outcome",
    "Task",
    "Vars",
    "HealthCheck",
    "Verdict",
    "Lock",
];

/// Where the name stands in the last `fn NAME` before the body: Rhai knows the place of the body only.
fn defined_at(text: &str, name: &str, body: rhai::Position) -> Option<rhai::Position> {
    let last = body.line()?;
    let lines: Vec<&str> = text.lines().take(last).collect();
    lines.iter().enumerate().rev().find_map(|(index, line)| {
        let column = name_of_function(line, name)?;
        Some(rhai::Position::new(
            u16::try_from(index + 1).ok()?,
            u16::try_from(column).ok()?,
        ))
    })
}

/// The column of the name in a line that has `fn NAME`.
fn name_of_function(line: &str, name: &str) -> Option<usize> {
    let start = line.find("fn ")? + "fn ".len();
    let rest = &line[start..];
    let gap = rest.len() - rest.trim_start().len();
    let behind = rest[gap..].strip_prefix(name)?;
    let ends = !behind.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    ends.then(|| line[..start + gap].chars().count() + 1)
}
