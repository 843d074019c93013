//! full-deploy on empty machines with systemd, followed by an update, a broken release, and a rollback.

use std::process::{Command, Stdio};

use super::{playbook, project, vars};
use crate::fleet::{Container, Image, ignored};
use crate::ops::Ops;
use crate::shop::{Load, program};

/// Two hosts for the application and one for the balancer, with a login user who may use sudo.
struct Machines {
    web: [Container; 2],
    lb: Container,
    dist: tempfile::TempDir,
    ops: Ops,
}

impl Machines {
    /// `None`, with a message, if containers are left out.
    fn start() -> Option<Self> {
        let start = || Container::start(Image::Debian);
        let (web, lb) = ([start()?, start()?], start()?);
        let dist = tempfile::tempdir().expect("a directory");
        let ran = Command::new(project("examples/shop/make-releases"))
            .arg(program("shop"))
            .arg(dist.path())
            .output()
            .expect("the script runs");
        assert!(ran.status.success(), "{ran:?}");
        let mut inventory = String::from(
            "[all]\nbecome = true\nvars = { environment = \"staging\" }\n\n[groups.web.hosts]\n",
        );
        for (name, container) in ["web1", "web2"].iter().zip(&web) {
            inventory.push_str(&line(name, container));
        }
        inventory.push_str("\n[groups.lb.hosts]\n");
        inventory.push_str(&line("lb1", &lb));
        Some(Self {
            web,
            lb,
            dist,
            ops: Ops::new().inventory(&inventory),
        })
    }

    /// Returns a run of a playbook with a release, on hosts that only need to stay healthy for a short time.
    fn run(&self, name: &str, version: &str, more: &[(&str, &str)]) -> Ops {
        let artifact = self.dist.path().join(format!("shop-{version}.tar.gz"));
        let sum = std::fs::read_to_string(artifact.with_added_extension("sha256")).expect("a sum");
        let sha256 = sum.split(' ').next().expect("split gives one part");
        let artifact = artifact.display().to_string();
        let release = [
            ("version", version),
            ("artifact", &artifact),
            ("sha256", sha256),
        ];
        self.ops
            .again(["run", &playbook(name)])
            .args(vars(&release))
            .args(vars(more))
    }

    fn update(&self, version: &str) -> Ops {
        self.run("rolling-update.rhai", version, &QUICK)
    }

    /// Packs a release whose process is killed three seconds after its start.
    fn pack_one_that_dies(&self, version: &str) {
        let program = "(sleep 3; kill -s KILL $$) &\nexec \"${0%/*}/real\" \"$@\"\n";
        self.pack(version, program);
    }

    /// Packs a release whose process exits at once.
    fn pack_one_that_fails(&self, version: &str) {
        self.pack(version, "echo 'cannot open the keys' >&2; exit 3\n");
    }

