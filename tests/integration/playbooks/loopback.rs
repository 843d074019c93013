//! rolling-update, health-check and rollback on the hosts of `examples/shop/fleet`, behind a real HAProxy and
//! under load.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{playbook, project, vars};
use crate::ops::Ops;
use crate::shop::{Load, program};

/// The hosts of the demonstration with version 1.0.0. They stop when the value is dropped, and with a killed
/// test process.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    watchdog: Child,
    pub ops: Ops,
}

impl Site {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let fleet = dir.path().join("fleet");
        let watchdog = watchdog(&fleet);
        let ran = Command::new(project("examples/shop/fleet"))
            .arg("up")
            .arg(&fleet)
            .output()
            .expect("the script runs");
        assert!(ran.status.success(), "{ran:?}");
        let ran = Command::new(project("examples/shop/make-releases"))
            .arg(program("shop"))
            .arg(dir.path())
            .output()
            .expect("the script runs");
        assert!(ran.status.success(), "{ran:?}");
        let inventory =
            std::fs::read_to_string(fleet.join("inventory.toml")).expect("an inventory");
        let site = Self {
            dir,
            watchdog,
            ops: Ops::new().inventory(&inventory),
        };
        let setup = project("examples/shop/setup.rhai").display().to_string();
        site.ops
            .again(["run", &setup])
            .args(site.release("1.0.0"))
            .run()
            .ok();
        site
    }

    /// Returns the parameters for a release.
    pub(crate) fn release(&self, version: &str) -> Vec<String> {
        let artifact = self.dir.path().join(format!("shop-{version}.tar.gz"));
        let sum = std::fs::read_to_string(artifact.with_added_extension("sha256")).expect("a sum");
        let sha256 = sum.split(' ').next().expect("split gives one part");
        let artifact = artifact.display().to_string();
        vars(&[
            ("version", version),
            ("artifact", &artifact),
            ("sha256", sha256),
        ])
    }

    /// Returns a run of a playbook whose hosts only need to stay healthy for a short time.
    fn roll(&self, name: &str) -> Ops {
        let quick = vars(&[
            ("batch", "50%"),
            ("min_healthy", "200ms"),
            ("healthy_deadline", "20s"),
        ]);
        self.ops.again(["run", &playbook(name)]).args(quick)
    }

    /// health-check for a version.
    pub(crate) fn health(&self, version: &str) -> Ops {
        let args = vars(&[("version", version), ("min_free", "0%")]);
        self.ops
            .again(["run", &playbook("health-check.rhai")])
            .args(args)
    }

    pub(crate) fn load(&self) -> Load {
        let inventory = std::fs::read_to_string(self.dir.path().join("fleet/inventory.toml"))
            .expect("an inventory");
        let (_, rest) = inventory
            .split_once("lb1 = { address = \"")
            .expect("the balancer");
        let (address, _) = rest.split_once('"').expect("its address");
        let args = [
            "--rate",
            "100",
            "--slow-share",
            "0.05",
            "--slow-path",
            "/slow?ms=500",
        ];
        Load::start(&format!("http://{address}:8000/"), &args)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Stops the fleet when its standard input closes.
fn watchdog(fleet: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; exec \"$1\" down \"$2\"", "watchdog"])
        .arg(project("examples/shop/fleet"))
        .arg(fleet)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh is installed")
}

#[test]
fn rolls_a_release_out_and_back_without_a_failed_request() {
    let site = Site::start();
    site.health("1.0.0")
        .run()
        .ok()
        .stdout_has("4 hosts are healthy");
    let load = site.load();

    let update = site.roll("rolling-update.rhai").args(site.release("1.1.0"));
    update.run().ok();
    site.health("1.1.0").run().ok();
    // Nothing is left to do: no release is unpacked, nothing is restarted, and no host is drained.
    update
        .run()
        .ok()
        .stdout_has("`update` would change nothing, and it is healthy")
        .nowhere("unpacks")
        .nowhere("shopctl")
        .nowhere("drained");
    // Another version answers.
    site.health("1.0.0").run().code(3).stdout_has("app1");

    let back = site.roll("rollback.rhai");
    back.run().ok().stdout_has("runs 1.1.0, goes back to 1.0.0");
    site.health("1.0.0").run().ok();

    let summary = load.finish().ok();
    assert!(summary.answered_by("1.1.0") > 0, "{:#}", summary.json);

    // 1.0.0 is the first release; nothing is changed to find that out.
    back.run().code(3).stderr_has("no good release");
    site.health("1.0.0").run().ok();
    // A given version need not be good, but it must exist.
    let named = back.again(["run", &playbook("rollback.rhai"), "--check"]);
    named.args(vars(&[("version", "1.1.0")])).run().ok();
}

#[test]
fn updating_one_host_drains_it_on_the_balancer() {
    let site = Site::start();
    let load = site.load();
    site.roll("rolling-update.rhai")
        .args(site.release("1.1.0"))
        .args(["--limit", "app2"])
        .run()
        .ok()
        .stdout_has("drain ")
        .nowhere("is empty");
    let summary = load.finish().ok();
    assert!(summary.answered_by("1.1.0") > 0, "{:#}", summary.json);
    assert!(summary.answered_by("1.0.0") > 0, "{:#}", summary.json);
}

#[test]
fn check_mode_goes_through_an_update_and_changes_nothing() {
    let site = Site::start();
    let load = site.load();
    site.roll("rolling-update.rhai")
        .args(site.release("1.1.0"))
        .arg("--check")
        .run()
        .ok()
        .stdout_has("would change");
    site.health("1.0.0").run().ok();
    let summary = load.finish().ok();
    assert_eq!(summary.answered_by("1.1.0"), 0, "{:#}", summary.json);
}
