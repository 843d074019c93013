//! The position of a part of a call in the playbook.

use rhai::NativeCallContext;

use crate::model::Position;

use super::check::Part;
use super::error::position;
use super::frame::Frame;

/// The position of a part of the call: an argument, or a key among the options.
#[must_use]
pub(crate) fn part(context: &NativeCallContext<'_>, part: Part) -> Option<Position> {
    let frame = Frame::of(context).ok()?;
    frame.world().sources.part(&position(context)?, part)
}
