//! The queries to a host, and how many of them become one short script.
//!
//! Queries of one family share a process on the host: one `stat` for all paths, one `sha256sum` for all
//! files, one `dpkg-query` for all packages. A process takes about 0.7 ms on a host; a shell builtin takes
//! almost no time. One file per family; `probe` joins them.

mod contents;
mod files;
mod packages;
mod probe;
mod question;
mod scripts;
mod sections;
mod stamps;
#[cfg(test)]
mod tests;
mod unit_files;
mod units;
mod users;

pub use probe::{answers, render};
pub use question::Query;
pub use sections::Sections;
pub use units::{MISSING_LINKS, UPTIME};
