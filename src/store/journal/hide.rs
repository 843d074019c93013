//! Taking secrets out of entries that are about to be written, or were written before a secret was known.

use std::collections::BTreeMap;

use crate::model::{Outcome, Position, Recorded, Secrets};

/// A type whose texts can be searched for secrets.
pub(crate) trait Hide {
    fn hide(&mut self, secrets: &Secrets);
}

impl Hide for String {
    fn hide(&mut self, secrets: &Secrets) {
        secrets.scrubber().scrub_in_place(self);
    }
}

impl Hide for Recorded {
    fn hide(&mut self, secrets: &Secrets) {
        secrets.record_again(self, None);
    }
}

impl Hide for Position {
    fn hide(&mut self, secrets: &Secrets) {
        self.file.hide(secrets);
    }
}

impl<T: Hide> Hide for Option<T> {
    fn hide(&mut self, secrets: &Secrets) {
        if let Some(value) = self {
            value.hide(secrets);
        }
    }
}

impl<T: Hide> Hide for Vec<T> {
    fn hide(&mut self, secrets: &Secrets) {
        for value in self {
            value.hide(secrets);
        }
    }
}

impl<T: Hide> Hide for BTreeMap<String, T> {
    fn hide(&mut self, secrets: &Secrets) {
        for value in self.values_mut() {
            value.hide(secrets);
        }
    }
}

/// Declares types without texts.
macro_rules! textless {
    ($($type:ty),*) => {
        $(impl $crate::store::journal::hide::Hide for $type {
            fn hide(&mut self, _: &$crate::model::Secrets) {}
        })*
    };
}

textless!(bool, i32, u32, u64, usize, Outcome);

pub(super) use textless;
