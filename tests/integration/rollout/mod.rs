//! `rollout` on real hosts, in every way that it can go: the state of the hosts afterwards, and the exit
//! code.
//!
//! The service consists of files: `version` is what is installed, and `in-service` exists while the balancer
//! would send requests. Every step appends its name to `log`; a file `fail-STEP` makes it fail, and
//! `hold-STEP` holds it.

mod cost;
mod ends;
mod interrupts;
mod over_http;
mod shown;
mod state;

use std::fs;
use std::path::PathBuf;

use crate::fleet::{Fleet, Sshd, process};
use crate::ops::Ops;

const PLAYBOOK: &str = r#"
fn step(h, what, then) {
    h.run(`cd ${h.vars.root} && echo ${what} >> log && while test -e hold-${what}; do sleep 0.02; done && test ! -e fail-${what} && ${then}`);
}
rollout(hosts("all"), #{
    OPTIONS
    interval: "20ms",
    drain: |h| step(h, "drain", "rm -f in-service"),
    update: |h| {
        step(h, "update", "true");
        h.apply(files::file(h.vars.root + "/version", "2\n"));
        step(h, "updated", "true");
    },
    healthy: |h| h.run(`cd ${h.vars.root} && sh ./healthy 2`, #{ reads: true }),
    readmit: |h| step(h, "readmit", "touch in-service"),
    rollback_healthy: |h| step(h, "old", "grep -qx 1 version"),
});
log::info("after the rollout");
"#;

/// Healthy, unless a file says otherwise: `dies` after three checks, `stuck` with the old version.
const HEALTHY: &str = r#"
echo look >> looks
test -e hold-healthy && { echo healthy >> log; while test -e hold-healthy; do sleep 0.02; done; }
test -e fail-healthy && exit 1
test -e dies && test "$(wc -l < looks)" -gt 3 && { echo 'connection refused' >&2; exit 7; }
answer=$(cat stuck 2>/dev/null || cat version)
test "$answer" = "$1" || { echo "the answer is version $answer" >&2; exit 1; }
"#;

/// Hosts with the first version of the service, and a playbook that rolls out the second.
struct Service {
    fleet: Fleet,
    options: String,
}

impl Service {
    /// Options are lines of the map that `rollout` gets.
    fn new(hosts: usize, options: &str) -> Self {
        let fleet = Fleet::sshd(hosts);
        for host in fleet.hosts() {
            let root = host.root();
            for (file, text) in [
                ("version", "1\n"),
                ("in-service", ""),
                ("log", ""),
                ("healthy", HEALTHY),
            ] {
                fs::write(root.join(file), text).expect("a file of the service");
            }
        }
        let options = if options.contains("min_healthy") {
            options.to_owned()
        } else {
            format!("{options} min_healthy: \"60ms\",")
        };
        Self { fleet, options }
    }

    /// Creates a file on a host, counted from 1.
    fn with(self, host: usize, file: &str, text: &str) -> Self {
        fs::write(self.path(host, file), text).expect("a file of the service");
        self
    }

    fn host(&self, host: usize) -> &Sshd {
        &self.fleet.hosts()[host - 1]
    }

    fn path(&self, host: usize, file: &str) -> PathBuf {
        self.host(host).root().join(file)
    }

    fn ops(&self) -> Ops {
        let dir = self.fleet.dir().to_owned();
        let playbook = PLAYBOOK.replace("OPTIONS", &self.options);
        self.fleet
            .ops_with(|host| {
                let root = dir.join(&host.name).join("root");
                host.var("root", &root.display().to_string());
            })
            .playbook(&playbook)
    }

    /// The final state of each host: `1` or `2`, and `out` if it is not in service.
    fn left(&self) -> Vec<String> {
        let hosts = 1..=self.fleet.hosts().len();
        let left = hosts.map(|host| {
            let version = fs::read_to_string(self.path(host, "version")).expect("a version");
            let out = if self.path(host, "in-service").exists() {
                ""
            } else {
                " out"
            };
            format!("{}{out}", version.trim())
        });
        left.collect()
    }

    /// The steps of a host; consecutive health checks count as one.
    fn steps(&self, host: usize) -> Vec<String> {
        let log = fs::read_to_string(self.path(host, "log")).expect("a log");
        let mut steps: Vec<String> = log.lines().map(str::to_owned).collect();
        steps.dedup();
        steps
    }

    #[track_caller]
    fn wait_for_step(&self, host: usize, step: &str) {
        process::wait_until(
            || self.steps(host).iter().any(|done| done == step),
            || format!("host {host} never came to {step}: {:?}", self.steps(host)),
        );
    }
}
