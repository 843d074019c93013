//! A deployment that is killed: six shops behind HAProxy under load, two at a time, with a drain, a restart, a
//! command that appends a line, and one that runs only after a change.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::doubts::{self, Doubt, Resumed};
use crate::balancer::{Haproxy, Sampler, Samples, Site};
use crate::fleet::Sshd;
use crate::fleet::process::wait_until;
use crate::ops::Ops;
use crate::ran::Ran;
use crate::shop::{Load, Summary};

/// The balancer's own minimum must not help, and neither does it say who is out of service: the journal has to.
const PLAYBOOK: &str = r#"
import "std/haproxy" as haproxy;
let version = param("version", "the release");
let web = hosts("web");
let lb = haproxy::backend(hosts("lb"), "shop", #{
    socket: |b| b.vars.root + "/admin.sock", interval: "20ms", min_up: 0,
});
with_lock("deploy", || {
    rollout(web, #{
        batch: 2,
        max_unavailable: 2,
        min_healthy: "100ms",
        interval: "50ms",
        drain: |h| lb.drain(h),
        update: |h| {
            let root = h.vars.root;
            let restart = "sh " + quote(root + "/restart");
            let done = h.apply([
                files::file(root + "/release/VERSION", version + "\n"),
                task(#{
                    name: "restart the shop",
                    probe: `cd ${root} && cmp -s release/VERSION started && echo same`,
                    reads: [root],
                    writes: [root + "/started"],
                    plan: |found| if found.stdout != "same" { #{ apply: restart, undo_last: restart } },
                }),
            ]);
            h.run(`echo deployed ${version} >>${root}/lines; sleep 0.3`);
            if done[0].changed { h.run(`sleep 0.3; echo migrated ${version} >>${root}/lines`); }
        },
        healthy: |h| h.check(http(`http://${h.vars.shop}/healthz`, #{ body: version, timeout: "30s" })),
        readmit: |h| lb.ready(h),
    });
});
"#;

/// Requests per second, and the share of slow ones.
const LOAD: [&str; 11] = [
    "--rate",
    "200",
    "--slow-share",
    "0.05",
    "--connections",
    "32",
    "--timeout",
    "30",
    "--strict",
    "--slow-path",
    "/slow?ms=400",
];

/// How many shops must be in service at any time.
const FLOOR: usize = 4;

/// Files by path, each with its kind, mode and content.
type Tree = BTreeMap<String, String>;

pub(super) struct Deployment {
    pub site: Site,
    haproxy: Haproxy,
    pub ops: Ops,
    load: Load,
    sampler: Sampler,
    /// The files of each shop after an undisturbed run.
    trees: Vec<Tree>,
}

impl Deployment {
    /// Starts everything, and makes an undisturbed run. Also returns how many writes its journal took at most.
    pub(super) fn start(site: Site) -> (Self, usize) {
        let haproxy = Haproxy::start(&site, 0);
        let ops = site.ops().playbook(PLAYBOOK).limit(Duration::from_mins(3));
        let load = Load::start(&haproxy.url(), &LOAD);
        wait_until(
            || {
                let shops = site.shops().iter();
                shops
                    .map(|shop| haproxy.sessions(shop.name()))
                    .sum::<usize>()
                    > 0
            },
            || "no request is in flight".to_owned(),
        );
        let sampler = Sampler::start(haproxy.counter());
        let mut deployment = Self {
            site,
            haproxy,
            ops,
            load,
            sampler,
            trees: Vec::new(),
        };
        deployment.roll("2.0.0").run().ok();
        deployment.trees = deployment.trees("2.0.0");
        let writes = crate::ran::journal(&deployment.ops).len();
        deployment.is_whole("2.0.0", "undisturbed");
        (deployment, writes)
    }

    /// A run that rolls a version out.
    pub(super) fn roll(&self, version: &str) -> Ops {
        for shop in self.site.shops() {
            let _ = std::fs::remove_file(shop.root().join("lines"));
        }
        let args = ["--output", "json", "--var", &format!("version={version}")];
        self.ops.again(["run", "playbook.rhai"]).args(args)
    }

    /// Resumes until the version is rolled out.
    pub(super) fn resume(
        &self,
        roll: &Ops,
        version: &str,
        attempt: impl FnMut(&Ops) -> Ran,
    ) -> Resumed {
        let ran = |doubt: &Doubt| {
            let shops = self.site.shops().iter();
            let mut of_host = shops.filter(|shop| shop.name() == doubt.host);
            let shop = of_host.next().expect("the host of a shop");
            let mut words = ["deployed", "migrated"].into_iter();
            let word = words.find(|word| doubt.task.contains(word));
            let word = word.unwrap_or_else(|| panic!("unknown task: {doubt:?}"));
            lines(shop).contains(&format!("{word} {version}"))
        };
        doubts::resume(roll, ran, attempt)
    }

    /// Asserts that everything is as after an undisturbed run.
    pub(super) fn is_whole(&self, version: &str, at: &str) {
        for shop in self.site.shops() {
            let expected = [format!("deployed {version}"), format!("migrated {version}")];
            assert_eq!(lines(shop), expected, "{at}: {}", shop.name());
            let running = shop.processes_like("--release");
            assert_eq!(running.len(), 1, "{at}: {running:?}");
        }
        assert_eq!(self.trees(version), self.trees, "{at}");
        assert_eq!(self.site.versions(), [version; 6], "{at}");
        assert_eq!(self.haproxy.up(), 6, "{at}");
        for host in self.site.shops().iter().chain(self.site.balancers()) {
            assert!(is_free(host), "{at}: the lock is held on {}", host.name());
        }
    }

    fn trees(&self, version: &str) -> Vec<Tree> {
        let tree = |shop: &Sshd| {
            let mut tree = Tree::new();
            let root = shop.root();
            collect(&root, &root, version, &mut tree);
            tree
        };
        self.site.shops().iter().map(tree).collect()
    }

    /// Stops the load, and asserts that no request failed and that there were always enough shops in service.
    pub(super) fn finish(self) -> (Summary, Samples) {
        let samples = self.sampler.finish();
        let load = self.load.finish();
        println!(
            "{} requests, {} failed; {samples:?}",
            load.requests(),
            load.failed()
        );
        let load = load.ok();
        assert!(samples.least >= FLOOR, "{samples:?}");
        (load, samples)
    }
}

/// The lines that the commands of the deployment have appended.
fn lines(shop: &Sshd) -> Vec<String> {
    let text = std::fs::read_to_string(shop.root().join("lines")).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// The files below a directory, but for those that every start of the shop writes.
fn collect(root: &Path, dir: &Path, version: &str, tree: &mut Tree) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(dir).expect("the directory") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("it is below").display();
        let name = name.to_string();
        if ["log", "pid"].contains(&name.as_str()) {
            continue;
        }
        let mode = path.metadata().expect("it is there").permissions().mode();
        if path.is_dir() {
            tree.insert(name, format!("{mode:o}"));
            collect(root, &path, version, tree);
        } else {
            let text = std::fs::read_to_string(&path).expect("a text");
            let text = text.replace(version, "VERSION");
            tree.insert(name, format!("{mode:o} {text}"));
        }
    }
}

/// Whether nobody holds the lock on a host: the newest file of its directory says so.
fn is_free(host: &Sshd) -> bool {
    let files = std::fs::read_dir(host.state().join("locks/deploy")).expect("the lock");
    let newest = files.map(|file| file.expect("a file").path()).max();
    let text = std::fs::read_to_string(newest.expect("it was taken")).expect("a text");
    text.starts_with("free")
}
