//! Health checks: whether something works, as seen from a vantage point.
//!
//! The kinds of checks are in `checks`. [`Check`] is one of them with its vantage point, [`check`] runs
//! once, [`wait_until`] runs until everything is healthy. [`Watch`] decides when to check again and when
//! that is enough; it knows no clock and no host. [`declared`] reads the checks that an inventory has as
//! data.

mod declared;
mod observe;
mod vantage;
mod wait;
mod watch;

pub use declared::{Declared, Mistake, declared};
pub use observe::{Observed, check, failure};
pub use vantage::{Check, Vantage};
pub use wait::wait_until;
pub use watch::{Progress, Watch};

pub use crate::checks::{Overrides, State, Timing, waitable};
