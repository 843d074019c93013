//! What apt would do for an installation: queried in check mode, without root, locks or apt's caches.

use super::spec::Spec;
use crate::shell::quote_str as quote;
use crate::task::{Query, Resource};

const HELD: &str = include_str!("held.sh");

/// Exits if there are no package lists, because apt then knows no packages.
const HAS_LISTS: &str = "set -- /var/lib/apt/lists/*Packages*\n\
    [ -e \"$1\" ] || { echo 'error=the host has no package lists yet'; exit 0; }\n";

const APT_GET: &str = "apt_get() {\n\
    apt-get -y -o Debug::NoLocking=1 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o \
    APT::Cmd::Pattern-Only=true \"$@\" </dev/null\n\
    }\n";

/// Prints why apt would fail: its first error, or the held packages.
const ASK: &str = "said=$(apt_get -s -qq \"$@\" 2>&1 >/dev/null | sed -n 's/^E: //p' | head -n 1)\n\
    [ -n \"$said\" ] || exit 0\n\
    find_held \"$@\"\n\
    printf 'error=%s\\n' \"${named:-apt would refuse: ${said%.}}\"";

/// The query for some packages. `release`: where to take them from. `is_fetched`: a run updates the package
/// lists before it gives up.
pub(crate) fn query(specs: &[Spec], release: Option<&str>, is_fetched: bool) -> Query {
    let names: Vec<String> = specs.iter().map(|spec| quote(&spec.argument())).collect();
    let release = release.map_or_else(String::new, |release| format!(" -t {}", quote(release)));
    let has_lists = if is_fetched { HAS_LISTS } else { "" };
    let packages = specs
        .iter()
        .map(|spec| Resource::Package(spec.name.clone()));
    let etc = Resource::Path("/etc/apt".to_owned());
    Query::Script {
        script: format!(
            "{has_lists}{APT_GET}{HELD}set -- install --allow-downgrades{release} {}\n{ASK}",
            names.join(" ")
        ),
        reads: std::iter::once(etc).chain(packages).collect(),
    }
}
