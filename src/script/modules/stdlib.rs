//! The standard modules, which are part of the binary: `import "std/versions"`.

/// Name and text of every module in `stdlib/`; a test compares the list with the directory.
const MODULES: &[(&str, &str)] = &[
    ("app", include_str!("../../../stdlib/app.rhai")),
    ("balancer", include_str!("../../../stdlib/balancer.rhai")),
    (
        "environment",
        include_str!("../../../stdlib/environment.rhai"),
    ),
    ("haproxy", include_str!("../../../stdlib/haproxy.rhai")),
    (
        "haproxy_config",
        include_str!("../../../stdlib/haproxy_config.rhai"),
    ),
    ("nginx", include_str!("../../../stdlib/nginx.rhai")),
    (
        "nginx_config",
        include_str!("../../../stdlib/nginx_config.rhai"),
    ),
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

/// The names of the modules, without `std/`.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::script::engine;
    use crate::script::parse::Parser;

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

    /// During a call of a function of a playbook or module, Rhai 1.26.1 caches which function a name refers
    /// to, regardless of the calling module. If that function calls functions of two modules in turn, the
    /// second would call `probe(x)` of the first.
    #[test]
    fn private_functions_of_modules_have_distinct_signatures() {
        let mut engine = engine::base();
        let parser = Parser::install(&mut engine);
        let mut known: BTreeMap<(String, usize), (&str, bool)> = BTreeMap::new();
        for name in super::names() {
            let text = super::text(name).unwrap();
            let ast = parser.compile(&engine, text).unwrap();
            for function in ast.iter_fn_def() {
                let key = (function.name.to_string(), function.params.len());
                let private = function.access.is_private();
                if let Some((other, other_private)) = known.insert(key, (name, private)) {
                    assert!(
                        !private && !other_private,
                        "{}/{} is in {name} and in {other}",
                        function.name,
                        function.params.len()
                    );
                }
            }
        }
    }
}
