//! Text of `ansible.cfg`, as Python's `configparser` reads it.

use std::path::Path;
use std::sync::Arc;

use super::error::InventoryError;

pub(super) struct Setting {
    pub section: String,
    pub key: String,
    pub value: String,
    pub line: usize,
}

/// The settings of a file, as Python's `configparser` reads them: a `#` or `;` starts a comment at the
/// beginning of a line, a `;` also after white space, and an indented line continues the value before it.
pub(super) fn settings(text: &str, file: &Arc<Path>) -> Result<Vec<Setting>, InventoryError> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut section = String::new();
    for (index, whole) in text.lines().enumerate() {
        let line = without_comment(whole);
        if line.trim().is_empty() {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let Some(last) = settings.last_mut()
        {
            last.value.push(' ');
            last.value.push_str(line.trim());
            continue;
        }
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else {
            return Err(
                InventoryError::new("expected `name = value` or `[section]`")
                    .in_file(file, Some(index + 1)),
            );
        };
        settings.push(Setting {
            section: section.clone(),
            key: key.trim().to_lowercase(),
            value: unquoted(value.trim()).to_owned(),
            line: index + 1,
        });
    }
    Ok(settings)
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    match [" ;", "\t;"]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min()
    {
        Some(at) => &line[..at],
        None => line,
    }
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
