//! `commands::`: commands with guards.

pub mod run;
