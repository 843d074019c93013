//! `param("name", "what it is for", #{ ... })`: a playbook's parameters.
//!
//! They are collected from the parsed script without running it, so that `--help` can list them and a missing
//! or mistyped one is an error before any host is contacted. That is why the calls stand at the top level,
//! and why their arguments are literals.

mod collect;
mod declared;
mod kind;
mod resolve;
mod rule;
#[cfg(test)]
mod tests;
pub mod value;

pub use collect::{collect, misplaced};
pub use declared::{OPTIONS, Param};
pub use kind::Kind;
pub use resolve::{Resolved, resolve};
pub use rule::{KEYS as RULE_KEYS, Rule};
