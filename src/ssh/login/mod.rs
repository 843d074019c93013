//! Logging in: with keys, and with a password if there is one.
//!
//! [`run`] tries the methods (`methods`), which are implemented by `public_key` and `password` and report to
//! `progress`. `offer` decides which keys are offered in which order. `key_file`, `agent`, `signer` and
//! `signing_key` hold the keys and sign with them. `accounts` holds the passwords.

mod accounts;
mod agent;
mod key_file;
mod methods;
mod offer;
mod password;
mod progress;
mod public_key;
mod signer;
mod signing_key;

pub(super) use accounts::Passwords;
pub(super) use agent::Agents;
pub(super) use key_file::KeyFiles;
pub(super) use methods::run;
pub(super) use progress::Login;
pub(super) use public_key::keys_need_ssh;
