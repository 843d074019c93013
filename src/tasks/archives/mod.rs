//! `archives::`: directories that are made of archives.

mod script;
mod source;
pub mod unpacked;
