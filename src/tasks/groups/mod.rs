//! `groups::`: groups of users.

pub mod absent;
pub mod present;
