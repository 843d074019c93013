//! What tasks that manage files share: paths, modes, owners, contents, and how a file is written.

mod artifact;
mod attributes;
mod compressed;
mod content;
mod entry_path;
mod host_path;
mod mode;
mod ownership;
mod write;

pub use artifact::Artifact;
pub(crate) use attributes::{Adjustment, Attributes, chmod};
pub(crate) use compressed::compressed;
pub(crate) use content::{Before, LARGEST_DIFF, inline, sha256, sha256_of};
pub use content::{Content, LARGEST_HELD};
pub(crate) use entry_path::EntryPath;
pub(crate) use host_path::HostPath;
pub(crate) use mode::Mode;
pub(crate) use ownership::{Ownership, Principal};
pub(crate) use write::{Landing, Validation};
