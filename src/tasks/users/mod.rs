//! `users::present`, `users::absent`, `groups::present`, `groups::absent`.

mod absent;
mod account;
mod group;
mod local;
mod numbers;
mod present;
mod roots;

pub use absent::ABSENT;
pub use group::{GROUP_ABSENT, GROUP_PRESENT};
pub use present::PRESENT;

/// The functions that the scripts are made of.
const ACCOUNTS: &str = include_str!("accounts.sh");
