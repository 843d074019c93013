//! Checks the code, tests included, against the layers of `src/lib.rs`: what each may import, that the files
//! of a layer do not import each other ([`cycles`]), how long a file may be, what it must begin with and
//! which names are not allowed.

mod cycles;
mod dependencies;
mod modules;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use modules::{Modules, Named};

/// A layer and the layers that it may use, one per line. Everything that is not listed is forbidden.
const LAYERS: &[(&str, &str)] = &[
    ("model", ""),
    ("template", "model"),
    ("inventory", "model template"),
    ("ssh", ""),
    ("shell", "model"),
    ("store", "model"),
    ("report", "model"),
    ("transport", "model ssh shell"),
    ("task", "model shell transport"),
    ("declare", "model"),
    ("tasks", "model template shell task declare"),
    ("checks", "model shell declare"),
    ("run", "model inventory shell transport task store"),
    (
        "deploy",
        "model template inventory shell transport task declare checks run store",
    ),
    // A playbook reads a diff as a report displays it; only `cli` sets up reporters.
    (
        "script",
        "model template inventory shell transport task declare tasks checks run deploy store report",
    ),
    (
        "cli",
        "model template inventory shell transport task declare tasks checks run deploy store report script",
    ),
];

/// A crate that only some layers may use.
const CRATES: &[(&str, &[&str])] = &[
    ("rhai", &["script"]),
    ("openssh", &["transport"]),
    ("russh", &["ssh"]),
    ("clap", &["cli", "script"]),
    ("indicatif", &["report"]),
];

const LONGEST: usize = 500;

/// The number of columns that fit beside another file on a screen.
const WIDEST: usize = 110;

/// It holds lines of `/proc/net/tcp6`, which are wider.
const WIDE: &str = "src/checks/port.rs";

const FORBIDDEN_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "manager", "misc",
];

#[test]
fn layers_only_import_allowed_layers() {
    let sources = sources("src");
    let files = sources.iter().map(|source| (&*source.path, &*source.text));
    let broken = imports_that_break_the_table(&Modules::of(files));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_layer_is_in_the_table() {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let mut layers = modules_of(&text);
    assert_eq!(layers.len(), LAYERS.len());
    layers.retain(|layer| !is_layer(layer));
    assert!(layers.is_empty(), "not in the table of layers: {layers:?}");
}

#[test]
fn files_are_short_and_documented() {
    let broken: Vec<_> = ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|dir| sources(dir))
        .flat_map(|source| source.faults_of_form())
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A file of the project.
struct Source {
    /// Relative to the root of the project.
    path: PathBuf,
    text: String,
}

impl Source {
    fn faults_of_form(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let path = self.path.display();
        let lines = self.text.lines().count();
        if lines > LONGEST {
            faults.push(format!(
                "{path}: {lines} lines, and past {LONGEST} a file has two subjects"
            ));
        }
        for (at, line) in self.text.lines().enumerate() {
            let is_long = line.chars().count() > WIDEST;
            if is_long && self.path.starts_with("src") && !self.path.ends_with(WIDE) {
                faults.push(format!("{path}:{}: more than {WIDEST} columns", at + 1));
            }
        }
        if !self.text.starts_with("//!") {
            faults.push(format!(
                "{path}: does not begin with `//!`: what is it for, and who calls it?"
            ));
        }
        let stem = self
            .path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if FORBIDDEN_NAMES.contains(&stem) {
            faults.push(format!("{path}: `{stem}` names nothing"));
        }
        faults
    }
}

/// Returns `task` for `src/task/plan.rs`, and nothing for `src/lib.rs`, which declares all layers, and
/// `src/main.rs`.
fn layer_of(path: &Path) -> Option<&str> {
    let inner = path.strip_prefix("src").ok()?;
    let first = Path::new(inner.iter().next()?);
    let name = first.file_stem()?.to_str()?;
    (name != "lib" && name != "main").then_some(name)
}

fn imports_that_break_the_table(modules: &Modules) -> Vec<String> {
    let mut broken = BTreeSet::new();
    for (file, line, named) in modules.named() {
        let Some(layer) = layer_of(file) else {
            continue;
        };
        let fault = match &named {
            Named::InCrate(path) => path
                .first()
                .filter(|other| is_layer(other) && !may_import(layer, other))
                .map(|other| format!("the layer `{other}`")),
            Named::Relative(path) => CRATES
                .iter()
                .find(|(name, layers)| {
                    path.len() > 1 && path[0] == *name && !layers.contains(&layer)
                })
                .map(|(name, _)| format!("the crate `{name}`")),
        };
        if let Some(what) = fault {
            broken.insert((file, line, format!("`{layer}` may not name {what}")));
        }
    }
    let shown =
        |(file, line, fault): (&Path, usize, String)| format!("{}:{line}: {fault}", file.display());
    broken.into_iter().map(shown).collect()
}

fn may_import(layer: &str, other: &str) -> bool {
    let allowed = LAYERS.iter().find(|(name, _)| *name == layer);
    layer == other || allowed.is_some_and(|(_, allowed)| allowed.split(' ').any(|one| one == other))
}

fn is_layer(name: &str) -> bool {
    LAYERS.iter().any(|(layer, _)| *layer == name)
}

/// Returns the modules that `src/lib.rs` declares.
fn modules_of(text: &str) -> Vec<&str> {
    let declared = |line| str::strip_prefix(line, "pub mod ")?.strip_suffix(';');
    text.lines().filter_map(declared).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &str) -> Vec<Source> {
    let mut found = BTreeMap::new();
    let mut next = vec![root().join(dir)];
    while let Some(dir) = next.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                next.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                found.insert(
                    path.strip_prefix(root())
                        .expect("below the root")
                        .to_owned(),
                    text,
                );
            }
        }
    }
    found
        .into_iter()
        .map(|(path, text)| Source { path, text })
        .collect()
}

