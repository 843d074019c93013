//! `services::`: units of systemd.
//!
//! | part | what it has |
//! |---|---|
//! | `service` | a unit in a wanted state, which all four tasks are |
//! | `unit_name` | names of units |
//! | `unit` | what systemd says about a unit |
//! | `stamp` | what the inputs of a service were when it last started |
//! | `plan` | what has to be done |
//! | `script` | the shell that does it |

pub mod disabled;
pub mod enabled;
mod plan;
pub mod running;
mod script;
mod service;
mod stamp;
pub mod stopped;
mod unit;
mod unit_name;
