//! All that knows Rhai: the engine, the modules of a playbook, its parameters, the static checks, and the
//! translation of Rhai's errors into failures that a user can act on.
//!
//! | part | what it is for |
//! |---|---|
//! | [`engine`] | the engine with its limits and built-ins |
//! | [`playbook`] | a playbook, compiled with everything that it imports |
//! | [`modules`] | `import` |
//! | [`params`] | `param(...)`: found without running the playbook, resolved before it runs |
//! | [`names`] | every function that a playbook can call, with its signatures and its documentation |
//! | [`check`] | what can be found wrong without running the playbook |
//! | [`trace`] | errors of Rhai's as failures of ours |

pub mod engine;
pub mod modules;
pub mod names;
pub mod playbook;
pub mod source;
mod suggest;
pub mod trace;
