//! The modules of `src/`, what each defines and which names it uses.
//!
//! This scans tokens and is not a compiler: it knows modules, items, `use` and paths, but does not resolve
//! methods. An item that a macro defines counts as defined by the file that the path leads to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::tokens::{Token, tokens};

/// The path of a module in the crate: `["run", "waits"]`.
type ModulePath = Vec<String>;

/// A path in a file, in a `use` or anywhere else.
#[derive(Debug)]
pub(crate) struct Used {
    pub path: Vec<String>,
    pub line: usize,
    /// A re-export, which uses nothing itself.
    is_public: bool,
}

#[derive(Debug)]
struct Module {
    file: PathBuf,
    /// The names of the modules that it declares.
    children: HashSet<String>,
    items: HashSet<String>,
    /// Imports, by their local name.
    imports: Vec<(String, Used)>,
    /// The paths whose contents it imports: `use super::*`.
    globs: Vec<Used>,
    references: Vec<Used>,
}

impl Module {
    fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            children: HashSet::new(),
            items: HashSet::new(),
            imports: Vec::new(),
            globs: Vec::new(),
            references: Vec::new(),
        }
    }

    fn used(&self) -> impl Iterator<Item = &Used> {
        let imported = self.imports.iter().map(|(_, used)| used);
        imported.chain(&self.globs).chain(&self.references)
    }
}

/// What a name refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Module(ModulePath),
    /// An item, with the file that defines it.
    Item(PathBuf),
}

/// All modules of some files.
#[derive(Debug, Default)]
pub(crate) struct Modules(HashMap<ModulePath, Module>);

impl Modules {
    /// Reads files, given by their path from the root of the project and their text.
    pub(crate) fn of<'t>(files: impl IntoIterator<Item = (&'t Path, &'t str)>) -> Self {
        let mut modules = Self::default();
        for (file, text) in files {
            Reader {
                modules: &mut modules,
                file,
                open: vec![(module_of(file), 0)],
                depth: 0,
            }
            .read(&tokens(text));
        }
        modules
    }

    /// Returns which file imports from which other file: for each importer and definer, the line and path of
    /// the first use.
    pub(crate) fn imports(&self) -> BTreeMap<(PathBuf, PathBuf), (usize, String)> {
        let mut found = BTreeMap::new();
        for (at, module) in &self.0 {
            for used in module.used().filter(|used| !used.is_public) {
                for meaning in self.resolve(at, &used.path, &mut Vec::new()) {
                    if let Meaning::Item(file) = meaning
                        && file != module.file
                    {
                        let place = (used.line, used.path.join("::"));
                        let first = found
                            .entry((module.file.clone(), file))
                            .or_insert_with(|| place.clone());
                        *first = place.min(first.clone());
                    }
                }
            }
        }
        found
    }

    /// Returns all paths that are used, each with its file and line.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Path, usize, Named)> {
        self.0.iter().flat_map(|(at, module)| {
            let named = |used: &Used| (&*module.file, used.line, name(at, &used.path));
            module.used().map(named).collect::<Vec<_>>()
        })
    }

    /// Resolves a path in a module.
    fn resolve(&self, at: &ModulePath, path: &[String], seen: &mut Vec<Key>) -> Vec<Meaning> {
        match name(at, path) {
            Named::InCrate(absolute) => self.walk(&Vec::new(), &absolute, false, seen),
            Named::Relative(path) => self.walk(at, &path, true, seen),
        }
    }

    /// Follows a path from a module. `is_relative`: it may also begin with another crate or a variable.
    fn walk(
        &self,
        at: &ModulePath,
        path: &[String],
        is_relative: bool,
        seen: &mut Vec<Key>,
    ) -> Vec<Meaning> {
        let Some((first, rest)) = path.split_first() else {
            return vec![Meaning::Module(at.clone())];
        };
        let mut meanings = self.lookup(at, first, seen);
        if meanings.is_empty()
            && !is_relative
            && let Some(module) = self.0.get(at)
        {
            // A macro defined it.
            meanings.push(Meaning::Item(module.file.clone()));
        }
        if rest.is_empty() {
            return meanings;
        }
        let mut further = Vec::new();
        for meaning in &meanings {
            if let Meaning::Module(module) = meaning {
                further.extend(self.walk(module, rest, false, seen));
            }
        }
        if further.is_empty() {
            // `Type::new` belongs to the type.
            meanings.retain(|meaning| matches!(meaning, Meaning::Item(_)));
            return meanings;
        }
        further
    }

    /// Resolves a name in a module: what it defines, declares and imports.
    fn lookup(&self, at: &ModulePath, name: &str, seen: &mut Vec<Key>) -> Vec<Meaning> {
        let key = (at.clone(), name.to_owned());
        let Some(module) = self.0.get(at).filter(|_| !seen.contains(&key)) else {
            return Vec::new();
        };
        seen.push(key);
        let mut meanings = Vec::new();
        if module.children.contains(name) {
            let mut child = at.clone();
            child.push(name.to_owned());
            meanings.push(Meaning::Module(child));
        }
        if module.items.contains(name) {
            meanings.push(Meaning::Item(module.file.clone()));
        }
        for (_, used) in module.imports.iter().filter(|(alias, _)| alias == name) {
            meanings.extend(self.resolve(at, &used.path, seen));
        }
        if meanings.is_empty() {
            for used in &module.globs {
                for meaning in self.resolve(at, &used.path, seen) {
                    if let Meaning::Module(module) = meaning {
                        meanings.extend(self.lookup(&module, name, seen));
                    }
                }
            }
        }
        seen.pop();
        meanings
    }
}

