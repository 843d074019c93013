//! Ansible's INI format, parsed like Ansible's own plugin does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::draft::{Draft, UNGROUPED};
use super::error::InventoryError;
use super::{literal, name, shlex};
use crate::model::Origin;
use crate::model::suggest::did_you_mean;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Vars,
    Children,
}

/// Groups that were named before they were declared, and the location.
#[derive(Default)]
struct Pending {
    vars: IndexMap<String, Origin>,
    children: IndexMap<String, Vec<(usize, Origin)>>,
}

pub(super) fn read(text: &str, file: &Arc<Path>, draft: &mut Draft) -> Result<(), InventoryError> {
    let mut at = Origin {
        file: Arc::clone(file),
        line: Some(0),
    };
    let mut group = draft.group(UNGROUPED, &at)?;
    let mut section = Section::Hosts;
    let mut pending = Pending::default();
    let mut assigned = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        at.line = Some(index + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, kind)) = header(line).map_err(|error| error.at(&at))? {
            (group, section) = (open(name, kind, &at, draft, &mut pending)?, kind);
            continue;
        }
        match section {
            Section::Hosts => hosts(line, group, &at, draft).map_err(|error| error.at(&at))?,
            Section::Vars => {
                let (key, value) = line.split_once('=').ok_or_else(|| {
                    InventoryError::new(format!("expected `name=value`, found `{}`", short(line)))
                        .at(&at)
                })?;
                let key = key.trim();
                if let Some(first) = assigned.insert((group, key), index + 1) {
                    let warning = InventoryError::new(format!(
                        "`{key}` is set twice for one group, first in line {first}: the last value is used"
                    ));
                    draft.warn(warning.at(&at));
                }
                draft.group_var(group, key, literal::value(value.trim()), &at)?;
            }
            Section::Children => {
                let child = group_name(line).map_err(|error| error.at(&at))?;
                match draft.groups.get_index_of(child) {
                    Some(child) => draft.child(group, child, &at)?,
                    None => pending
                        .children
                        .entry(child.to_owned())
                        .or_default()
                        .push((group, at.clone())),
                }
            }
        }
    }
    pending.finish(draft)
}

/// Starts a section. A group is declared by its hosts or its children, not by its variables alone.
fn open(
    name: &str,
    kind: Section,
    at: &Origin,
    draft: &mut Draft,
    pending: &mut Pending,
) -> Result<usize, InventoryError> {
    let known = draft.groups.contains_key(name);
    let group = draft.group(name, at)?;
    if kind == Section::Vars {
        if !known {
            pending.vars.insert(name.to_owned(), at.clone());
        }
    } else {
        pending.vars.shift_remove(name);
        for (parent, at) in pending.children.shift_remove(name).unwrap_or_default() {
            draft.child(parent, group, &at)?;
        }
    }
    Ok(group)
}

impl Pending {
    fn finish(self, draft: &Draft) -> Result<(), InventoryError> {
        let known = |name: &str| {
            did_you_mean(
                name,
                draft
                    .groups
                    .keys()
                    .map(String::as_str)
                    .filter(|known| *known != name),
            )
        };
        if let Some((name, at)) = self.vars.first() {
            let error =
                InventoryError::new(format!("variables for the undeclared group `{name}`")).at(at);
            return Err(error.hint(known(name).unwrap_or_else(|| {
                format!("Declare it with a section [{name}] or [{name}:children].")
            })));
        }
        if let Some((name, parents)) = self.children.first() {
            let error = InventoryError::new(format!("the child group `{name}` is not declared"));
            let error = error.hint(
                known(name).unwrap_or_else(|| format!("Declare it with a section [{name}].")),
            );
            return Err(match parents.first() {
                Some((_, at)) => error.at(at),
                None => error,
            });
        }
        Ok(())
    }
}

