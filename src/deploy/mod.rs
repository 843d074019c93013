//! What a deployment is made of beyond tasks: mechanisms in Rust, driven by the closures of a playbook.
//!
//! Policy is not here but in `stdlib/`. Knows nothing of Rhai; called by `script` and `cli`.

pub mod health;
pub mod lock;
pub mod rollout;
