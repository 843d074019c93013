//! Requests that are cut short: by a signal, a `timeout`, a lost connection, a failed proof.

mod batch;
mod partition;
mod random;
mod rows;
