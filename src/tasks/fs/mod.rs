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
pub use attributes::{Adjustment, Attributes, chmod};
pub use compressed::compressed;
pub use content::{Before, Content, LARGEST_DIFF, LARGEST_HELD, inline, sha256, sha256_of};
pub use entry_path::EntryPath;
pub use host_path::HostPath;
pub use mode::Mode;
pub use ownership::{Ownership, Principal};
pub use write::{Landing, Validation};
