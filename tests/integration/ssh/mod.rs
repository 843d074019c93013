//! SSH as the user's own `ssh` speaks it, by either client: who gets in, what is said of a failure, and what
//! a connection carries.

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
