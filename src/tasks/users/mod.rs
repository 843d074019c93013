//! `users::`: user accounts.

pub(crate) mod absent;
pub(crate) mod present;
