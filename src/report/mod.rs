//! What the user sees of a run: one file a reporter.

pub use crate::model::Reporter;
