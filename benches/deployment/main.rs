//! `make bench`: what a deployment costs, against the script that one would write by hand.
//!
//! The same twenty things (five directories, five files, five lines, five commands) are brought about on real
//! `sshd` hosts by `ops run` and by a parallel `ssh HOST sh -s`, in turns within one run, so that whatever else
//! the machine does meets both. A time counts only when the hosts are seen to be as they should. Writes
//! Markdown to standard output and `target/bench.md`, and the same figures to `target/bench.json`.
//!
//! `OPS_BENCH_HOSTS` (10) and `OPS_BENCH_ROUNDS` (7) say how much.

#[path = "../../tests/integration/fleet/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod fleet;
#[path = "../../tests/integration/ops.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ops;
#[path = "../../tests/integration/ran.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ran;

mod figures;
mod rivals;
mod startup;
mod work;

use std::time::Duration;

use figures::{Figures, Pair};
use fleet::{Fleet, Settings};
use rivals::Rival;
use work::Work;

/// OpenSSH's default spends most of a handshake's processor time on a post-quantum exchange, for both sides of
/// the comparison alike: set apart, it would hide what is compared.
const FAST_EXCHANGE: &str = "KexAlgorithms curve25519-sha256";

fn main() {
    // `cargo test --benches` and `cargo clippy` ask for a list of tests.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let hosts = number("OPS_BENCH_HOSTS", 10);
    let rounds = number("OPS_BENCH_ROUNDS", 7);
    let mut figures = Figures::new(hosts, rounds);

    let fast = Fleet::sshd_with(hosts, &Settings::default().config(FAST_EXCHANGE));
    figures.pair("curve25519 key exchange", &compare(&fast, rounds));
    drop(fast);
    let usual = Fleet::sshd(hosts);
    figures.pair("ssh's default key exchange", &compare(&usual, rounds));
    drop(usual);
    round_trips(&mut figures, rounds.min(5));
    startup::measure(&mut figures);

    let markdown = figures.markdown();
    print!("{markdown}");
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::write(target.join("bench.md"), markdown).expect("target/bench.md");
    std::fs::write(target.join("bench.json"), figures.json()).expect("target/bench.json");
}

/// Times of both, for a first run and for a second that has nothing to change.
fn compare(fleet: &Fleet, rounds: usize) -> [Pair; 2] {
    let (mut first, mut second) = (
        Pair::new("first run, all changes"),
        Pair::new("second run, nothing to change"),
    );
    let rivals = [Rival::script(fleet), Rival::ops(fleet)];
    for round in 0..=rounds {
        for at in 0..2 {
            // Who goes first changes: what one leaves warm is of no more use to the other.
            let rival = &rivals[(round + at) % 2];
            let work = Work::new(&format!("{}-{round}", rival.name()));
            let changing = rival.run(fleet, &work);
            work.verify(fleet, 1);
            let before = work.traces(fleet);
            let idle = rival.run(fleet, &work);
            work.verify(fleet, 2);
            assert_eq!(
                before,
                work.traces(fleet),
                "{} changed what was as it should be",
                rival.name()
            );
            // The first round warms the caches.
            if round > 0 {
                first.add(rival, changing);
                second.add(rival, idle);
            }
            work.remove(fleet);
        }
    }
    [first, second]
}

/// How often each waits for a host that is 50 ms away: the time that the distance adds, in round trips.
fn round_trips(figures: &mut Figures, rounds: usize) {
    let trip = Duration::from_millis(50);
    let near = Fleet::sshd_with(1, &Settings::default().config(FAST_EXCHANGE));
    let far = Fleet::sshd_with(
        1,
        &Settings::default().config(FAST_EXCHANGE).round_trip(trip),
    );
    let (at_hand, away) = (compare(&near, rounds), compare(&far, rounds));
    figures.pair("one host, at hand", &at_hand);
    figures.pair("one host, 50 ms away", &away);
    for (near, far) in at_hand.iter().zip(&away) {
        figures.round_trips(near, far, trip);
    }
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().map_or(otherwise, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number"))
    })
}
