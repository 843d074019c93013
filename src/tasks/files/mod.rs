//! `files::`: files, directories and links.

pub(crate) mod absent;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod line;
mod line_edit;
mod line_pattern;
pub(crate) mod link;
pub(crate) mod template;
