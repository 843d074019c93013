//! The maximum sizes of values in a script.

/// Elements of a list and of all lists in it; bytes of a blob. Rhai counts them at every change, so lists
/// become slow long before this limit.
pub(super) const MAX_ARRAY: usize = 1_000_000;

/// Entries of a map and of all maps in it.
pub(super) const MAX_MAP: usize = 1_000_000;

/// Bytes of a string, or of all strings in a list or a map: as large as the largest file that `read_file`
/// returns.
pub(super) const MAX_TEXT: usize = 64 << 20;
