//! Whether a run changes hosts.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    Apply,
    /// Plans only. What overlaps a would-be change is planned on what that change says it would leave.
    Check,
}
