//! `param("name", "help", #{ ... })`: the parameters of a playbook.
//!
//! They are collected from the parsed script without running it. So `--help` can list them, and a missing
//! parameter or one of the wrong type is an error before any host is contacted. That is why the calls must
//! be at the top level and their arguments must be literals.

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
