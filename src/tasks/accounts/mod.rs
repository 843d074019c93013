//! What tasks for users and groups share.

mod account;
pub mod group;
pub mod local;
pub mod numbers;
pub mod roots;

pub use account::{AccountName, Row, check_field};

/// The shell functions that the scripts use.
pub const ACCOUNTS: &str = include_str!("accounts.sh");
