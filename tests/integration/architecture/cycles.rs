//! Import cycles between the files of a layer.
//!
//! An import is a name that one file uses and another defines, regardless of how it is reached: through
//! `super`, `self` or `crate`, or re-exported by a `mod.rs`. Declaring and re-exporting a module uses
//! nothing, so a `mod.rs` that does only that is in no cycle. A parent that uses what its children define
//! while they use what it defines is a cycle like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::modules::Modules;
use super::{layer_of, sources};

#[test]
fn files_of_a_layer_do_not_import_each_other() {
    let sources = sources("src");
    let files = sources.iter().map(|source| (&*source.path, &*source.text));
    let cycles = cycles(&Modules::of(files));
    let shown: Vec<_> = cycles.iter().map(Cycle::shown).collect();
    assert!(
        shown.is_empty(),
        "files that import each other:\n{}",
        shown.join("\n")
    );
}

/// Returns the files that import each other, directly or indirectly, with the first use of each import.
#[derive(Debug)]
struct Cycle(BTreeMap<(PathBuf, PathBuf), (usize, String)>);

impl Cycle {
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(|(importer, _)| &**importer)
    }

    fn shown(&self) -> String {
        let files: BTreeSet<_> = self.files().collect();
        let imports = self.0.iter().map(|((importer, definer), (line, path))| {
            format!(
                "    {}:{line} uses {path} of {}",
                importer.display(),
                definer.display()
            )
        });
        let head = format!("a cycle of {} files:", files.len());
        std::iter::once(head)
            .chain(imports)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn cycles(modules: &Modules) -> Vec<Cycle> {
    let mut imports = modules.imports();
    imports.retain(|(importer, definer), _| layer_of(importer) == layer_of(definer));
    let mut definers: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (importer, definer) in imports.keys() {
        definers.entry(importer).or_default().push(definer);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = definers
        .keys()
        .map(|importer| (*importer, reachable(importer, &definers)))
        .collect();
    let is_mutual = |one: &Path, other: &Path| {
        let leads = |from: &Path, to: &Path| reached.get(from).is_some_and(|all| all.contains(to));
        leads(one, other) && leads(other, one)
    };
    let mut cycles: BTreeMap<&Path, Cycle> = BTreeMap::new();
    for (pair @ (importer, definer), place) in &imports {
        if is_mutual(importer, definer) {
            let mut members = reached[&**importer].iter();
            let first = members.find(|other| is_mutual(importer, other));
            let cycle = cycles
                .entry(first.expect("the definer is one"))
                .or_insert_with(|| Cycle(BTreeMap::new()));
            cycle.0.insert(pair.clone(), place.clone());
        }
    }
    cycles.into_values().collect()
}

/// Returns the files that can be reached from one over its imports.
fn reachable<'i>(from: &Path, definers: &BTreeMap<&Path, Vec<&'i Path>>) -> BTreeSet<&'i Path> {
    let mut found = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for definer in definers.get(file).into_iter().flatten() {
            if found.insert(*definer) {
                next.push(definer);
            }
        }
    }
    found
}

mod on_samples {
    //! Tests that the check finds cycles.

    use super::*;

    /// Returns the files of each cycle.
    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(path, text)| (Path::new(path), *text));
        let shown = |cycle: &Cycle| {
            let files: BTreeSet<_> = cycle
                .files()
                .map(|file| file.display().to_string())
                .collect();
            files.into_iter().collect()
        };
        cycles(&Modules::of(files)).iter().map(shown).collect()
    }

    const ROOT: (&str, &str) = ("src/lib.rs", "pub mod run; pub mod task;");

    #[test]
    fn finds_a_cycle_in_every_form_of_import() {
        let b = ("src/run/b.rs", "use super::a::A; pub struct B(A);");
        for a in [
            "use super::b::B; pub struct A(B);",
            "use super::{b::{self, B}}; pub struct A(B);",
            "use super::b::*; pub struct A(B);",
            "use super::b; pub struct A(b::B);",
            "use super::b as c; pub struct A(c::B);",
            "pub struct A(super::b::B);",
            "pub struct A(crate::run::b::B);",
            "use super::B; pub struct A(B);",
            "use super::*; pub struct A(B);",
            "use crate::run::B; pub struct A(B);",
            "pub struct A; #[cfg(test)] mod tests { use super::super::B; }",
            "pub struct A; #[cfg(test)] mod tests { use super::*; use crate::run::B as C; }",
            "pub struct A; impl A { fn f() { use super::b::B; } }",
            "pub struct A; fn f() { super::b::made_by_a_macro(); }",
        ] {
            let module = (
                "src/run/mod.rs",
                "mod a; mod b; pub use a::A; pub use b::B;",
            );
            let cycles = found(&[ROOT, module, ("src/run/a.rs", a), b]);
            assert_eq!(cycles, [["src/run/a.rs", "src/run/b.rs"]], "{a}");
        }
    }

    #[test]
    fn a_module_that_only_re_exports_is_in_no_cycle() {
        let files = [
            ROOT,
            (
                "src/run/mod.rs",
                "mod a; mod b; pub use a::A; pub(crate) use b::B;",
            ),
            (
                "src/run/a.rs",
                "use super::B; pub struct A(B); #[cfg(test)] mod tests { use super::*; use super::A; }",
            ),
            (
                "src/run/b.rs",
                "// use super::A;\npub struct B { a: u8 } #[cfg(test)] mod tests;",
            ),
            (
                "src/run/b/tests.rs",
                "use super::*; fn f(b: B) { b.a(); B { a: 1 }; }",
            ),
            ("src/task/mod.rs", "use crate::run::A;"),
        ];
        assert_eq!(found(&files), Vec::<Vec<String>>::new());
    }

    #[test]
    fn finds_a_cycle_of_a_parent_and_its_children() {
        let child = ("src/run/a.rs", "use super::Run; pub struct A(Run);");
        for parent in [
            "mod a; pub use a::A; pub struct Run; fn f(a: A) {}",
            "mod a; pub struct Run; impl Run { fn f() { a::A::new(); } }",
            "mod a; use a::A; use self::b::Run; mod b { pub struct Run; }",
        ] {
            let cycles = found(&[ROOT, ("src/run/mod.rs", parent), child]);
            assert_eq!(cycles, [["src/run/a.rs", "src/run/mod.rs"]], "{parent}");
        }
        let re_exports = "mod a; pub use a::A; pub struct Run;";
        assert!(found(&[ROOT, ("src/run/mod.rs", re_exports), child]).is_empty());
    }

    #[test]
    fn finds_a_cycle_of_three_files() {
        let files = [
            ROOT,
            ("src/run/mod.rs", "mod a; mod b; mod c; mod d;"),
            ("src/run/a.rs", "use super::b::B; pub struct A;"),
            ("src/run/b.rs", "use super::c::C; pub struct B;"),
            ("src/run/c.rs", "use super::a::A; pub struct C;"),
            ("src/run/d.rs", "use super::a::A;"),
        ];
        assert_eq!(
            found(&files),
            [["src/run/a.rs", "src/run/b.rs", "src/run/c.rs"]]
        );
    }
}
