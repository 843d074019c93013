//! The one integration binary: `ops` as a user runs it, against real hosts. A file a topic; the hosts and
//! the builder that runs `ops` against them are in `fleet/` and `ops.rs`.

mod adding;
mod architecture;
mod balancer;
mod r#become;
mod cancel;
mod check;
mod check_mode;
mod connection;
mod cut;
mod demo;
mod examples;
// The benchmark uses these too, and neither uses all of them.
#[allow(dead_code, reason = "shared with the benchmark")]
mod fleet;
mod fleet_itself;
mod full_disk;
#[path = "../generation.rs"]
mod generation;
mod health;
mod inventory;
mod journal;
mod language;
mod limits;
mod lock;
mod new;
#[allow(dead_code, reason = "shared with the benchmark")]
mod ops;
mod over;
mod packages;
mod pages;
mod persist;
mod pipelines;
mod playbooks;
#[allow(dead_code, reason = "shared with the benchmark")]
mod ran;
mod records;
mod reference;
mod refused_writes;
mod replay;
mod resume;
mod rollout;
mod round_trips;
mod scale;
mod session;
#[allow(
    dead_code,
    reason = "what tests of rollouts, balancers and playbooks share"
)]
mod shop;
mod ssh;
mod stdlib;
mod system;
mod tasks;
mod terminal;
mod uploads;
mod waits;
