//! A variable as `ops inventory` shows it.

use serde_json::Value;

use super::error::RenderError;
use crate::model::Origin;

/// A variable for a person to read.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// Rendered, or why it cannot be.
    pub value: Result<Value, RenderError>,
    /// As it was written. An encrypted value is still encrypted here.
    pub written: Value,
    pub origin: Origin,
    /// The value was encrypted, is in an encrypted file, refers to such a value, or is a password by its
    /// name.
    pub secret: bool,
}