/// A name that is being looked up in a module.
type Key = (ModulePath, String);

/// Where a path begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// With the root of this crate.
    InCrate(Vec<String>),
    /// With a name of the module, or with another crate.
    Relative(Vec<String>),
}

/// Removes `crate`, `self` and `super` from a path in a module.
fn name(at: &ModulePath, path: &[String]) -> Named {
    let mut base = match path.first().map(String::as_str) {
        Some("crate") => Vec::new(),
        Some("self" | "super") => at.clone(),
        _ => return Named::Relative(path.to_vec()),
    };
    let mut rest = path
        .iter()
        .skip_while(|word| matches!(word.as_str(), "crate" | "self"))
        .peekable();
    while rest.next_if(|word| *word == "super").is_some() {
        base.pop();
    }
    base.extend(rest.cloned());
    Named::InCrate(base)
}

/// Returns `["run", "waits"]` for `src/run/waits/mod.rs`, and nothing for `src/lib.rs`.
fn module_of(file: &Path) -> ModulePath {
    let inner = file.strip_prefix("src").unwrap_or(file).with_extension("");
    let mut path: Vec<String> = inner
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod") || path == ["lib"] {
        path.pop();
    }
    path
}

/// Reads the tokens of one file.
struct Reader<'m> {
    modules: &'m mut Modules,
    file: &'m Path,
    /// The modules that are open at this point, each with the depth of braces of its items.
    open: Vec<(ModulePath, usize)>,
    depth: usize,
}

const MODULES: &[&str] = &["crate", "self", "super"];

