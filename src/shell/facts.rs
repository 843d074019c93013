//! Parses what a host reports about itself in the hello.

use crate::model::HostFacts;

/// Parses the hello, which has a `<name> <value>` per line; see `sh/hello.sh`. A value that does not parse
/// stays empty.
pub(super) fn parse(hello: &str) -> HostFacts {
    let mut facts = HostFacts::default();
    let mut lines = hello.lines();
    while let Some(line) = lines.next() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "uid" => facts.uid = value.parse().unwrap_or(u32::MAX),
            "user" => value.clone_into(&mut facts.user),
            "os" => os_release(&mut facts, value),
            "uname" => uname(&mut facts, value),
            "init" => init(value).clone_into(&mut facts.init),
            "container" => value.clone_into(&mut facts.virtualization),
            "sys_vendor" => vendor(value).clone_into(&mut facts.virtualization),
            // A bare-metal machine of a cloud has the vendor of a virtual one.
            "product_name" if is_hardware(value) => facts.virtualization.clear(),
            "pkg" => value
                .strip_suffix("-get")
                .unwrap_or(value)
                .clone_into(&mut facts.package_manager),
            "mem" => facts.memory = value.parse::<u64>().ok().map(|kib| kib * 1024),
            "cpus" => facts.cores = count(value),
            "cores" => facts.cores = value.parse().ok(),
            // The last line, as only its value may contain a newline.
            "state" => {
                let mut state = vec![value];
                state.extend(lines.by_ref());
                facts.state_dir = state.join("\n");
            }
            _ => {}
        }
    }
    facts
}

/// A line of os-release: a value is bare or quoted as in `sh` (os-release(5)).
fn os_release(facts: &mut HostFacts, line: &str) {
    let Some((name, value)) = line.split_once('=') else {
        return;
    };
    let value = shlex::split(value).unwrap_or_default().join(" ");
    match name {
        "ID" => facts.os = value,
        "ID_LIKE" => facts.os_like = value.split_whitespace().map(str::to_owned).collect(),
        "VERSION_ID" => facts.os_version = value,
        "VERSION_CODENAME" => facts.os_codename = value,
        "PRETTY_NAME" => facts.os_name = value,
        _ => {}
    }
}

/// `uname -s -n -r -m`, whose output has this order whatever the order of the options.
fn uname(facts: &mut HostFacts, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let [kernel, hostname, version, .., architecture] = words[..] {
        kernel.clone_into(&mut facts.kernel);
        hostname.clone_into(&mut facts.hostname);
        version.clone_into(&mut facts.kernel_version);
        architecture.clone_into(&mut facts.architecture);
    }
}

fn init(comm: &str) -> &str {
    match comm {
        "init" => "sysvinit",
        other => other,
    }
}

/// The virtualization that this vendor's machines use; empty for a vendor of real machines.
fn vendor(sys_vendor: &str) -> &'static str {
    const VENDORS: [(&str, &str); 11] = [
        ("QEMU", "qemu"),
        ("VMware", "vmware"),
        ("Microsoft", "hyperv"),
        ("innotek", "virtualbox"),
        ("Xen", "xen"),
        ("Amazon EC2", "amazon"),
        ("Google", "google"),
        ("DigitalOcean", "digitalocean"),
        ("Hetzner", "hetzner"),
        ("OpenStack", "openstack"),
        ("Parallels", "parallels"),
    ];
    VENDORS
        .iter()
        .find(|(maker, _)| sys_vendor.starts_with(maker))
        .map_or("", |(_, name)| name)
}

fn is_hardware(product_name: &str) -> bool {
    product_name.strip_suffix(".metal").is_some()
        || product_name.contains(".metal-")
        || product_name.starts_with("Surface")
}

/// Counts a list like `0-3,6`.
fn count(list: &str) -> Option<u32> {
    list.trim().split(',').try_fold(0_u32, |total, range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
        total.checked_add(to.checked_sub(from)?.checked_add(1)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debian_host() {
        let facts = parse(
            "uid 1000\nuser amy\nos PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
             os VERSION_ID=\"12\"\nos VERSION_CODENAME=bookworm\nos ID=debian\n\
             uname Linux web1 6.1.0-28-amd64 x86_64\ninit systemd\nsys_vendor QEMU\n\
             product_name Standard PC\npkg apt-get\nmem 4030332\ncpus 0-2,5\n\
             can setsid\nstate /home/amy/.local/state/ops",
        );
        assert_eq!(
            facts,
            HostFacts {
                os: "debian".into(),
                os_like: Vec::new(),
                os_version: "12".into(),
                os_codename: "bookworm".into(),
                os_name: "Debian GNU/Linux 12 (bookworm)".into(),
                architecture: "x86_64".into(),
                kernel: "Linux".into(),
                kernel_version: "6.1.0-28-amd64".into(),
                init: "systemd".into(),
                virtualization: "qemu".into(),
                package_manager: "apt".into(),
                user: "amy".into(),
                uid: 1000,
                hostname: "web1".into(),
                addresses: Vec::new(),
                memory: Some(4_030_332 * 1024),
                cores: Some(4),
                state_dir: "/home/amy/.local/state/ops".into(),
            }
        );
    }

    #[test]
    fn detects_virtualization() {
        let inside = |hello: &str| parse(hello).virtualization;
        assert_eq!(inside("container docker"), "docker");
        assert_eq!(
            inside("sys_vendor VMware, Inc.\nproduct_name VMware7,1"),
            "vmware"
        );
        assert_eq!(
            inside("sys_vendor Amazon EC2\nproduct_name m5.large"),
            "amazon"
        );
        assert_eq!(inside("sys_vendor Amazon EC2\nproduct_name m5.metal"), "");
        assert_eq!(
            inside("sys_vendor Dell Inc.\nproduct_name PowerEdge R640"),
            ""
        );
    }

    #[test]
    fn facts_that_were_not_reported_are_unknown() {
        assert_eq!(parse(""), HostFacts::default());
        assert_eq!(parse("cpus x-\nmem \nuname Linux\nos ID").cores, None);
    }
}
