//! `users::`: users of the host.

pub mod absent;
pub mod present;