const ITEMS: &[&str] = &[
    "fn", "struct", "enum", "trait", "type", "const", "static", "union",
];

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        let (path, _) = self.open.last().expect("the file's own module stays open");
        let file = self.file;
        self.modules
            .0
            .entry(path.clone())
            .or_insert_with(|| Module::new(file))
    }

    fn read(mut self, tokens: &[Token<'_>]) {
        self.module();
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let is_word = |at: usize| tokens.get(at).is_some_and(Token::is_word);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).map_or("", text);
            match token.text {
                "{" => self.depth += 1,
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.open.len() > 1
                        && self
                            .open
                            .last()
                            .is_some_and(|(_, depth)| self.depth < *depth)
                    {
                        self.open.pop();
                    }
                }
                "mod" if is_word(at + 1) => {
                    let name = text(at + 1).to_owned();
                    self.module().children.insert(name.clone());
                    if text(at + 2) == "{" {
                        let (mut path, _) = self.open.last().cloned().unwrap_or_default();
                        path.push(name);
                        self.depth += 1;
                        self.open.push((path, self.depth));
                        self.module();
                        at += 1;
                    }
                    at += 1;
                }
                "use" if is_word(at + 1) || matches!(text(at + 1), "::" | "{") => {
                    let is_public = before == "pub" || (before == ")" && is_restricted(tokens, at));
                    at = self.import(tokens, at + 1, is_public, token.line);
                    continue;
                }
                "macro_rules" if text(at + 1) == "!" => {
                    let name = text(at + 2).to_owned();
                    self.module().items.insert(name);
                    at += 2;
                }
                word if ITEMS.contains(&word) && is_word(at + 1) => {
                    let name = text(at + 1);
                    if !ITEMS.contains(&name) && !matches!(name, "unsafe" | "async" | "extern") {
                        if self.is_at_top() {
                            self.module().items.insert(name.to_owned());
                        }
                        at += 1;
                    }
                }
                _ if token.is_word() && !matches!(before, "." | "::") => {
                    let mut path = vec![token.text.to_owned()];
                    while text(at + 1) == "::" && is_word(at + 2) {
                        path.push(text(at + 2).to_owned());
                        at += 2;
                    }
                    let is_field = path.len() == 1 && text(at + 1) == ":";
                    let is_module = path.iter().all(|word| MODULES.contains(&&**word));
                    if !is_field && !is_module {
                        let (line, is_public) = (token.line, false);
                        self.module().references.push(Used {
                            path,
                            line,
                            is_public,
                        });
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn is_at_top(&self) -> bool {
        self.open
            .last()
            .is_some_and(|(_, depth)| *depth == self.depth)
    }

    /// Reads the tokens after a `use`, and returns the position after it.
    fn import(&mut self, tokens: &[Token<'_>], at: usize, is_public: bool, line: usize) -> usize {
        let mut leaves = Vec::new();
        let end = tree(tokens, at, &[], &mut leaves);
        for (mut path, alias) in leaves {
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default();
            let used = Used {
                path,
                line,
                is_public,
            };
            if alias == "*" {
                self.module().globs.push(used);
            } else {
                self.module().imports.push((alias, used));
            }
        }
        end
    }
}

/// A path of a `use`, and its local name, if it has one: `*` for the contents of the path.
type Leaf = (Vec<String>, Option<String>);

/// Reads one tree of a `use`, and returns the position after it.
fn tree(tokens: &[Token<'_>], mut at: usize, prefix: &[String], leaves: &mut Vec<Leaf>) -> usize {
    let text = |at: usize| tokens.get(at).map_or(";", |token| token.text);
    let mut path = prefix.to_vec();
    loop {
        match text(at) {
            "::" => at += 1,
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | ";") {
                    at = tree(tokens, at, &path, leaves);
                    at += usize::from(text(at) == ",");
                }
                return at + 1;
            }
            "*" => {
                leaves.push((path, Some("*".to_owned())));
                return at + 1;
            }
            "as" => {
                leaves.push((path, Some(text(at + 1).to_owned())));
                return at + 2;
            }
            "," | "}" | ";" => {
                leaves.push((path, None));
                return at;
            }
            word => {
                path.push(word.to_owned());
                at += 1;
            }
        }
    }
}

/// Whether the tokens that end before `at` are `pub(...)`.
fn is_restricted(tokens: &[Token<'_>], at: usize) -> bool {
    let open = tokens[..at].iter().rposition(|token| token.text == "(");
    open.and_then(|open| tokens[..open].last())
        .is_some_and(|token| token.text == "pub")
}
