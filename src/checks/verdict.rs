//! What an answer means.

pub use crate::model::HealthState as State;

/// What an answer means: the state of the subject, and why in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub state: State,
    /// A lower-case fragment that continues the label: `503, expected 200: "db down"`. May quote the
    /// subject's output.
    pub message: String,
    /// What to try, as a sentence: mostly for errors.
    pub hint: Option<String>,
}

impl Verdict {
    #[must_use]
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Self {
            state,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn passing(message: impl Into<String>) -> Self {
        Self::new(State::Passing, message)
    }

    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(State::Warning, message)
    }

    #[must_use]
    pub fn critical(message: impl Into<String>) -> Self {
        Self::new(State::Critical, message)
    }

    /// The check itself failed.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(State::Error, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
