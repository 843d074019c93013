//! The trait of everything that receives events.

use super::{Event, Scrubbed};

/// Receives the events of a run, in order, on the dispatcher's thread. The trait is here and not in `report`
/// because the recorder of `store` implements it too.
///
/// No call can fail: a reporter that can no longer write drops the rest. Events are scrubbed, as their type
/// says.
pub trait Reporter: Send {
    fn event(&mut self, event: &Scrubbed<Event>);

    /// Called when no more events are waiting, and several times a second: the time to flush, or to redraw.
    fn tick(&mut self) {}

    /// Called before something else uses the terminal: a question, another program.
    fn pause(&mut self) {}

    /// Called when the terminal is free again.
    fn resume(&mut self) {}

    /// Called once, after the last event.
    fn finish(&mut self) {}
}
