//! Values with every field filled in: what tests of all kinds of events are made of.

use std::collections::BTreeMap;

use crate::model::Diff;

/// A type of which a value can be made with every field filled in.
pub(crate) trait Sample {
    /// A value with `text` in each of its texts, and no list, map or option empty.
    fn sample(text: &str) -> Self;
}

impl Sample for String {
    fn sample(text: &str) -> Self {
        text.to_owned()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(text: &str) -> Self {
        Some(T::sample(text))
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(text: &str) -> Self {
        Self::new(T::sample(text))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(text: &str) -> Self {
        vec![T::sample(text)]
    }
}

impl<A: Sample, B: Sample> Sample for (A, B) {
    fn sample(text: &str) -> Self {
        (A::sample(text), B::sample(text))
    }
}

impl<T: Sample> Sample for BTreeMap<String, T> {
    fn sample(text: &str) -> Self {
        Self::from([(text.to_owned(), T::sample(text))])
    }
}

impl Sample for Diff {
    fn sample(text: &str) -> Self {
        Self::Property {
            name: text.to_owned(),
            before: text.to_owned(),
            after: text.to_owned(),
        }
    }
}
