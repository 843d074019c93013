//! `import`: standard modules (`std/...`) and files next to the playbook, each compiled once.
//!
//! [`Modules::load`] compiles a playbook with everything that it imports before any of it runs, so missing
//! modules and cycles are found then. The resolver only evaluates modules that are already compiled.

mod closures;
mod locate;
pub mod stdlib;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{
    AST, ASTNode, Dynamic, Engine, EvalAltResult, Expr, GlobalRuntimeState, Module, ModuleResolver,
    Scope, Shared, Stmt,
};

use crate::model::{Failure, FailureKind};

use super::parse::Parser;
use super::position::position;
use super::source::Sources;
use super::trace;
use locate::Root;

/// The modules of one playbook.
#[derive(Debug)]
pub struct Modules {
    sources: Arc<Sources>,
    parser: Parser,
    root: Root,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The compiled modules, by the name that positions carry. The playbook itself is not included.
    asts: BTreeMap<String, Arc<AST>>,
    /// The evaluated modules, by the same name.
    modules: BTreeMap<String, Shared<Module>>,
    /// The module name of an import's path, by importer and path.
    names: BTreeMap<(String, String), String>,
}

/// Sets up `import` in this engine, and closures that a module returns or exports.
///
/// # Errors
/// The directory of the playbook cannot be found.
pub fn install(
    engine: &mut Engine,
    parser: &Parser,
    sources: Arc<Sources>,
    playbook: &Path,
) -> std::io::Result<Arc<Modules>> {
    let modules = Arc::new(Modules {
        sources,
        parser: parser.clone(),
        root: Root::of(playbook)?,
        known: RwLock::default(),
    });
    engine.set_module_resolver(Resolver(Arc::clone(&modules)));
    let of_closures = Arc::clone(&modules);
    closures::install(engine, move |function, parameters| {
        of_closures.defining(function, parameters)
    });
    Ok(modules)
}

impl Modules {
    /// Compiles the imports of this script and their imports, and reports everything that is wrong with them.
    #[must_use]
    pub fn load(&self, engine: &Engine, ast: &AST) -> Vec<Failure> {
        let name = ast.source().unwrap_or_default().to_owned();
        let mut failures = Vec::new();
        self.follow(engine, ast, &mut vec![name], &mut failures);
        for failure in &mut failures {
            if failure.source_line.is_none() {
                failure.source_line = failure.at.as_ref().and_then(|at| self.sources.line(at));
            }
        }
        failures
    }

    /// The compiled modules, by name.
    #[must_use]
    pub fn asts(&self) -> Vec<(String, Arc<AST>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .asts
            .iter()
            .map(|(name, ast)| (name.clone(), Arc::clone(ast)))
            .collect()
    }

    /// The module that `import "PATH"` in the module `importer` refers to, once it is loaded.
    #[must_use]
    pub fn imported(&self, importer: &str, path: &str) -> Option<(String, Arc<AST>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let name = known.names.get(&(importer.to_owned(), path.to_owned()))?;
        Some((name.clone(), Arc::clone(known.asts.get(name)?)))
    }

    /// Follows the imports of one script. `chain` holds the names from the playbook down to this script.
    fn follow(
        &self,
        engine: &Engine,
        ast: &AST,
        chain: &mut Vec<String>,
        failures: &mut Vec<Failure>,
    ) {
        let importer = chain.last().cloned().unwrap_or_default();
        for (path, at) in imports(ast) {
            let at = position(&importer, at);
            let fail = |message: String| Failure::new(FailureKind::Input, message).at(at.clone());
            let Some(path) = path else {
                failures.push(
                    fail("the path of an import must be a literal string".into())
                        .hint("Imports are read before the playbook runs."),
                );
                continue;
            };
            let compiled = match self.compile(engine, &importer, &path) {
                Ok(compiled) => compiled,
                Err(failure) => {
                    failures.push(failure.at(at));
                    continue;
                }
            };
            let (name, ast, new) = compiled;
            if let Some(from) = chain.iter().position(|known| *known == name) {
                let mut round: Vec<&str> = chain[from..].iter().map(String::as_str).collect();
                round.push(&name);
                failures.push(fail(format!(
                    "modules import each other: {}",
                    round.join(" → ")
                )));
            } else if new {
                chain.push(name);
                self.follow(engine, &ast, chain, failures);
                chain.pop();
            }
        }
    }

