//! The modules that come with ops, in the binary: `import "std/versions"`.

/// Name and text of every module of `stdlib/`; a test holds the list against the directory.
const MODULES: &[(&str, &str)] = &[
    (
        "environment",
        include_str!("../../../stdlib/environment.rhai"),
    ),
    ("haproxy", include_str!("../../../stdlib/haproxy.rhai")),
    ("nginx", include_str!("../../../stdlib/nginx.rhai")),
    ("release", include_str!("../../../stdlib/release.rhai")),
    (
        "requirements",
        include_str!("../../../stdlib/requirements.rhai"),
    ),
    ("systemd", include_str!("../../../stdlib/systemd.rhai")),
    ("versions", include_str!("../../../stdlib/versions.rhai")),
];

/// The text of `std/NAME`.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    MODULES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// What can be imported, without the `std/`.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn lists_every_file_of_the_directory() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/stdlib");
        let on_disk: BTreeSet<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".rhai").map(ToOwned::to_owned))
            .collect();
        let listed: BTreeSet<String> = super::names().map(ToOwned::to_owned).collect();
        assert_eq!(listed, on_disk);
    }
}
