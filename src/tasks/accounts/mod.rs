//! What tasks of users and of groups share.

mod account;
pub mod group;
pub mod local;
pub mod numbers;
pub mod roots;

pub use account::{AccountName, Row, check_field};

/// The functions that the scripts are made of.
pub const ACCOUNTS: &str = include_str!("accounts.sh");