    /// Finds and compiles a module. The last field of the result says whether it is new.
    fn compile(
        &self,
        engine: &Engine,
        importer: &str,
        path: &str,
    ) -> Result<(String, Arc<AST>, bool), Failure> {
        if let Some((name, ast)) = self.imported(importer, path) {
            return Ok((name, ast, false));
        }
        let located = self
            .root
            .locate(importer, path)
            .map_err(|refused| Failure {
                hint: refused.hint,
                at: refused.at,
                ..Failure::new(FailureKind::Input, refused.message)
            })?;
        let key = (importer.to_owned(), path.to_owned());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ast) = known.asts.get(&located.name).map(Arc::clone) {
            known.names.insert(key, located.name.clone());
            return Ok((located.name, ast, false));
        }
        self.sources.insert(&located.name, located.text.as_str());
        let mut ast = self
            .parser
            .compile(engine, &located.text)
            .map_err(|error| trace::parse_failure(&error, &located.name, &self.sources))?;
        ast.set_source(&located.name);
        if let Some(other) = known
            .asts
            .values()
            .find(|other| closures::clash(other, &ast))
        {
            let (this, other) = (&located.name, other.source().unwrap_or_default());
            return Err(Failure::new(
                FailureKind::Input,
                format!("{this} and {other} have the same closure at the same line and column"),
            )
            .hint("They cannot be distinguished. Put an empty line above one of them."));
        }
        let ast = Arc::new(ast);
        known.names.insert(key, located.name.clone());
        self.sources.insert_script(&ast);
        known.asts.insert(located.name.clone(), Arc::clone(&ast));
        Ok((located.name, ast, true))
    }

    /// The evaluated module. Its top level runs the first time.
    fn module(
        &self,
        engine: &Engine,
        global: &GlobalRuntimeState,
        path: &str,
        at: rhai::Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let importer = global.source.as_deref().unwrap_or_default();
        let thrown = |failure: Failure| {
            let failure = failure.at(position(importer, at));
            Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(failure), at))
        };
        let (name, ast, _) = self.compile(engine, importer, path).map_err(thrown)?;
        if let Some(module) = self.evaluated(&name) {
            return Ok(module);
        }
        if global.level > engine.max_call_levels() {
            return Err(EvalAltResult::ErrorStackOverflow(at).into());
        }
        // A new state: the module sees neither the importer's variables nor its functions.
        let mut own = engine.new_global_runtime_state();
        own.tag = global.tag.clone();
        own.level = global.level + 1;
        own.num_operations = global.num_operations;
        let module = Module::eval_ast_as_new_raw(engine, &mut Scope::new(), &mut own, &ast)
            .map_err(|error| EvalAltResult::ErrorInModule(name.clone(), error, at))?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have evaluated it meanwhile. One of the two results is kept.
        Ok(known.modules.entry(name).or_insert(module.into()).clone())
    }

    fn evaluated(&self, name: &str) -> Option<Shared<Module>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.modules.get(name).cloned()
    }

    /// The evaluated module that defines a function with this name and number of parameters.
    fn defining(&self, function: &str, parameters: usize) -> Option<Shared<Module>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .modules
            .values()
            .find(|module| module.get_script_fn(function, parameters).is_some())
            .cloned()
    }
}

/// All imports of a script in order: path (if it is a literal) and position.
fn imports(ast: &AST) -> Vec<(Option<String>, rhai::Position)> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = nodes.last() {
            let path = match &import.0 {
                Expr::StringConstant(path, _) => Some(path.to_string()),
                _ => None,
            };
            found.push((path, import.0.start_position()));
        }
        true
    });
    found
}

struct Resolver(Arc<Modules>);

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        at: rhai::Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let mut global = engine.new_global_runtime_state();
        global.source = source.map(Into::into);
        self.0.module(engine, &global, path, at)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope,
        path: &str,
        at: rhai::Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        self.0.module(engine, global, path, at)
    }
}
