//! Values with every field filled in: what tests of all kinds of events are made of.

use std::collections::BTreeMap;

use crate::model::{Diff, Event, Kind};

/// A type of which a value can be made with every field filled in.
pub trait Sample {
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

impl Event {
    /// An event of each kind, with `text` in each text but the name of the run.
    #[must_use]
    pub fn samples(text: &str) -> Vec<Self> {
        let diffs = [
            Diff::Text {
                path: text.to_owned(),
                before: format!("{text}\n"),
                after: "other\n".to_owned(),
            },
            Diff::Binary {
                path: text.to_owned(),
                before: Sample::sample(text),
                after: Sample::sample(text),
            },
            Diff::Hidden {
                path: text.to_owned(),
            },
            Diff::Note {
                text: text.to_owned(),
            },
        ];
        let mut kinds = Kind::samples(text);
        for kind in &mut kinds {
            if let Kind::TaskFinished { diff, .. } = kind {
                diff.extend(diffs.clone());
            }
        }
        let event = |(seq, kind)| Self {
            ts: jiff::Timestamp::UNIX_EPOCH,
            run: "20261121-141530-k3f9".to_owned(),
            seq,
            kind,
            step: Sample::sample(text),
            host: Sample::sample(text),
            task: Sample::sample(text),
            outcome: Sample::sample(text),
            duration_ms: Sample::sample(text),
            at: Sample::sample(text),
        };
        (1..).zip(kinds).map(event).collect()
    }
}
