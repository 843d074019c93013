//! `packages::`: packages of the system. apt is the only package manager so far.

pub mod absent;
mod apt;
pub mod installed;
mod offers;
mod simulation;
mod spec;
mod version;
