//! Holds the layers of `src/lib.rs` against the code: what each may import, how long a file may be, what it
//! must begin with and what it may not be called.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A layer, and the layers that it may name, in a line. Whatever is not listed is forbidden.
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
    // A playbook reads a diff as a report draws it; wiring reporters is for `cli` alone.
    (
        "script",
        "model template inventory shell transport task declare tasks checks run deploy store report",
    ),
    (
        "cli",
        "model template inventory shell transport task declare tasks checks run deploy store report script",
    ),
];

/// A crate that only some layers may name.
const CRATES: &[(&str, &[&str])] = &[
    ("rhai", &["script"]),
    ("openssh", &["transport"]),
    ("russh", &["ssh"]),
    ("clap", &["cli", "script"]),
    ("indicatif", &["report"]),
];

const LONGEST: usize = 500;

const FORBIDDEN_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "manager", "misc",
];

#[test]
fn the_layers_import_one_way() {
    let broken: Vec<_> = sources("src")
        .iter()
        .flat_map(Source::imports_that_break_the_table)
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_layer_stands_in_the_table() {
    let mut layers: Vec<_> =
        modules_of(&fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs"));
    layers.retain(|layer| !LAYERS.iter().any(|(name, _)| name == layer));
    assert!(layers.is_empty(), "not in the table of layers: {layers:?}");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let broken: Vec<_> = ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|dir| sources(dir))
        .flat_map(|source| source.faults_of_form())
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A file of the project.
struct Source {
    /// From the root of the project.
    path: PathBuf,
    text: String,
}

impl Source {
    /// `task` for `src/task/plan.rs`; none for `src/lib.rs`, which declares them all, and `src/main.rs`.
    fn layer(&self) -> Option<String> {
        let inner = self.path.strip_prefix("src").ok()?;
        let first = Path::new(inner.components().next()?.as_os_str());
        let name = first.file_stem()?.to_str()?.to_owned();
        (name != "lib" && name != "main").then_some(name)
    }

    fn imports_that_break_the_table(&self) -> Vec<String> {
        let Some(layer) = self.layer() else {
            return Vec::new();
        };
        let allowed: Vec<_> = LAYERS
            .iter()
            .filter(|(name, _)| *name == layer)
            .flat_map(|(_, allowed)| allowed.split(' '))
            .collect();
        let mut broken = Vec::new();
        for (line, code) in self.code() {
            let mut fault = |what: &str, of: &str| {
                broken.push(format!(
                    "{}:{line}: `{layer}` may not name {what} `{of}`",
                    self.path.display()
                ));
            };
            for named in layers_named(&code) {
                if named != layer && !allowed.contains(&named.as_str()) && is_layer(&named) {
                    fault("the layer", &named);
                }
            }
            for (name, layers) in CRATES {
                if names_crate(&code, name) && !layers.contains(&layer.as_str()) {
                    fault("the crate", name);
                }
            }
        }
        broken
    }

    fn faults_of_form(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let path = self.path.display();
        let lines = self.text.lines().count();
        if lines > LONGEST {
            faults.push(format!(
                "{path}: {lines} lines, and past {LONGEST} a file has two subjects"
            ));
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

    /// The lines that are code, with their numbers; a `use` that spans lines is one, where it begins. Ends
    /// where the tests of the file begin: these may name what they like.
    fn code(&self) -> Vec<(usize, String)> {
        let mut code: Vec<(usize, String)> = Vec::new();
        let mut open = 0_i32;
        for (number, line) in (1..).zip(self.text.lines()) {
            if line.trim_start().starts_with("#[cfg(test)]") {
                break;
            }
            let line = line.split("//").next().unwrap_or_default();
            match code.last_mut() {
                Some((_, statement)) if open > 0 => statement.push_str(line.trim()),
                _ => code.push((number, line.trim().to_owned())),
            }
            if open > 0 || line.contains("crate::{") || line.contains("ops::{") {
                for letter in line.chars() {
                    open += i32::from(letter == '{') - i32::from(letter == '}');
                }
            }
        }
        code
    }
}

/// `task` and `model` in `use crate::{task::Plan, model::Host};`, `shell` in `crate::shell::quote(x)`.
fn layers_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, prefix) in code
        .match_indices("crate::")
        .chain(code.match_indices("ops::"))
    {
        let before = code[..at].chars().next_back();
        if before
            .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':' | '$'))
        {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => named.extend(heads_of_group(group)),
            None => named.push(identifier(rest)),
        }
    }
    named
}

/// The first word of each entry of `{a::b, c::{d, e}, f}`, from behind its first brace.
fn heads_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut entry, mut heads) = (0, String::new(), Vec::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(std::mem::take(&mut entry).trim())),
            _ if depth == 0 => entry.push(letter),
            _ => {}
        }
    }
    heads.push(identifier(entry.trim()));
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let starts = !before.is_some_and(|letter| {
            letter.is_alphanumeric() || matches!(letter, '_' | '"' | '.' | '/')
        });
        // `crate::script::rhai::x` names a module of ours.
        let ours = code[..at].ends_with("::") && !code[..at].ends_with(" ::");
        starts && !ours && code[at + name.len()..].starts_with("::")
    })
}

fn is_layer(name: &str) -> bool {
    LAYERS.iter().any(|(layer, _)| *layer == name)
}

/// The modules that a file declares.
fn modules_of(text: &str) -> Vec<String> {
    let declared = |line: &str| {
        Some(identifier(
            line.trim()
                .trim_start_matches("pub ")
                .strip_prefix("mod ")?,
        ))
    };
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
    //! That these checks find what they are for.

    use super::Source;

    fn broken(path: &str, text: &str) -> Vec<String> {
        Source {
            path: path.into(),
            text: text.into(),
        }
        .imports_that_break_the_table()
    }

    #[test]
    fn an_import_downwards_is_found_in_every_form() {
        for text in [
            "use crate::script::Engine;",
            "use crate::{model::Host, script::Engine};",
            "use crate::{\n    model::Host,\n    script::{Engine, x},\n};",
            "fn f() { crate::script::run(); }",
            "pub(crate) use crate::script;",
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
    fn an_import_upwards_or_within_is_none() {
        for text in [
            "use crate::{model::{Host, script}, shell};",
            "use crate::task::Plan;",
            "// crate::script is what calls this",
            "fn f() { mycrate::script::run(); }",
            "#[cfg(test)]\nmod tests { use crate::cli::run; }",
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
    fn only_its_layers_name_a_crate() {
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
    fn the_single_file_of_a_layer_is_in_it() {
        assert_eq!(broken("src/store.rs", "use crate::run::Run;").len(), 1);
        assert!(broken("src/lib.rs", "pub use crate::script::x;").is_empty());
    }

    #[test]
    fn a_long_file_a_nameless_one_and_one_without_a_word_are_found() {
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
