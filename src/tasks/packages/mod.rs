//! `packages::`: system packages. apt is the only supported package manager so far.

pub mod absent;
mod apt;
pub mod installed;
mod offers;
mod simulation;
mod spec;
mod version;
