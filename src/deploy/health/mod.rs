//! Health checks: is this working, as seen from there?
//!
//! The kinds of checks are in `checks`. [`Check`] is one of them with its vantage, [`check`] looks once, [`wait_until`]
//! looks until all is well. When to look again and when that is enough is decided by [`Watch`], which knows no clock and no
//! host. [`declared`] reads the checks that an inventory has as data.

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
