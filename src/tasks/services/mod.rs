//! `services::`: systemd units.
//!
//! | part | contents |
//! |---|---|
//! | `service` | a unit and its desired state, used by all four tasks |
//! | `unit_name` | names of units |
//! | `unit` | the properties of a unit, as reported by systemd |
//! | `stamp` | the state of the inputs of a service at its last start |
//! | `plan` | the steps to take |
//! | `script` | the shell script for these steps |

pub(crate) mod disabled;
pub(crate) mod enabled;
mod plan;
pub(crate) mod running;
mod script;
mod service;
mod stamp;
pub(crate) mod stopped;
mod unit;
mod unit_name;
