//! `packages::`: system packages. apt is the only supported package manager so far.

pub(crate) mod absent;
mod apt;
pub(crate) mod installed;
mod offers;
mod simulation;
mod spec;
mod version;
