//! The passwords of a run, and whether each account accepted or refused them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::ssh::error::SshError;
use crate::ssh::settings::Password;
use crate::ssh::tried_once::TriedOnce;

/// The passwords of a run.
#[derive(Debug, Default)]
pub(crate) struct Passwords {
    tried: Mutex<HashMap<Account, TriedOnce<SshError>>>,
}

/// An account for which a password is tried. Several hosts of a run may be the same account.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub user: String,
    pub host: String,
    pub port: u16,
    pub password: Password,
}

impl Passwords {
    pub(super) fn of(&self, account: Account) -> TriedOnce<SshError> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.entry(account).or_default().clone()
    }
}
