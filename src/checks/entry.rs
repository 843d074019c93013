//! How a kind's file declares the kind.

use std::sync::Arc;

use super::observe::Observe;
use crate::declare::{self, ArgumentError, Arguments};

/// A kind of check: what a playbook calls, and the constructor behind it.
pub type Entry = declare::Entry<Make>;

/// Constructs what a check observes. It cannot ask the playbook for anything.
pub(crate) type Make = fn(Arguments, ()) -> Result<Arc<dyn Observe>, ArgumentError>;

/// Declares the kind of a file as the constant `KIND`.
///
/// ```text
/// kind! {
///     /// Checks that a program listens on a port of the host.
///     port(port: u16; Options) => Port::new
/// }
/// ```
macro_rules! kind {
    ($($declaration:tt)+) => {
        $crate::declare::declare! { KIND: $crate::checks::Entry; $($declaration)+ }
    };
}
pub(super) use kind;
