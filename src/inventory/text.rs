//! Reads a file of an inventory: checks that it is UTF-8, and decrypts it if it is encrypted as a whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::error::InventoryError;
use super::secrets::Secrets;
use super::vault::{self, VaultError};
use crate::model::decode;

/// Maximum size of a file in bytes, enough for a hundred thousand hosts with their variables. A device or a
/// pipe may be endless.
const MAX_FILE: usize = 64 << 20;

pub(super) struct Text {
    pub text: String,
    /// The whole file was encrypted, so everything in it is secret.
    pub sealed: bool,
}

pub(super) fn read(file: &Arc<Path>, secrets: &Secrets) -> Result<Text, InventoryError> {
    let mut bytes = Vec::new();
    let read = |opened: File| opened.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes);
    File::open(file).and_then(read).map_err(|error| {
        InventoryError::new(format!("cannot read the file: {error}")).in_file(file, None)
    })?;
    if bytes.len() > MAX_FILE {
        let message = format!("the file is larger than {} MiB", MAX_FILE >> 20);
        return Err(InventoryError::new(message).in_file(file, None));
    }
    let text = decode(bytes).map_err(|error| {
        InventoryError::new(error.to_string())
            .hint(error.hint(&file.display().to_string()))
            .in_file(file, Some(error.line))
    })?;
    if !vault::is_vault(&text) {
        if let Some((first, last)) = conflict(&text) {
            return Err(InventoryError::new(format!(
                "unresolved merge conflict in lines {first} to {last}"
            ))
            .in_file(file, Some(first)));
        }
        return Ok(Text {
            text,
            sealed: false,
        });
    }
    vault::check(&text).map_err(|(below, error)| {
        let above = text.len() - text.trim_start().len();
        let line = text[..above].lines().count() + below + 1;
        of_vault(&error).in_file(file, Some(line))
    })?;
    match vault::open(&text, secrets.passwords()) {
        Ok(text) => Ok(Text {
            text: text.trim_start_matches('\u{feff}').to_owned(),
            sealed: true,
        }),
        Err(error) => Err(of_vault(&error).in_file(file, None)),
    }
}

fn of_vault(error: &VaultError) -> InventoryError {
    let shown = InventoryError::new(error.to_string());
    match error.hint() {
        Some(hint) => shown.hint(hint),
        None => shown,
    }
}

/// The first and the last line of a conflict that `git merge` marked.
fn conflict(text: &str) -> Option<(usize, usize)> {
    let mut lines = text.lines().enumerate();
    let mut find = |mark: &str| {
        lines
            .find(|(_, line)| line.starts_with(mark))
            .map(|(at, _)| at + 1)
    };
    let first = find("<<<<<<< ")?;
    find("=======")?;
    Some((first, find(">>>>>>> ")?))
}
