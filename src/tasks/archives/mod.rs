//! `archives::`: directories unpacked from archives.

mod script;
mod source;
pub(crate) mod unpacked;
