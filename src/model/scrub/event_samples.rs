//! An event of each kind with every field filled in.

use super::Sample;
use crate::model::{Diff, Event, Kind};

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
