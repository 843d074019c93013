//! How long a lock holds without being renewed.

use std::time::Duration;

/// How long a lock holds without renewal, unless the playbook says otherwise. Long enough for a few renewals
/// to get lost.
pub const LEASE: Duration = Duration::from_secs(90);

/// A shorter lease would run out in a busy moment.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(3);

/// How many times a lease is renewed before it would run out.
pub(super) const RENEWALS: u32 = 4;
