//! The files that a unit of systemd is read from.

use crate::task::Resource;

/// Where unit files are read from (systemd.unit(5)), and the init scripts that systemd generates units
/// from.
const DIRECTORIES: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/etc/init.d",
];

/// Whether a change can alter what is found of a unit. A package may bring one or start one. The effect of
/// one unit on another is up to the task that starts or stops it: see `alters` of a change.
pub(super) fn depends_on(unit: &str, altered: &Resource) -> bool {
    match altered {
        Resource::Path(path) | Resource::Entry(path) => DIRECTORIES.iter().any(|directory| {
            let within = path
                .trim_end_matches('/')
                .strip_prefix(directory)
                .and_then(|rest| rest.strip_prefix('/'));
            match within {
                Some(name) => is_part_of(unit, name),
                None => altered.overlaps(&Resource::Entry((*directory).to_owned())),
            }
        }),
        altered => altered.overlaps(&Resource::Service(unit.to_owned())),
    }
}

/// Whether a file of this name below a directory of units may belong to the unit: its own file, that of its
/// template, a drop-in, or a link by which another unit requires it.
fn is_part_of(unit: &str, name: &str) -> bool {
    let name = name.split('/').next().unwrap_or_default();
    let stem =
        |text: &str| -> String { text.split(['@', '.']).next().unwrap_or_default().to_owned() };
    let is_directory_of_links = [".d", ".wants", ".requires"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    is_directory_of_links || stem(name) == stem(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_own_files_matter_to_it() {
        let path = |p: &str| Resource::Path(p.to_owned());
        let on = |p: &str| depends_on("shop@1.service", &path(p));
        assert!(on("/etc/systemd/system/shop@.service"));
        assert!(on("/etc/systemd/system/shop@1.service.d/override.conf"));
        assert!(on("/etc/systemd/system/service.d/all.conf"));
        assert!(on("/etc/systemd"));
        assert!(on("/lib/systemd/system/"));
        assert!(!on("/etc/systemd/system/other.service"));
        assert!(!on("/etc/shop.conf"));
        assert!(depends_on("a.service", &Resource::Package("x".into())));
        assert!(depends_on(
            "a.service",
            &Resource::Service("a.service".into())
        ));
        assert!(!depends_on(
            "a.service",
            &Resource::Service("b.service".into())
        ));
    }
}
