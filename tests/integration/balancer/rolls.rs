//! Whole rollouts with clients that keep their connections, and slow requests in flight: no request fails,
//! and the balancer always has as many servers as promised.

use std::collections::BTreeMap;

use super::nginx::UPSTREAM;
use super::sampler::{Sampler, Samples};
use super::{Haproxy, Nginx, Site, kill_shop};
use crate::fleet::Sshd;
use crate::fleet::process::wait_until;
use crate::ops::{Ops, Ran};
use crate::shop::{Load, Summary};

const HAPROXY: &str = r#"
import "std/haproxy" as haproxy;
let lb = haproxy::backend(hosts("lb"), "shop", #{ socket: |b| b.vars.root + "/admin.sock", interval: "20ms", OPTIONS });
"#;

const NGINX: &str = r#"
import "std/nginx" as nginx;
let lb = nginx::upstream(hosts("lb"), "shop", #{ UPSTREAM OPTIONS });
"#;

/// Rolls 2.0.0 out to the shops. The release is a file, and a restart loads it.
const ROLL: &str = r#"
rollout(hosts("web"), #{
    ROLLOUT
    min_healthy: "PROVED",
    interval: "50ms",
    update: |h| {
        let root = h.vars.root;
        let restart = "sh " + quote(root + "/restart");
        h.apply([
            files::file(root + "/release/VERSION", "2.0.0\n"),
            task(#{
                name: "restart the shop",
                probe: `cd ${root} && cmp -s release/VERSION started && echo same`,
                reads: [root],
                writes: [root + "/started"],
                plan: |found| if found.stdout != "same" { #{ apply: restart, undo_last: restart } },
            }),
        ]);
    },
    healthy: |h| h.check(http(`http://${h.vars.shop}/healthz`, #{ body: "2.0.0" })),
});
"#;

/// Requests per second, and the share of slow ones: few enough that they do not always reach the same shops.
const LOAD: [&str; 8] = [
    "--rate",
    "200",
    "--slow-share",
    "0.03",
    "--connections",
    "32",
    "--timeout",
    "30",
];

fn playbook(site: &Site, balancer: &str, options: &str, rollout: &str) -> Ops {
    let balancer = balancer.replace("UPSTREAM", UPSTREAM);
    let text = (balancer + ROLL)
        .replace("OPTIONS", options)
        .replace("ROLLOUT", rollout)
        .replace(
            "PROVED",
            if rollout.contains(SLOWLY) {
                "1m"
            } else {
                "500ms"
            },
        );
    site.ops()
        .playbook(&text)
        .args(["--output", "json"])
        .limit(std::time::Duration::from_mins(3))
}

/// The drain and the readmission of every rollout but one.
const DRAINED: &str = "drain: |h| lb.drain(h), readmit: |h| lb.ready(h),";

/// A rollout option: a host must stay healthy for longer than any other wait here.
const SLOWLY: &str = "/* slowly */";

/// A run under load, as seen by the balancer.
fn under_load(
    url: &str,
    load: &[&str],
    count: impl Fn() -> usize + Send + 'static,
    flying: impl Fn() -> bool,
    run: impl FnOnce() -> Ran,
) -> (Ran, Summary, Samples) {
    let load = Load::start(url, &[&LOAD[..], load].concat());
    wait_until(flying, || "no slow request is in flight".to_owned());
    let sampler = Sampler::start(count);
    let ran = run();
    let counted = sampler.finish();
    (ran, load.finish(), counted)
}

/// Describes the run for a reader of the log.
fn report(what: &str, ran: &Ran, load: &Summary, samples: &Samples) {
    println!(
        "{what}: {} requests, {} failed, {} slow, {} sent again; {samples:?}; batches beyond their hosts: {:?} ms",
        load.requests(),
        load.failed(),
        load.count(&["slow"]),
        load.count(&["sent_again"]),
        beyond_the_hosts(ran),
    );
}

/// How much longer each batch took than all phases of its slowest host.
fn beyond_the_hosts(ran: &Ran) -> Vec<u64> {
    let mut beyond = Vec::new();
    let mut phases: BTreeMap<String, u64> = BTreeMap::new();
    for event in ran.events() {
        let took = event["duration_ms"].as_u64();
        match (event["kind"].as_str(), took) {
            (Some("rollout.batch_started"), _) => phases.clear(),
            (Some("rollout.host"), Some(took)) => {
                let host = event["host"].as_str().expect("a host").to_owned();
                *phases.entry(host).or_default() += took;
            }
            (Some("rollout.batch_finished"), Some(took)) => {
                let slowest = phases.values().max().copied().unwrap_or(0);
                beyond.push(took.saturating_sub(slowest));
            }
            _ => {}
        }
    }
    beyond
}

#[test]
fn behind_haproxy_no_request_fails_and_capacity_is_kept() {
    let site = Site::new(1, 4);
    let haproxy = Haproxy::start(&site, 0);
    let first = site.shops()[0].name();
    let roll = format!("batch: 2, max_unavailable: 2, {DRAINED}");
    let ops = playbook(&site, HAPROXY, "min_up: 2", &roll);
    let (ran, load, samples) = under_load(
        &haproxy.url(),
        &["--strict"],
        haproxy.counter(),
        || haproxy.sessions(first) > 0,
        || ops.run(),
    );
    report("haproxy", &ran, &load, &samples);
    ran.ok();
    assert_eq!(site.versions(), ["2.0.0"; 4]);
    let load = load.ok();
    assert!(load.answered_by("1.0.0") > 0 && load.answered_by("2.0.0") > 0);
    assert!(samples.least >= 2, "{samples:?}");
    // The sampler sees the drains: two at a time, and all come back.
    assert!(samples.least < 4 && samples.most == 4, "{samples:?}");
    assert_eq!(haproxy.up(), 4);
}

#[test]
fn behind_nginx_no_request_fails_and_capacity_is_kept() {
    let site = Site::new(1, 4);
    let nginx = Nginx::start(&site, 0);
    let roll = format!("batch: 2, max_unavailable: 2, {DRAINED}");
    let ops = playbook(&site, NGINX, "min_up: 2", &roll);
    // nginx closes idle connections when it reloads. Clients send such a request again, and so does the load
    // generator.
    let (ran, load, samples) = under_load(
        &nginx.url(),
        &[],
        nginx.counter(),
        || super::get(nginx.address(), "/").contains("1.0.0"),
        || ops.run(),
    );
    report("nginx", &ran, &load, &samples);
    ran.ok();
    assert_eq!(site.versions(), ["2.0.0"; 4]);
    let load = load.ok();
    assert!(load.answered_by("1.0.0") > 0 && load.answered_by("2.0.0") > 0);
    assert!(samples.least == 2 && samples.most == 4, "{samples:?}");
}

/// What the tests above would see for a rollout without a drain; this shows that they can fail.
#[test]
fn without_a_drain_requests_fail() {
    let site = Site::new(1, 2);
    let haproxy = Haproxy::start(&site, 0);
    let first = site.shops()[0].name();
    let ops = playbook(&site, HAPROXY, "", "");
    let (ran, load, _) = under_load(
        &haproxy.url(),
        &["--strict"],
        haproxy.counter(),
        || haproxy.sessions(first) > 0,
        || ops.run(),
    );
    ran.ok();
    assert!(load.failed() > 0, "{:#}", load.json);
}

#[test]
fn with_two_balancers_no_request_fails_behind_either() {
    let site = Site::new(2, 2);
    let balancers = [Haproxy::start(&site, 0), Haproxy::start(&site, 1)];
    let first = site.shops()[0].name();
    let ops = playbook(&site, HAPROXY, "", DRAINED);
    let args = [&LOAD[..], &["--strict", "--slow-path", "/slow?ms=1000"]].concat();
    let other = Load::start(&balancers[1].url(), &args);
    let (ran, load, samples) = under_load(
        &balancers[0].url(),
        &["--strict", "--slow-path", "/slow?ms=1000"],
        balancers[1].counter(),
        || {
            balancers
                .iter()
                .all(|balancer| balancer.sessions(first) > 0)
        },
        || ops.run(),
    );
    report("two balancers", &ran, &load, &samples);
    ran.ok();
    load.ok();
    other.finish().ok();
    assert_eq!(site.versions(), ["2.0.0"; 2]);
    assert!(samples.least >= 1, "{samples:?}");
}

#[test]
fn a_missing_socket_ends_the_rollout_and_no_request_fails() {
    let site = Site::new(1, 4);
    let haproxy = Haproxy::start(&site, 0);
    let shops: Vec<_> = site.shops().iter().map(Sshd::name).collect();
    let ops = playbook(&site, HAPROXY, "", &format!("batch: 2, {DRAINED}"));
    let (ran, load, samples) = under_load(
        &haproxy.url(),
        &["--strict"],
        || 0,
        || haproxy.sessions(shops[0]) > 0,
        || {
            let run = ops.start();
            haproxy.wait_for(shops[0], "DRAIN");
            haproxy.wait_for(shops[1], "DRAIN");
            haproxy.lose_socket();
            run.wait()
        },
    );
    report("no socket", &ran, &load, &samples);
    let ran = ran.code(7);
    // Hosts that were out stay out and are named; all have the old version.
    let finished = ran.events_of("rollout.finished");
    let hosts = &finished[0]["hosts"];
    for (at, shop) in shops.iter().enumerate() {
        let fate = if at < 2 { "left_out" } else { "untouched" };
        assert_eq!(hosts[shop]["fate"], fate, "{hosts:#}");
        assert_eq!(hosts[shop]["version"], "old", "{hosts:#}");
    }
    assert!(
        ran.stdout.contains("HAProxy on h1 has no socket at"),
        "{ran}"
    );
    assert_eq!(site.versions(), ["1.0.0"; 4]);
    load.ok();
}

/// The rollout does not know that the balancer has already lost a server, but the balancer's module does.
#[test]
fn a_server_that_is_down_counts_when_others_are_drained() {
    let site = Site::new(1, 4);
    let haproxy = Haproxy::start(&site, 0);
    let shops: Vec<_> = site.shops().iter().map(Sshd::name).collect();
    kill_shop(&site.shops()[3]);
    haproxy.wait_for(shops[3], "DOWN");
    let ops = playbook(
        &site,
        HAPROXY,
        r#"min_up: "50%", deadline: "3s""#,
        // The first server is out for as long as the other waits for its turn.
        &format!("{SLOWLY} batch: 2, {DRAINED}"),
    );
    let (ran, load, samples) = under_load(
        &haproxy.url(),
        &["--strict", "--slow-path", "/slow?ms=500"],
        haproxy.counter(),
        || haproxy.sessions(shops[0]) > 0,
        || ops.run(),
    );
    report("one is down", &ran, &load, &samples);
    let ran = ran.code(6);
    assert!(
        ran.stdout.contains("too few servers of shop are UP"),
        "{ran}"
    );
    assert!(samples.least >= 2, "{samples:?}");
    assert_eq!(haproxy.up(), 3);
    load.ok();
}
