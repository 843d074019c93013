//! Values that must not be shown, and the scrubbing of text that may contain them.
//!
//! [`Secrets`] is the registry of a run. Code that learns a secret adds it; code that writes text uses the
//! [`Scrubber`] (whole texts) or a [`StreamScrubber`] (chunks, which may cut a secret in two). Scrubbing is
//! by value and finds the forms that [`forms`] lists. Events are scrubbed by type: see
//! [`Scrubbed`](super::Scrubbed).

mod forms;
mod scrubber;
mod stream;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

pub use forms::MIN_SECRET;
pub use scrubber::{REPLACEMENT, Scrubber};
pub use stream::StreamScrubber;

/// Looking for a secret with more bytes than this would take seconds and hundreds of megabytes.
pub const MAX_SECRET: usize = 64 * 1024;

/// Why a secret was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unscrubbable {
    /// `len` is its length in bytes, without spaces around it.
    #[error(
        "secret `{name}` is too short to be scrubbed safely: \
         {len} bytes, and at least {MIN_SECRET} are needed"
    )]
    TooShort { name: String, len: usize },
    #[error(
        "secret `{name}` is too long to be scrubbed: {len} bytes, and at most {MAX_SECRET} can be"
    )]
    TooLong { name: String, len: usize },
}

/// The secrets of a run. A clone is the same registry; secrets are never removed.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Registry>>);

#[derive(Default)]
struct Registry {
    values: HashSet<String>,
    /// Forms that no scrubber knows yet.
    fresh: Vec<Vec<u8>>,
    scrubber: Scrubber,
}

impl Secrets {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret: from now on every scrubber of this registry replaces it. The error calls it `name`.
    ///
    /// # Errors
    /// A value that is too short or too long to be scrubbed is refused, and not added.
    pub fn add(&self, value: &str, name: &str) -> Result<(), Unscrubbable> {
        let (name, len) = (name.to_owned(), value.trim().len());
        if len < MIN_SECRET {
            return Err(Unscrubbable::TooShort { name, len });
        }
        if value.len() > MAX_SECRET {
            return Err(Unscrubbable::TooLong { name, len });
        }
        let mut registry = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if registry.values.insert(value.to_owned()) {
            registry.fresh.extend(forms::needles(value));
        }
        Ok(())
    }

    /// A scrubber for all secrets so far. Cheap unless secrets were added since the last call.
    #[must_use]
    pub fn scrubber(&self) -> Scrubber {
        {
            let registry = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if registry.fresh.is_empty() {
                return registry.scrubber.clone();
            }
        }
        let mut registry = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = std::mem::take(&mut registry.fresh);
        registry.scrubber = registry.scrubber.with(fresh);
        registry.scrubber.clone()
    }

    /// Shorthand for `scrubber().scrub(text)`.
    #[must_use]
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.scrubber().scrub(text)
    }
}

/// Shows the number of secrets, never their values.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values
            .len();
        write!(f, "Secrets({count})")
    }
}

#[cfg(test)]
mod tests;
