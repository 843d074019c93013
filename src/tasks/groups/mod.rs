//! `groups::`: groups of users.

pub(crate) mod absent;
pub(crate) mod present;
