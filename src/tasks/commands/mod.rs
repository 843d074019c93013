//! `commands::`: commands with guards.

pub(crate) mod run;
