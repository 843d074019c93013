//! Who is told what happened.

use super::{Event, Scrubbed};

/// Receives the events of a run, in order, on the dispatcher's thread. Stands here and not with the
/// reporters because the recorder of `store` is one too.
///
/// None of these can fail: a reporter that cannot write any more keeps silent. The events are scrubbed
/// before they come here.
pub trait Reporter: Send {
    fn event(&mut self, event: &Scrubbed<Event>);

    /// Called when there is nothing more to report for now, and several times a second: the time to
    /// flush, or to redraw.
    fn tick(&mut self) {}

    /// Called before the terminal goes to someone else: a question, another program.
    fn pause(&mut self) {}

    /// The terminal is back.
    fn resume(&mut self) {}

    /// Called once, after the last event.
    fn finish(&mut self) {}
}