mod on_samples {
    //! Tests that these checks find violations.

    use std::path::Path;

    use super::modules::Modules;
    use super::{Source, imports_that_break_the_table};

    fn broken(path: &str, text: &str) -> Vec<String> {
        imports_that_break_the_table(&Modules::of([(Path::new(path), text)]))
    }

    #[test]
    fn finds_an_allowed_import_in_every_form() {
        for text in [
            "use crate::script::Engine;",
            "use crate::{model::Host, script::Engine};",
            "use crate::{\n    model::Host,\n    script::{Engine, x},\n};",
            "fn f() { crate::script::run(); }",
            "pub(crate) use crate::script;",
            "use super::super::script::Engine;",
            "macro_rules! m { () => { $crate::script::run() } }",
            "#[cfg(test)] mod tests { use crate::script::run; }",
        ] {
            let faults = broken("src/task/plan.rs", text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            assert!(
                faults[0].contains("src/task/plan.rs:1: `task` may not name the layer `script`"),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn ignores_imports_from_parents_and_within_a_layer() {
        for text in [
            "use crate::{model::{Host, script}, shell};",
            "use crate::task::Plan;",
            "// crate::script is what calls this",
            "fn f() { mycrate::script::run(); }",
            "fn f() { \"crate::script\"; '\"'; /* crate::cli */ }",
            "use super::script;",
        ] {
            assert_eq!(
                broken("src/task/plan.rs", text),
                Vec::<String>::new(),
                "{text}"
            );
        }
    }

    #[test]
    fn only_listed_layers_use_a_crate() {
        assert_eq!(broken("src/task/mod.rs", "use rhai::Dynamic;").len(), 1);
        assert_eq!(
            broken("src/tasks/file.rs", "fn f(x: &rhai::Map) {}").len(),
            1
        );
        assert_eq!(broken("src/run/mod.rs", "use openssh::Session;").len(), 1);
        assert!(broken("src/script/mod.rs", "use rhai::Dynamic;").is_empty());
        assert!(
            broken(
                "src/run/mod.rs",
                "use crate::transport::openssh::Connector;"
            )
            .is_empty()
        );
        assert!(broken("src/task/mod.rs", "let name = \"rhai::x\";").is_empty());
    }

    #[test]
    fn a_single_file_is_a_layer() {
        assert_eq!(broken("src/store.rs", "use crate::run::Run;").len(), 1);
        assert!(broken("src/lib.rs", "pub use crate::script::x;").is_empty());
    }

    #[test]
    fn finds_a_long_a_misnamed_and_an_undocumented_file() {
        let faults = |path: &str, text: &str| {
            Source {
                path: path.into(),
                text: text.into(),
            }
            .faults_of_form()
            .len()
        };
        assert_eq!(faults("src/task/plan.rs", "//! Plans.\n"), 0);
        assert_eq!(faults("src/task/plan.rs", "use x;\n"), 1);
        assert_eq!(faults("src/task/utils.rs", "//! Things.\n"), 1);
        assert_eq!(
            faults(
                "src/task/plan.rs",
                &format!("//! Plans.\n{}", "x\n".repeat(500))
            ),
            1
        );
    }
}
