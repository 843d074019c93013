//! `files::`: files, directories and links.

pub mod absent;
pub mod directory;
pub mod file;
pub mod line;
mod line_edit;
mod line_pattern;
pub mod link;
pub mod template;