    /// Packs a release with a wrapper instead of the real program, which is beside it.
    fn pack(&self, version: &str, program: &str) {
        let program = ops::shell::quote_str(&format!("#!/bin/sh\n{program}"));
        let script = format!(
            "set -e; mkdir dies; tar -C dies -xzf shop-1.0.0.tar.gz; cd dies\n\
             mv bin/shop bin/real; echo {version} >VERSION\n\
             printf %s {program} >bin/shop; chmod +x bin/shop\n\
             tar -czf ../shop-{version}.tar.gz .; cd ..; rm -rf dies\n\
             sha256sum shop-{version}.tar.gz >shop-{version}.tar.gz.sha256"
        );
        let ran = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.dist.path())
            .output()
            .expect("sh is installed");
        assert!(ran.status.success(), "{ran:?}");
    }

    /// A release that does not start is rolled back. The log has the output of this start, and not of earlier
    /// ones.
    fn does_not_take_one_that_fails(&self) {
        self.pack_one_that_fails("1.6.0");
        let ran = self.update("1.6.0").run().code(6);
        ran.stdout_has("web1: services::running shop.service: shop.service did not ")
            .stdout_has(": cannot open the keys")
            .stdout_has("web2: not started: the rollout was aborted after web1 failed")
            .stderr_has("cannot open the keys")
            .nowhere("listens on");
        self.forget_restarts();
        self.are_healthy_as("1.1.0");
    }

    /// A release that dies on a host that is back in service is not good, although it was healthy for long
    /// enough.
    fn finds_one_that_dies_later(&self) {
        let program = "(until [ -e /srv/shop/dies ]; do sleep 0.1; done; kill -s KILL $$) &\nexec \"${0%/*}/real\" \"$@\"\n";
        self.pack("1.7.0", program);
        let patient = [("min_healthy", "3s"), ("healthy_deadline", "30s")];
        let mut running = self.run("rolling-update.rhai", "1.7.0", &patient).start();
        running.wait_for("readmitted   web1");
        let [web1, _] = &self.web;
        web1.look("touch /srv/shop/dies; until [ $(systemctl show -P NRestarts shop) -gt 0 ]; do sleep 0.1; done; rm /srv/shop/dies");
        running.wait().code(3).stderr_has("restarted ");
        assert_eq!(
            self.each_of_web("grep '1.7.0 good' /srv/shop/releases/.history || echo none"),
            ["none", "none"]
        );
    }

    /// rollback takes every host from 1.1.0 to this version.
    fn goes_back_to(&self, version: &str) {
        let back = self.ops.again(["run", &playbook("rollback.rhai")]);
        let told = format!("runs 1.1.0, goes back to {version}");
        back.args(vars(&QUICK)).run().ok().stdout_has(&told);
        self.are_healthy_as(version);
    }

    /// The short form can update what full-deploy has set up: it rewrites the unit and the environment file.
    fn takes_the_short_form(&self) {
        let deploy = |version: &str| self.run("deploy.rhai", version, &QUICK);
        deploy("1.0.0").run().ok();
        self.are_healthy_as("1.0.0");
        deploy("1.0.0").run().ok().nowhere("changed ");
        deploy("1.1.0").run().ok().stdout_has("drain ");
        self.are_healthy_as("1.1.0");
        assert_eq!(
            self.each_of_web("grep -c '1.1.0 good' /srv/shop/releases/.history"),
            ["1", "1"]
        );
        // A release that does not start is rolled back, including the unit.
        deploy("1.6.0")
            .run()
            .code(6)
            .stdout_has("web1: services::running shop.service: shop.service did not ");
        self.forget_restarts();
        self.are_healthy_as("1.1.0");
    }

    /// While a release is rolled back, systemd may restart the unit before ops does, and counts that.
    fn forget_restarts(&self) {
        self.each_of_web("systemctl reset-failed shop");
    }

    /// Whether every host is healthy with this version.
    fn are_healthy_as(&self, version: &str) {
        let args = vars(&[("version", version), ("min_free", "0%")]);
        self.ops
            .again(["run", &playbook("health-check.rhai")])
            .args(args)
            .run()
            .ok()
            .stdout_has("2 hosts are healthy");
    }

    fn each_of_web(&self, command: &str) -> [String; 2] {
        self.web
            .each_ref()
            .map(|web| web.look(command).trim().to_owned())
    }
}

const QUICK: [(&str, &str); 2] = [("min_healthy", "500ms"), ("healthy_deadline", "10s")];

/// Returns the address at which other containers reach it.
fn address(container: &Container) -> String {
    let addresses = container.look("hostname -I");
    let first = addresses.split_whitespace().next();
    first.expect("a container has an address").to_owned()
}

fn line(name: &str, container: &Container) -> String {
    let endpoint = container.endpoint("deploy");
    format!(
        "{name} = {{ address = \"{}\", port = {}, user = \"deploy\", key_file = \"{}\", ssh_args = \"{}\", vars = {{ app_address = \"{}:8080\" }} }}\n",
        endpoint.address,
        endpoint.port,
        endpoint.key.display(),
        container.ssh_args(),
        address(container),
    )
}

