//! SSH as the user's own `ssh` does it, by either client: which logins succeed, how failures are reported,
//! and what a connection can carry.

mod accounts;
mod algorithms;
mod configuration;
mod crowd;
mod dialogs;
mod errors;
mod identity;
mod jumps;
mod keys;
mod login;
mod passwords;
mod refusals;
mod streams;
