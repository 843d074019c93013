//! Taking secrets out of typed values before anyone sees them.
//!
//! The type of a field decides whether it is scrubbed: a `String` always is, wherever it is, as a value or as
//! the key of a map. [`record!`] declares a struct and `kinds!` the kinds of events; both scrub every field,
//! so a field that is added is scrubbed without anyone listing it, and one whose type cannot be scrubbed does
//! not compile. Names of kinds, outcomes and states are enums here and text only in JSON, so no secret can
//! change them.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Diff, Scrubber};

/// A type whose texts can be scrubbed.
#[diagnostic::on_unimplemented(
    message = "nothing says how `{Self}` is scrubbed of secrets",
    note = "declare a struct with `record!`; add a type that holds no text to the list in \
        src/model/scrub/textless.rs"
)]
pub trait Scrub {
    /// Replaces every secret in every text.
    fn scrub(&mut self, scrubber: &Scrubber);
}

/// A value without secrets. Only [`Scrubbed::new`] makes one, so code that takes a `Scrubbed<Event>` is
/// never handed an event that still has to be scrubbed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scrubbed<T>(T);

impl<T: Scrub> Scrubbed<T> {
    #[must_use]
    pub fn new(mut value: T, scrubber: &Scrubber) -> Self {
        if !scrubber.is_empty() {
            value.scrub(scrubber);
        }
        Self(value)
    }
}

impl<T> Deref for Scrubbed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Scrub for String {
    fn scrub(&mut self, scrubber: &Scrubber) {
        scrubber.scrub_in_place(self);
    }
}

impl<T: Scrub> Scrub for Option<T> {
    fn scrub(&mut self, scrubber: &Scrubber) {
        if let Some(value) = self {
            value.scrub(scrubber);
        }
    }
}

impl<T: Scrub> Scrub for Box<T> {
    fn scrub(&mut self, scrubber: &Scrubber) {
        (**self).scrub(scrubber);
    }
}

impl<T: Scrub> Scrub for Vec<T> {
    fn scrub(&mut self, scrubber: &Scrubber) {
        for value in self {
            value.scrub(scrubber);
        }
    }
}

impl<A: Scrub, B: Scrub> Scrub for (A, B) {
    fn scrub(&mut self, scrubber: &Scrubber) {
        self.0.scrub(scrubber);
        self.1.scrub(scrubber);
    }
}

impl<T: Scrub> Scrub for BTreeMap<String, T> {
    fn scrub(&mut self, scrubber: &Scrubber) {
        for value in self.values_mut() {
            value.scrub(scrubber);
        }
        if self.keys().any(|key| scrubber.finds_in(key)) {
            *self = std::mem::take(self)
                .into_iter()
                .map(|(key, value)| (scrubber.scrub(&key).into_owned(), value))
                .collect();
        }
    }
}

impl Scrub for Value {
    fn scrub(&mut self, scrubber: &Scrubber) {
        match self {
            Self::String(text) => text.scrub(scrubber),
            Self::Array(values) => values.scrub(scrubber),
            Self::Object(fields) => fields.scrub(scrubber),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

impl Scrub for Map<String, Value> {
    fn scrub(&mut self, scrubber: &Scrubber) {
        for value in self.values_mut() {
            value.scrub(scrubber);
        }
        if self.keys().any(|key| scrubber.finds_in(key)) {
            *self = std::mem::take(self)
                .into_iter()
                .map(|(key, value)| (scrubber.scrub(&key).into_owned(), value))
                .collect();
        }
    }
}

impl Scrub for Diff {
    fn scrub(&mut self, scrubber: &Scrubber) {
        // Before the known secrets are replaced: they show where the old ones are.
        self.hide_old_secrets(scrubber);
        match self {
            Self::Property {
                name,
                before,
                after,
            } => {
                for text in [name, before, after] {
                    text.scrub(scrubber);
                }
            }
            Self::Text {
                path,
                before,
                after,
            } => {
                for text in [path, before, after] {
                    text.scrub(scrubber);
                }
            }
            Self::Binary {
                path,
                before,
                after,
            } => {
                path.scrub(scrubber);
                before.scrub(scrubber);
                after.scrub(scrubber);
            }
            Self::Hidden { path } => path.scrub(scrubber),
            Self::Note { text } => text.scrub(scrubber),
        }
    }
}

/// Declares a struct of an event: every field is scrubbed as its type says.
macro_rules! record {
    (
        $(#[$($meta:tt)*])*
        pub struct $name:ident {
            $($(#[$($field_meta:tt)*])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$($meta)*])*
        pub struct $name {
            $($(#[$($field_meta)*])* pub $field: $type,)*
        }

        impl $crate::model::Scrub for $name {
            fn scrub(&mut self, scrubber: &$crate::model::Scrubber) {
                $($crate::model::Scrub::scrub(&mut self.$field, scrubber);)*
            }
        }

        #[cfg(test)]
        impl $crate::model::scrub::Sample for $name {
            fn sample(text: &str) -> Self {
                Self {
                    $($field: $crate::model::scrub::Sample::sample(text),)*
                }
            }
        }
    };
}
pub(super) use record;

#[cfg(test)]
mod event_samples;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod textless;

#[cfg(test)]
pub(crate) use sample::Sample;
