//! (see lib.rs)

pub mod dispatcher;
