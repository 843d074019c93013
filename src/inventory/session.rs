//! What one question to the inventory has in common down to the last variable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use minijinja::{Error, ErrorKind, Value};

use super::error::RenderError;
use crate::model::Origin;

/// References from one variable to the next, of which no inventory has so many.
const MAX_DEPTH: usize = 50;

/// A piece of a variable: what it is called in messages, and where the variable was written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub name: String,
    pub origin: Option<Origin>,
}

impl Place {
    pub fn member(&self, key: &str) -> Self {
        Self {
            name: format!("{}.{key}", self.name),
            origin: self.origin.clone(),
        }
    }

    pub fn item(&self, index: usize) -> Self {
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
    /// An encrypted value was opened on the way.
    secret: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The first thing that went wrong, with the place at fault; the engine keeps only a text of it.
    failure: Option<RenderError>,
    /// What is undefined because its own template needs something that is undefined.
    undefined: HashMap<Key, RenderError>,
    /// What was rendered already or failed to be: two references to a variable cost one rendering, so that
    /// variables which double one another take no more time than there are variables. None for one that is
    /// undefined.
    rendered: HashMap<Key, Option<Value>>,
    /// What is being rendered, the innermost last. A context may be used by several threads.
    under_way: Vec<(ThreadId, Key)>,
}

/// Something is being rendered for as long as this is held.
pub(super) struct UnderWay<'s> {
    session: &'s Session,
    thread: ThreadId,
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to render.
    ///
    /// # Errors
    /// What needs itself, or too many that need one another.
    pub fn enter(&self, key: &Key) -> Result<UnderWay<'_>, Error> {
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
            Some(format!("it refers to itself: {}", names.join(" → ")))
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

    #[expect(clippy::option_option, reason = "not known, or known to be undefined")]
    pub fn known(&self, key: &Key) -> Option<Option<Value>> {
        self.state().rendered.get(key).cloned()
    }

    pub fn keep(&self, key: Key, value: Option<Value>) {
        self.state().rendered.insert(key, value);
    }

    /// Notes a failure. Gives the first one.
    pub fn fail(&self, failure: RenderError) -> RenderError {
        self.state().failure.get_or_insert(failure).clone()
    }

    pub fn take_failure(&self) -> Option<RenderError> {
        self.state().failure.take()
    }

    pub fn note_undefined(&self, key: Key, why: RenderError) {
        self.state().undefined.insert(key, why);
    }

    /// Why something is undefined although it is there, or something that it is looked up in.
    pub fn why_undefined(&self, host: &str, name: &str) -> Option<RenderError> {
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

    pub fn note_secret(&self) {
        self.secret.store(true, Ordering::Relaxed);
    }

    pub fn saw_secret(&self) -> bool {
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
