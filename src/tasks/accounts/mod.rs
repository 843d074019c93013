//! What tasks for users and groups share.

mod account;
pub(crate) mod group;
pub(crate) mod local;
pub(crate) mod numbers;
pub(crate) mod roots;

pub(crate) use account::{AccountName, Row, check_field};

/// The shell functions that the scripts use.
pub(crate) const ACCOUNTS: &str = include_str!("accounts.sh");
