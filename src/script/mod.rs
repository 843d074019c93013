//! All code that uses Rhai: the engine, the modules of a playbook, its parameters, the static checks, and the
//! translation of Rhai's errors into failures that a user can act on.
//!
//! | part | purpose |
//! |---|---|
//! | [`engine`] | the engine with its limits and built-ins |
//! | [`builtins`] | the functions of a playbook |
//! | [`frame`], [`world`] | what a built-in knows about the place that it was called from |
//! | [`execute`] | runs a playbook from its first line to its last clean-up |
//! | [`health`] | the checks that a playbook declares, without running it |
//! | [`playbook`] | a playbook, compiled with everything that it imports |
//! | [`prepare`] | from a file to a playbook that is ready to run |
//! | [`parse`] | from the text of a script to its syntax tree |
//! | [`modules`] | `import` |
//! | [`params`] | `param(...)`: found without running the playbook, resolved before it runs |
//! | [`schema`] | the options that a function of a script takes |
//! | [`names`] | every function that a playbook can call, with its signatures and its documentation |
//! | [`docs`] | the reference, as `ops doc` shows it |
//! | [`check`] | mistakes that can be found without running the playbook |
//! | [`trace`] | turns Rhai's errors into failures |

mod artifacts;
mod bounded;
pub mod builtins;
mod call_part;
pub mod check;
mod command;
mod convert;
mod custom_check;
mod custom_task;
mod deadline;
pub mod docs;
pub mod engine;
mod error;
pub mod execute;
pub mod frame;
pub mod health;
mod isolate;
mod limits;
mod local;
mod lookup;
pub mod modules;
pub mod names;
mod nesting;
mod on_host;
pub mod options;
pub mod params;
pub mod parse;
pub mod playbook;
pub mod position;
pub mod prepare;
mod refusal;
mod schema;
pub mod source;
pub mod source_changes;
mod stored_closure;
pub mod trace;
pub mod world;
