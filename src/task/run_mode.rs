//! Whether a run changes hosts.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    Apply,
    /// Plans only. A query that overlaps a planned change is answered from what that change predicts.
    Check,
}
