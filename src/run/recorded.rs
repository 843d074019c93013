//! What a host recorded of a command, as `records` reads it.

/// What a host recorded of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It did not begin, and will not.
    NotBegun,
    /// It ended by itself, with this code.
    Ended(u8),
    /// It began and did not end by itself, or the record is incomplete. It does not run any more.
    InDoubt,
}
