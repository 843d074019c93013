//! Reading a file of an inventory: UTF-8, and decrypted if the whole of it is encrypted.

use std::path::Path;
use std::sync::Arc;

use super::error::InventoryError;
use super::secrets::Secrets;
use super::vault;

pub(super) struct Text {
    pub text: String,
    /// The whole file was encrypted, so that everything in it is secret.
    pub sealed: bool,
}

pub(super) fn read(file: &Arc<Path>, secrets: &Secrets) -> Result<Text, InventoryError> {
    let bytes = std::fs::read(file).map_err(|error| {
        InventoryError::new(format!("it cannot be read: {error}")).in_file(file, None)
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        InventoryError::new("it is not UTF-8").in_file(file, Some(line))
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    if !vault::is_vault(&text) {
        return Ok(Text {
            text,
            sealed: false,
        });
    }
    match vault::open(&text, secrets.passwords()) {
        Ok(text) => Ok(Text { text, sealed: true }),
        Err(error) => {
            let hint = error.hint();
            let error = InventoryError::new(error.to_string()).in_file(file, None);
            Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
    }
}
