//! Twenty tasks on hosts that are containers: they share the processors with the controller, so every process
//! that a host starts counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::figures::{Section, median, millis, ratio, shown, shown_ratio};
use crate::fleet::{Container, Endpoint, Image, inventory_text, ssh_config_text};
use crate::ops::{Ops, binary};
use crate::rivals::{self, at_once, timed};
use crate::work::{Amount, Work};
use crate::{Extent, FAST_EXCHANGE};

/// The work is done below this directory on every host.
const ROOT: &str = "/srv/bench";

struct Containers {
    hosts: Vec<Container>,
    endpoints: Vec<Endpoint>,
    ops: Ops,
}

impl Containers {
    fn start(count: usize) -> Self {
        let hosts: Vec<Container> = (0..count)
            .map_while(|_| Container::start(Image::Debian))
            .collect();
        let mut known_hosts = String::new();
        let mut endpoints = Vec::new();
        for (number, host) in hosts.iter().enumerate() {
            let reload = format!(
                "sed -i '1i {FAST_EXCHANGE}' /etc/ssh/sshd_config && systemctl restart ssh && mkdir -p {ROOT}"
            );
            host.look(&reload);
            let mut endpoint = host.endpoint("root");
            endpoint.name = format!("host{number}");
            endpoint.var("root", ROOT);
            let key = host.look("cat /etc/ssh/ssh_host_ed25519_key.pub");
            known_hosts += &format!("[{}]:{} {key}", endpoint.address, endpoint.port);
            endpoints.push(endpoint);
        }
        let ops = Ops::new();
        let known = ops.path("known_hosts");
        fs::write(&known, known_hosts).expect("a file");
        let config = ssh_config_text(&endpoints, &known);
        fs::write(ops.path("ssh_config"), config).expect("a file");
        let arguments = format!(
            "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null",
            known.display()
        );
        let ops = ops.file("hosts.ini", inventory_text(&endpoints, &arguments));
        Self {
            hosts,
            endpoints,
            ops,
        }
    }

    fn by_hand(&self, work: &Work) -> Result<Duration, String> {
        let dir: PathBuf = self.ops.path("");
        let script = work.script(&Path::new(ROOT).join(&work.name));
        fs::write(dir.join("script"), script).expect("a script");
        let names = self.endpoints.iter().map(|endpoint| endpoint.name.as_str());
        at_once(&dir, names, "ssh -F ssh_config HOST sh -s <script")
    }

    fn by_ops(&self, program: &Path, work: &Work, transport: &str) -> Result<Duration, String> {
        fs::write(self.ops.path("playbook.rhai"), work.playbook()).expect("a playbook");
        let mut command = self.ops.command_of(program);
        command
            .args(["run", "playbook.rhai", "-i", "hosts.ini", "-o", "plain"])
            .args(["--transport", transport]);
        timed(&mut command)
    }

    /// The resulting state of each host.
    fn look(&self, work: &Work) -> Vec<String> {
        let look = format!(
            "cd {ROOT}/{} && stat -c '%n %a' dir* dir*/file && cat dir*/file lines log",
            work.name
        );
        self.hosts.iter().map(|host| host.look(&look)).collect()
    }
}

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "containers",
        &format!("Twenty tasks on {} containers", extent.hosts),
        "The same tasks on Debian in containers on this machine. The hosts share its processors with the controller, so every process on a host counts.",
        &["", "first run", "ratio", "second run", "ratio"],
    );
    let containers = Containers::start(extent.hosts);
    if containers.hosts.len() < extent.hosts {
        section.remark("containers are left out");
        return section;
    }
    let mut rivals = vec![rivals::SCRIPT, rivals::NATIVE, rivals::OPENSSH];
    let base = rivals::base();
    rivals.extend(base.as_ref().map(|_| rivals::BASE));
    let mut times = vec![(Vec::new(), Vec::new()); rivals.len()];
    // The first round warms the caches.
    for round in 0..=extent.rounds {
        let mut looks = Vec::new();
        for turn in 0..rivals.len() {
            let at = (round + turn) % rivals.len();
            let work = Work::new(&format!("{at}-{round}"), Amount::TWENTY);
            let run = || match (rivals[at], &base) {
                (rivals::SCRIPT, _) => containers.by_hand(&work),
                (rivals::OPENSSH, _) => containers.by_ops(binary(), &work, "openssh"),
                (rivals::BASE, Some(base)) => containers.by_ops(base, &work, "native"),
                _ => containers.by_ops(binary(), &work, "native"),
            };
            match run().and_then(|first| Ok((first, run()?))) {
                Ok((first, second)) if round > 0 => {
                    times[at].0.push(first);
                    times[at].1.push(second);
                }
                Ok(_) => {}
                Err(reason) => {
                    section.wrong(&format!("{}: {reason}", rivals[at]));
                    return section;
                }
            }
            looks.push(containers.look(&work));
        }
        if looks.iter().any(|look| look != &looks[0]) {
            section.wrong("they did not bring about the same");
        }
    }
    let script = (median(&times[0].0), median(&times[0].1));
    for (name, (first, second)) in rivals.iter().zip(&times) {
        let compared = (
            ratio(median(first), script.0),
            ratio(median(second), script.1),
        );
        section.row(
            vec![
                (*name).to_owned(),
                shown(first),
                shown_ratio(compared.0),
                shown(second),
                shown_ratio(compared.1),
            ],
            json!({ "rival": name, "first_ms": millis(first), "second_ms": millis(second) }),
        );
        if *name == rivals::NATIVE {
            section.goal(
                "20 changing tasks on containers, native",
                compared.0,
                1.4,
                "x the script",
            );
        }
    }
    section
}