/// Whether a program that is built here runs there: it needs a libc at least as new as the one that it was
/// built with.
fn runs_in(container: &Container) -> bool {
    let copied = Command::new("docker")
        .arg("cp")
        .arg(program("shop"))
        .arg(format!("{}:/root/shop", container.name()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let runs = copied.is_ok_and(|status| status.success())
        && container.exec("/root/shop --help").status.success();
    let _ = container.exec("rm -f /root/shop");
    runs
}

#[test]
fn sets_up_updates_and_rolls_back_new_hosts() {
    let Some(machines) = Machines::start() else {
        return;
    };
    if !runs_in(&machines.lb) {
        ignored("the programs that are built here need a newer libc than the containers have");
        return;
    }
    // The containers have their own repository, and no network.
    let base = [
        ("packages", "ops-hello"),
        ("expected_environment", "staging"),
    ];
    let deploy = machines.run("full-deploy.rhai", "1.0.0", &base);
    // Everything is known but the health of what does not exist yet, even after a package that has nothing to
    // do with it.
    let check = deploy.clone().arg("--check").run().ok();
    let check = check.stdout_has("services::running shop.service");
    let unknown = |line: &&str| line.starts_with("unknown");
    for line in check.stdout.lines().filter(unknown) {
        let is_told = ["/healthz: ", ": the host has no package lists yet"]
            .iter()
            .any(|why| line.contains(why));
        assert!(is_told, "{check}");
    }
    // Hosts of another environment than the given one are not changed.
    let elsewhere = [
        ("packages", "ops-hello"),
        ("expected_environment", "production"),
    ];
    machines
        .run("full-deploy.rhai", "1.0.0", &elsewhere)
        .run()
        .code(3)
        .stderr_has("for production");
    let traces = "ls -d /srv/shop /etc/shop 2>/dev/null; id -u shop 2>/dev/null || :";
    assert_eq!(machines.each_of_web(traces), ["", ""]);

    deploy
        .run()
        .ok()
        .stdout_has("shop 1.0.0 runs on 2 hosts behind 1");
    assert_eq!(
        machines.each_of_web("systemctl is-enabled shop"),
        ["enabled", "enabled"]
    );
    assert_eq!(
        machines.each_of_web("stat -c %U /proc/$(systemctl show -P MainPID shop)"),
        ["shop", "shop"]
    );
    assert!(machines.lb.look("dpkg -s ops-hello").contains("installed"));
    machines.are_healthy_as("1.0.0");

    // All of it is already done.
    deploy.run().ok().nowhere("changed ");

    let url = format!("http://{}/", address(&machines.lb));
    let args = [
        "--rate",
        "100",
        "--slow-share",
        "0.05",
        "--slow-path",
        "/slow?ms=1000",
    ];
    let load = Load::start(&url, &args);
    // The new target of the link is known, so the restart is known too.
    machines
        .update("1.1.0")
        .arg("--check")
        .run()
        .ok()
        .stdout_has("would change  web1  services::running shop.service (restarts shop.service: /srv/shop/current changed")
        .stdout_has("would process each host in 2 batches: drain it, update it")
        .nowhere("unknown");
    machines.update("1.1.0").run().ok();
    machines.are_healthy_as("1.1.0");

    // A broken release is rolled back, including the service.
    machines
        .update("1.2.0")
        .run()
        .code(6)
        .stderr_has("cannot read the price table");
    machines.are_healthy_as("1.1.0");
    assert_eq!(
        machines.each_of_web("readlink /srv/shop/current"),
        ["releases/1.1.0", "releases/1.1.0"]
    );

    machines.does_not_take_one_that_fails();

    // A release that dies three seconds after each start, and has restarted before anything checks it.
    machines.pack_one_that_dies("1.3.0");
    let patient = [("min_healthy", "6s"), ("healthy_deadline", "15s")];
    machines
        .run("rolling-update.rhai", "1.3.0", &patient)
        .run()
        .code(6)
        .stderr_has("restarted ");
    machines.are_healthy_as("1.1.0");

    // full-deploy does not update: that would restart all hosts at once.
    machines
        .run("full-deploy.rhai", "1.0.0", &base)
        .run()
        .code(3)
        .stderr_has("already runs 1.1.0: use playbooks/rolling-update.rhai");

    machines.goes_back_to("1.0.0");
    let summary = load.finish().ok();
    assert!(summary.answered_by("1.1.0") > 0, "{:#}", summary.json);

    machines.finds_one_that_dies_later();
    machines.takes_the_short_form();
}
