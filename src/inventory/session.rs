//! State shared by everything that is rendered for one query of the inventory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use minijinja::{Error, ErrorKind, Value};

use super::error::RenderError;
use crate::model::Origin;

/// Maximum length of a chain of references between variables. No real inventory has such long chains.
const MAX_DEPTH: usize = 50;

/// A variable or a part of one: its name in messages, and where the variable is defined.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub name: String,
    pub origin: Option<Origin>,
}

impl Place {
    pub(crate) fn member(&self, key: &str) -> Self {
        Self {
            name: format!("{}.{key}", self.name),
            origin: self.origin.clone(),
        }
    }

    pub(crate) fn item(&self, index: usize) -> Self {
        Self {
            name: format!("{}[{index}]", self.name),
            origin: self.origin.clone(),
        }
    }
}

/// A variable or a member of one, by its host and its name.
pub(super) type Key = (String, String);

#[derive(Debug, Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// An encrypted value was decrypted during the query.
    secret: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The first error, with its location; the engine keeps only its text.
    failure: Option<RenderError>,
    /// Names that are undefined because their own template needs something undefined.
    undefined: HashMap<Key, RenderError>,
    /// Results of variables rendered so far, including failures. Each variable is rendered only once, so that
    /// variables which refer to each other twice do not take exponential time. `None` for an undefined one.
    rendered: HashMap<Key, Option<Value>>,
    /// The variables being rendered, the innermost last. Several threads may use one context.
    under_way: Vec<(ThreadId, Key)>,
}

/// Marks a variable as being rendered for as long as it exists.
pub(super) struct UnderWay<'s> {
    session: &'s Session,
    thread: ThreadId,
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts rendering a variable.
    ///
    /// # Errors
    /// If the variable refers to itself, or the chain of references is too long.
    pub(crate) fn enter(&self, key: &Key) -> Result<UnderWay<'_>, Error> {
        let thread = std::thread::current().id();
        let mut state = self.state();
        let path: Vec<&Key> = state
            .under_way
            .iter()
            .filter(|(owner, _)| *owner == thread)
            .map(|(_, key)| key)
            .collect();
        let refusal = if let Some(start) = path.iter().position(|step| *step == key) {
            let names: Vec<String> = path[start..]
                .iter()
                .chain([&key])
                .map(|(_, name)| format!("`{name}`"))
                .collect();
            Some(format!("circular reference: {}", names.join(" → ")))
        } else if path.len() >= MAX_DEPTH {
            Some(format!(
                "more than {MAX_DEPTH} variables refer to one another"
            ))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Err(Error::new(ErrorKind::InvalidOperation, refusal));
        }
        state.under_way.push((thread, key.clone()));
        Ok(UnderWay {
            session: self,
            thread,
        })
    }

    #[expect(clippy::option_option, reason = "not rendered yet, or undefined")]
    pub(crate) fn known(&self, key: &Key) -> Option<Option<Value>> {
        self.state().rendered.get(key).cloned()
    }

    pub(crate) fn keep(&self, key: Key, value: Option<Value>) {
        self.state().rendered.insert(key, value);
    }

    /// Records a failure. Returns the first one.
    pub(crate) fn fail(&self, failure: RenderError) -> RenderError {
        self.state().failure.get_or_insert(failure).clone()
    }

    pub(crate) fn take_failure(&self) -> Option<RenderError> {
        self.state().failure.take()
    }

    pub(crate) fn note_undefined(&self, key: Key, why: RenderError) {
        self.state().undefined.insert(key, why);
    }

    /// Why a name is undefined although it exists, or why the value that contains it is.
    pub(crate) fn why_undefined(&self, host: &str, name: &str) -> Option<RenderError> {
        let state = self.state();
        let mut known = name;
        loop {
            let key = (host.to_owned(), known.to_owned());
            if let Some(why) = state.undefined.get(&key) {
                return Some(why.clone());
            }
            let Some(shorter) = known.rfind(['.', '[']) else {
                break;
            };
            known = &known[..shorter];
        }
        // A variable of another host: `hostvars['web1'].name`.
        let (_, last) = name.strip_prefix("hostvars")?.rsplit_once('.')?;
        let mut others = state.undefined.iter();
        others.find_map(|((_, name), why)| (name == last).then(|| why.clone()))
    }

    pub(crate) fn note_secret(&self) {
        self.secret.store(true, Ordering::Relaxed);
    }

    pub(crate) fn saw_secret(&self) -> bool {
        self.secret.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.session.state();
        let own = state
            .under_way
            .iter()
            .rposition(|(thread, _)| *thread == self.thread);
        if let Some(own) = own {
            state.under_way.remove(own);
        }
    }
}
