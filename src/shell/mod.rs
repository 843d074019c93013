//! Building commands, and the framed protocol that turns a POSIX `sh` into a server.

mod quote;

pub use quote::{has_nul, quote, quote_str};
