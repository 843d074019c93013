//! The files that an `Include` names: paths with `*` and `?`, relative to where configurations are.

use std::path::{Path, PathBuf};

use super::file::{Owner, Reading};
use super::pattern;

/// In the order of their bytes, as `glob` of libc has them in the locale that `ssh` runs in.
///
/// # Errors
/// What only `ssh` can tell.
pub(super) fn paths(pattern: &str, reading: Reading<'_>) -> Result<Vec<PathBuf>, String> {
    // Newer versions expand tokens there, older ones do not.
    if let Some(bad) = pattern
        .chars()
        .find(|c| matches!(c, '%' | '[' | '\\' | '$'))
    {
        return Err(format!("`Include` has a `{bad}`, which ops does not read"));
    }
    let anchored = match reading.owner {
        Owner::System if pattern.starts_with('~') => {
            return Err(format!("`Include` cannot be `{pattern}`"));
        }
        Owner::User if pattern.starts_with('~') => reading
            .local
            .expand_home(pattern)
            .ok_or_else(|| format!("`Include` names `{pattern}`, of another user"))?,
        _ if pattern.starts_with('/') => pattern.to_owned(),
        Owner::User => format!("{}/.ssh/{pattern}", reading.local.home.display()),
        Owner::System => format!("/etc/ssh/{pattern}"),
    };
    let mut found = vec![PathBuf::from("/")];
    for part in anchored.split('/').filter(|part| !part.is_empty()) {
        if part.contains(['*', '?']) {
            found = found.iter().flat_map(|dir| entries(dir, part)).collect();
        } else {
            for path in &mut found {
                path.push(part);
            }
        }
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort_by(|a, b| {
        a.as_os_str()
            .as_encoded_bytes()
            .cmp(b.as_os_str().as_encoded_bytes())
    });
    Ok(found)
}

/// What matches in a directory. Hidden files only where the pattern begins with a dot.
fn entries(dir: &Path, part: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let hidden = part.starts_with('.');
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.starts_with('.') == hidden && pattern::matches(name, part))
        })
        .map(|entry| entry.path())
        .collect()
}