/// Parses `[name]` or `[name:kind]`, which a comment may follow.
fn header(line: &str) -> Result<Option<(&str, Section)>, InventoryError> {
    let Some(rest) = line.strip_prefix('[') else {
        return Ok(None);
    };
    let parsed = rest.split_once(']').and_then(|(inside, after)| {
        let after = after.trim_start();
        if !(after.is_empty() || after.starts_with('#')) {
            return None;
        }
        let (name, kind) = inside
            .split_once(':')
            .map_or((inside, "hosts"), |(name, kind)| (name, kind));
        let word = !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_');
        let plain = !name.is_empty() && !name.contains(char::is_whitespace);
        (word && plain).then_some((name, kind))
    });
    match parsed {
        Some((name, "hosts")) => Ok(Some((name, Section::Hosts))),
        Some((name, "vars")) => Ok(Some((name, Section::Vars))),
        Some((name, "children")) => Ok(Some((name, Section::Children))),
        Some((_, kind)) => {
            let error = InventoryError::new(format!("unknown kind of section: `{kind}`"));
            Err(error.hint(
                did_you_mean(kind, ["hosts", "vars", "children"]).unwrap_or_else(|| {
                    "Write [group], [group:vars] or [group:children].".to_owned()
                }),
            ))
        }
        None if line.ends_with(']') => Err(InventoryError::new(format!(
            "invalid section header `{}`",
            short(line)
        ))
        .hint("Write [group], [group:vars] or [group:children], without spaces.")),
        None => Ok(None),
    }
}

fn group_name(line: &str) -> Result<&str, InventoryError> {
    let name = line.split('#').next().unwrap_or_default().trim_end();
    if name.is_empty() || name.contains([':', ']']) || name.contains(char::is_whitespace) {
        return Err(InventoryError::new(format!(
            "expected a group name, found `{}`",
            short(line)
        )));
    }
    Ok(name)
}

fn hosts(line: &str, group: usize, at: &Origin, draft: &mut Draft) -> Result<(), InventoryError> {
    let words = shlex::split(line)
        .map_err(|why| InventoryError::new(format!("`{}` has {why}", short(line))))?;
    let Some((pattern, assignments)) = words.list.split_first() else {
        return Ok(());
    };
    if words.is_cut {
        draft.warn(cut(assignments.last()).at(at));
    }
    if pattern == "---" {
        return Err(
            InventoryError::new("this looks like YAML").hint("Give the file the extension .yml.")
        );
    }
    let (names, port) = name::expand(pattern)?;
    if port.is_none() && pattern.ends_with(':') {
        return Err(
            InventoryError::new(format!("the host `{}` ends in a colon", short(pattern)))
                .hint("A colon comes before a port. A file in YAML needs the extension .yml."),
        );
    }
    let mut vars = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let (key, value) = assignment.split_once('=').ok_or_else(|| {
            InventoryError::new(format!(
                "expected `name=value`, found `{}`",
                short(assignment)
            ))
        })?;
        if vars.iter().any(|(known, _)| *known == key) {
            draft.warn(
                InventoryError::new(format!(
                    "`{key}` is set twice in this line: the last value is used"
                ))
                .at(at),
            );
        }
        vars.push((key, literal::value(value)));
    }
    for name in names {
        let known = draft.hosts.contains_key(&name);
        let host = draft.host(&name, group, at)?;
        if let Some(port) = port.filter(|_| !known) {
            draft.host_var(host, "ansible_port", port.into(), at);
        }
        for (key, value) in &vars {
            draft.host_var(host, key, value.clone(), at);
        }
    }
    Ok(())
}

/// The warning for a line whose last word was cut at a `#` inside it. The word may contain a password, so it
/// is not shown.
fn cut(last: Option<&String>) -> InventoryError {
    let (what, how) = match last.and_then(|word| word.split_once('=')) {
        Some((key, _)) => (format!("the value of `{key}`"), format!("{key}='...#...'")),
        None => ("the last word".to_owned(), "'...#...'".to_owned()),
    };
    InventoryError::new(format!(
        "{what} ends at the `#`: the rest of the line is a comment"
    ))
    .hint(format!(
        "Quote it: {how}. Put a space before a `#` that starts a comment."
    ))
}

/// An excerpt of the file for a message.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
