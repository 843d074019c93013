//! Values that must not be shown, and the scrubbing of text that may contain them.
//!
//! [`Secrets`] is the registry of a run. Code that learns a secret adds it; code that writes text uses the
//! [`Scrubber`] (whole texts) or a [`StreamScrubber`] (chunks, which may cut a secret in two). Scrubbing is
//! by value and finds the forms that [`forms`] lists. Events are scrubbed by type: see
//! [`Scrubbed`](super::Scrubbed). What must be read again with its secrets is [`Recorded`].

mod forms;
mod known;
mod recorded;
mod registry;
mod scrubber;
mod stream;

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use forms::MIN_SECRET;
use known::Alias;
pub use recorded::{Recorded, UnknownSecret};
use registry::Registry;
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
pub struct Secrets(Arc<Shared>);

#[derive(Default)]
struct Shared {
    registry: RwLock<Registry>,
    watchers: RwLock<Vec<Watcher>>,
}

type Watcher = Arc<dyn Fn(&NewSecret<'_>) + Send + Sync>;

/// How a part of a [`Recorded`] text begins in JSON in which a secret cannot be seen.
const BASE64: &[u8] = b"{\"base64\":";

/// How a reference to a secret begins in that JSON.
const REFERENCE: &[u8] = b"{\"secret\":";

/// A secret that has just become known.
pub struct NewSecret<'v> {
    value: &'v str,
    /// Whether it contains a secret that was known before: there may be references in the middle of it.
    holds_another: bool,
}

impl NewSecret<'_> {
    /// Finds JSON with [`Recorded`] texts that may hold it: its forms as they are escaped there, and parts in
    /// which it cannot be seen.
    #[must_use]
    pub fn in_records(&self) -> Scrubber {
        let mut texts = forms::in_json(self.value);
        texts.push(BASE64.to_vec());
        if self.holds_another {
            texts.push(REFERENCE.to_vec());
        }
        // A secret that was known before may cover an end of it. More than half of it then remains.
        let middle = self.value.floor_char_boundary(self.value.len() / 2);
        let (first, last) = self.value.split_at(middle);
        for half in [first, last]
            .into_iter()
            .filter(|half| half.len() >= MIN_SECRET)
        {
            texts.extend(forms::in_json(half));
        }
        Scrubber::of(texts)
    }
}

impl Secrets {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret: from now on every scrubber of this registry replaces it. Errors and records call it
    /// `name`: a later attempt of the run must know it by the same name.
    ///
    /// # Errors
    /// A value that is too short or too long to be scrubbed is refused, and not added.
    pub fn add(&self, value: &str, name: &str) -> Result<(), Unscrubbable> {
        self.insert(value, name, None)
    }

    /// The same for a secret of a host, where other hosts have others of the same name.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn add_for(&self, host: &str, value: &str, name: &str) -> Result<(), Unscrubbable> {
        self.insert(value, name, Some(host))
    }

    fn insert(&self, value: &str, name: &str, host: Option<&str>) -> Result<(), Unscrubbable> {
        let len = value.trim().len();
        if len < MIN_SECRET {
            let name = name.to_owned();
            return Err(Unscrubbable::TooShort { name, len });
        }
        if value.len() > MAX_SECRET {
            let name = name.to_owned();
            return Err(Unscrubbable::TooLong { name, len });
        }
        let (is_new, holds_another) = {
            let mut registry = self.write();
            let is_new = registry.add(value, name, host);
            (is_new, is_new && registry.has_part_of(value))
        };
        if is_new {
            let watchers = self.0.watchers.read();
            let watchers = watchers.unwrap_or_else(PoisonError::into_inner).clone();
            for watcher in watchers {
                watcher(&NewSecret {
                    value,
                    holds_another,
                });
            }
        }
        Ok(())
    }

    /// Calls `watcher` after each new secret, before [`add`](Self::add) returns: what was written before may
    /// hold it.
    pub fn on_new(&self, watcher: impl Fn(&NewSecret<'_>) + Send + Sync + 'static) {
        let mut watchers = self
            .0
            .watchers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        watchers.push(Arc::new(watcher));
    }

    /// A scrubber for all secrets so far. Cheap unless secrets were added since the last call.
    #[must_use]
    pub fn scrubber(&self) -> Scrubber {
        {
            let registry = self.read();
            if registry.is_current() {
                return registry.scrubber.clone();
            }
        }
        let mut registry = self.write();
        registry.refresh();
        registry.scrubber.clone()
    }

    /// Shorthand for `scrubber().scrub(text)`.
    #[must_use]
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.scrubber().scrub(text)
    }

    fn value(&self, alias: &Alias) -> Option<Arc<str>> {
        self.read().value(alias)
    }

    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.0
            .registry
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.0
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the number of secrets, never their values.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.read().count())
    }
}

/// Every form of a secret, for tests of what is written.
#[cfg(test)]
pub(crate) fn forms_of(secret: &str) -> Vec<Vec<u8>> {
    forms::needles(secret)
}

#[cfg(test)]
mod tests;
