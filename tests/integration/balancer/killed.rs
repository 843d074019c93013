//! Rollouts that are killed half-way, and the next run: it knows which hosts the first left out of service,
//! keeps `max_unavailable` and loses no request.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::sampler::Sampler;
use super::{Haproxy, Site};
use crate::generation::{is_long, seed};
use crate::ops::Ops;
use crate::shop::Load;

const PLAYBOOK: &str = r#"
import "std/haproxy" as haproxy;
let version = param("version", "the release");
// The balancer's own minimum must not help here.
let lb = haproxy::backend(hosts("lb", #{ limit: false }), "shop", #{ socket: |b| b.vars.root + "/admin.sock", interval: "20ms", min_up: 0 });
rollout(hosts("web"), #{
    batch: 3,
    max_unavailable: 2,
    min_healthy: "300ms",
    interval: "50ms",
    in_service: |h| lb.in_service(h),
    drain: |h| lb.drain(h),
    update: |h| {
        let root = h.vars.root;
        let restart = "sh " + quote(root + "/restart");
        h.apply([
            files::file(root + "/release/VERSION", version + "\n"),
            task(#{
                name: "restart the shop",
                probe: `cd ${root} && cmp -s release/VERSION started && echo same`,
                reads: [root],
                writes: [root + "/started"],
                plan: |found| if found.stdout != "same" { #{ apply: restart, undo_last: restart } },
            }),
        ]);
    },
    healthy: |h| h.check(http(`http://${h.vars.shop}/healthz`, #{ body: version })),
    readmit: |h| lb.ready(h),
});
"#;

/// Pseudo-random numbers, the same in every run of the test (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0x5EED_0000 ^ seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

#[test]
fn after_a_kill_the_next_run_keeps_the_minimum_and_loses_no_request() {
    let points = if is_long() { 10 } else { 3 };
    let site = Site::new(1, 6);
    let haproxy = Haproxy::start(&site, 0);
    let ops = site.ops().playbook(PLAYBOOK).limit(Duration::from_mins(3));
    let roll = |version: &str| -> Ops {
        let args = ["--output", "json", "--var", &format!("version={version}")];
        ops.again(["run", "playbook.rhai"]).args(args)
    };
    let load = Load::start(
        &haproxy.url(),
        &[
            "--rate",
            "300",
            "--slow-share",
            "0.03",
            "--connections",
            "32",
            "--timeout",
            "30",
            "--strict",
        ],
    );
    let counting = Sampler::start(haproxy.counter());
    let began = Instant::now();
    roll("2.0.0").run().ok();
    let mut whole = u64::try_from(began.elapsed().as_millis()).expect("it is short");

    let seed = seed();
    println!("OPS_TEST_SEED={seed}");
    let mut dice = Dice::new(seed);
    let (mut cut_short, mut found_out) = (0, 0);
    let mut point = 0;
    // A kill may come too late, or between two batches.
    while point < points || (found_out == 0 && point < points + 9) {
        point += 1;
        let version = format!("3.{point}.0");
        let mut running = roll(&version).start();
        let after = dice.below(whole);
        // The random moment is the point of the test, so nothing is waited for.
        std::thread::sleep(Duration::from_millis(after));
        running.signal(Signal::KILL);
        drop(running);
        let out: Vec<String> = site
            .shops()
            .iter()
            .map(|shop| shop.name().to_owned())
            .filter(|name| !haproxy.state(name).starts_with("UP"))
            .collect();
        if site.versions_now().iter().any(|now| *now != version) {
            cut_short += 1;
        } else {
            // The first one took longer: the machine was busier then.
            whole = whole.min(after.max(1));
        }

        let ran = roll(&version).run().ok();
        let told = "hosts out of service before the rollout";
        found_out += usize::from(ran.stdout.contains(told));
        println!(
            "killed after {after} ms, {out:?} out; next run: {}",
            ran.stdout.contains(told)
        );
        assert_eq!(site.versions(), [version.as_str(); 6], "{ran}");
        assert_eq!(haproxy.up(), 6, "{ran}");
    }
    let samples = counting.finish();
    let load = load.finish();
    println!(
        "{point} kills, {cut_short} before the end, {found_out} with hosts out: {} requests, {} failed; {samples:?}",
        load.requests(),
        load.failed()
    );
    load.ok();
    assert!(samples.least >= 4, "{samples:?}");
    assert!(found_out > 0, "no kill hit a host that was out of service");
}
