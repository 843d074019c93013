//! Errors of an inventory. All are found before a host is contacted: exit code 2.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Failure, FailureKind, Origin};

/// A source that cannot be read, or whose contents are invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryError {
    /// A lower-case fragment.
    pub message: String,
    /// A sentence that says what to try.
    pub hint: Option<String>,
    /// The file and, if known, the line.
    pub at: Option<Origin>,
    /// The file does not look like an inventory at all.
    pub(super) is_foreign: bool,
    /// The cause is a template or an encrypted value; other variables or passwords may fix it.
    pub(super) is_rendering: bool,
}

impl InventoryError {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            at: None,
            is_foreign: false,
            is_rendering: false,
        }
    }

    /// Marks the file as not being an inventory at all.
    pub(super) fn foreign(mut self) -> Self {
        self.is_foreign = true;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the location, unless a more precise one is already set.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.at.get_or_insert_with(|| origin.clone());
        self
    }

    #[must_use]
    pub fn in_file(self, file: &Arc<Path>, line: Option<usize>) -> Self {
        self.at(&Origin {
            file: Arc::clone(file),
            line,
        })
    }
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for InventoryError {}

impl From<InventoryError> for Failure {
    fn from(error: InventoryError) -> Self {
        let failure = Self::new(FailureKind::Input, error.to_string());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// A likely mistake in an inventory that is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(InventoryError);

impl Warning {
    /// A sentence that says what to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<InventoryError> for Warning {
    fn from(error: InventoryError) -> Self {
        Self(error)
    }
}

/// A host pattern that cannot be parsed, or that names an unknown host or group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectError {
    pub message: String,
    pub hint: Option<String>,
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        let failure = Self::new(FailureKind::Input, error.message);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// A variable whose `{{ }}` cannot be rendered, or whose encrypted value cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    pub host: String,
    /// The variable that contains the mistake. The requested variable may only refer to it.
    pub name: String,
    /// A lower-case fragment.
    pub message: String,
    pub hint: Option<String>,
    pub at: Option<Origin>,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        write!(
            f,
            "variable `{}` of host {}: {}",
            self.name, self.host, self.message
        )
    }
}

impl std::error::Error for RenderError {}

impl From<RenderError> for InventoryError {
    fn from(error: RenderError) -> Self {
        Self {
            message: format!(
                "variable `{}` of host {}: {}",
                error.name, error.host, error.message
            ),
            hint: error.hint,
            at: error.at,
            is_foreign: false,
            is_rendering: true,
        }
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        InventoryError::from(error).into()
    }
}
