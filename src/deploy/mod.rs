//! The parts of a deployment beyond tasks: mechanisms in Rust, driven by the closures of a playbook.
//!
//! Policy is in `stdlib/`, not here. This layer does not know Rhai; `script` and `cli` call it.

pub mod health;
pub mod lock;
pub mod rollout;
