//! What a run is waiting for, if that takes long.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Piece, View};
use crate::model::{Event, Kind};
use crate::report::clean_line;
use crate::report::names::{names, sort};
use crate::report::quantity::duration;
use crate::report::style::YELLOW;

/// How many hosts that wait for the same thing are named.
const MOST_NAMES: usize = 8;

impl View {
    pub(super) fn waiting(&self, event: &Event) -> Vec<Piece> {
        let Some(text) = text(event) else {
            return Vec::new();
        };
        self.line("waiting", YELLOW, event, &text)
    }
}

/// What the run waits for, for how long, and how long it can still take. `None` if the operator is being
/// asked: the question is on the screen.
fn text(event: &Event) -> Option<String> {
    let Kind::Waiting {
        what,
        reason,
        left_ms,
        hosts,
        asks: false,
    } = &event.kind
    else {
        return None;
    };
    let mut hosts: Vec<_> = hosts.iter().map(|host| clean_line(host)).collect();
    sort(&mut hosts);
    let mut text = match hosts.as_slice() {
        [] => clean_line(what).into_owned(),
        hosts => format!("{}: {}", names(hosts, MOST_NAMES), clean_line(what)),
    };
    if let Some(so_far) = event.duration_ms.map(Duration::from_millis) {
        let _ = write!(text, ", {} so far", duration(so_far));
    }
    if let Some(left) = left_ms.map(Duration::from_millis) {
        let _ = write!(text, ", {} left", duration(left));
    }
    if let Some(reason) = reason {
        let _ = write!(text, ": {}", clean_line(reason.trim_end()));
    }
    Some(text)
}
