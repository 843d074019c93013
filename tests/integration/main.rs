//! The one integration binary: `ops` as a user runs it, against real hosts. A file a topic; the hosts and
//! the builder that runs `ops` against them are in `fleet/` and `ops.rs`.

mod architecture;
// The benchmark uses these too, and neither uses all of them.
#[allow(dead_code, reason = "shared with the benchmark")]
mod fleet;
mod fleet_itself;
#[allow(dead_code, reason = "shared with the benchmark")]
mod ops;
#[allow(dead_code, reason = "shared with the benchmark")]
mod ran;
mod replay;
mod session;
mod tasks;
