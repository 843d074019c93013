//! How large the values of a script may be.

/// Elements of a list and of all lists in it; bytes of a blob. Rhai counts them at every change, so far fewer
/// are slow already.
pub(super) const MAX_ARRAY: usize = 1_000_000;

/// Entries of a map and of all maps in it.
pub(super) const MAX_MAP: usize = 1_000_000;

/// Bytes of a string, and of all strings in a list or a map: the largest file that `read_file` gives.
pub(super) const MAX_TEXT: usize = 64 << 20;
