//! What a host reports about itself when a session starts.

use serde::{Deserialize, Serialize};

use super::scrub::record;

record! {
    /// Facts of a host, gathered in the session's own first round trip. A field is empty (or `None`)
    /// if the host does not report it.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct HostFacts {
        /// `ID` of os-release: `debian`, `alpine`.
        pub os: String,
        /// `ID_LIKE` of os-release, split: `["debian"]` on Ubuntu.
        pub os_like: Vec<String>,
        /// `VERSION_ID` of os-release: `12`.
        pub os_version: String,
        /// `VERSION_CODENAME` of os-release: `bookworm`, `noble`.
        #[serde(default)]
        pub os_codename: String,
        /// `PRETTY_NAME` of os-release.
        pub os_name: String,
        /// `uname -m`: `x86_64`, `aarch64`.
        pub architecture: String,
        /// `uname -s`: `Linux`.
        pub kernel: String,
        /// `uname -r`.
        pub kernel_version: String,
        /// Process 1: `systemd`, `openrc`, `runit`, `sysvinit`, or the name of the process.
        pub init: String,
        /// What the host runs in: a container (`docker`, `podman`, `lxc`, `systemd-nspawn`) or a virtual
        /// machine (`qemu`, `vmware`, `hyperv`, `virtualbox`, `xen`, `amazon`, `google`). Empty for hardware,
        /// and if it is not known.
        #[serde(default)]
        pub virtualization: String,
        /// `apt`, `dnf`, `yum`, `zypper`, `apk`, `pacman`, `pkg` or empty.
        pub package_manager: String,
        /// The user that commands run as, and its numeric id.
        pub user: String,
        pub uid: u32,
        pub hostname: String,
        /// Always empty: a playbook asks for addresses with `h.addresses`. Kept for readers of events, which
        /// may expect the key.
        pub addresses: Vec<String>,
        /// Total bytes of memory.
        pub memory: Option<u64>,
        /// The number of processors that are online.
        pub cores: Option<u32>,
        /// Where ops keeps its state on the host for this user.
        pub state_dir: String,
    }
}
