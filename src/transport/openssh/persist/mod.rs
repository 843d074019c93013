//! Connections that outlive a run: `--persist`.
//!
//! `ssh` itself holds such a connection in the background (`ControlPersist`, ssh_config(5)), behind a
//! control socket in a directory that only this user can enter. A later run opens its channels there: no
//! process, no handshake. The name of the socket depends on everything that matters for the connection, so
//! one that was opened differently is not found. A run that finds none opens one, under a lock, so that
//! only one of several runs does.

mod directory;
pub(super) mod files;
mod identity;
pub(super) mod kept;
pub(super) mod listing;
mod lock;
