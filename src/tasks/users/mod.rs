//! `users::`: user accounts.

pub mod absent;
pub mod present;
