//! Whether a host is who it should be: what `ssh` does with `known_hosts`, certificates and revoked keys, and
//! never less strict.
//!
//! The client asks [`HostVerifier::algorithms`] before it connects, and [`HostVerifier::check`] when the host
//! has presented its key. The decision is that of OpenSSH's `check_host_key` with `BatchMode=yes`, with these
//! differences, each of which refuses more: a revoked key is refused with `StrictHostKeyChecking=no` too, and
//! by every name of the lookup (without the port, by address); a certificate that names no host is refused in
//! every version; a key is not kept if the connection is refused. There is no `UpdateHostKeys`: only a key
//! that a host has proved to have is kept.
//!
//! | file | what it holds |
//! |---|---|
//! | `verifier` | what is expected of one host |
//! | `check` | the check of a key that it presents; keeping a new one |
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
