//! Verifies a host's identity like `ssh` does with `known_hosts`, certificates and revoked keys, and is never
//! less strict.
//!
//! The client calls [`HostVerifier::algorithms`] before it connects, and [`HostVerifier::check`] after the
//! host has presented its key. The decision is that of OpenSSH's `check_host_key` with `BatchMode=yes`, with
//! these differences, each of which makes it stricter: a revoked key is also refused with
//! `StrictHostKeyChecking=no`, and under every name of the lookup (without the port, by address); a
//! certificate that names no host is refused, in every version; a key is not stored if the connection is
//! refused. `UpdateHostKeys` is not supported: only a key that the host has proved to have is stored.
//!
//! | file | content |
//! |---|---|
//! | `verifier` | the expectations for one host |
//! | `check` | checks the presented key and stores a new one |
//! | `decision`, `refusal` | the decision, and the error for the user |
//! | `known_hosts`, `line`, `key` | files, their lines, and keys |
//! | `revocation` | `RevokedHostKeys` |

mod check;
mod decision;
mod key;
mod known_hosts;
mod line;
mod refusal;
mod revocation;
#[cfg(test)]
mod tests;
mod verifier;

pub use known_hosts::KnownHosts;
pub(super) use verifier::{DEFAULT_ALGORITHMS, host_key_needs_ssh};
pub use verifier::{HostKeyOffer, HostVerifier};
