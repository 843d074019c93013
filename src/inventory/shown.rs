//! A variable as `ops inventory` shows it.

use serde_json::Value;

use super::error::RenderError;
use crate::model::Origin;

/// A variable, prepared for display.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// The rendered value, or why it cannot be rendered.
    pub value: Result<Value, RenderError>,
    /// The value as written. An encrypted value is still encrypted here.
    pub written: Value,
    pub origin: Origin,
    /// The value was encrypted, is in an encrypted file, refers to such a value, or has the name of a
    /// password.
    pub secret: bool,
}
