//! What can be wrong with an inventory. All of it is found before a host is contacted: exit code 2.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Failure, FailureKind, Origin};

/// A source that cannot be read, or that says something that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryError {
    /// A lower-case fragment.
    pub message: String,
    /// What to try, as a sentence.
    pub hint: Option<String>,
    /// The file, and the line where there is one.
    pub at: Option<Origin>,
    /// The file is no inventory at all, by its looks.
    pub(super) is_foreign: bool,
    /// A template or an encrypted value is at fault; other variables or passwords may fix it.
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

    /// Says that the file is no inventory at all.
    pub(super) fn foreign(mut self) -> Self {
        self.is_foreign = true;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says where, if nothing closer to the mistake has said so.
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

/// What an inventory may say and hardly means to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(InventoryError);

impl Warning {
    /// What to do, as a sentence.
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

/// A host pattern that cannot be read, or that names what is not there.
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

/// A variable whose `{{ }}` cannot be rendered, or whose encrypted value cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    pub host: String,
    /// The variable whose own text is at fault, which may be one that the wanted one refers to.
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
