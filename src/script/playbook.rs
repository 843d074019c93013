//! A playbook, compiled with everything that it imports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, Engine};

use crate::model::{Failure, FailureKind, decode};

use super::local;
use super::modules::{self, Modules};
use super::names;
use super::parse::Parser;
use super::source::Sources;
use super::trace;

/// The parts of a playbook that a run needs. Nothing of it has run yet.
#[derive(Debug)]
pub struct Playbook {
    /// As the user named it; positions use it.
    pub name: String,
    /// The directory that contains it, from which it may read files.
    pub directory: PathBuf,
    pub ast: Arc<AST>,
    pub sources: Arc<Sources>,
    pub modules: Arc<Modules>,
}

impl Playbook {
    /// Reads and compiles a playbook and its modules with this engine. The engine resolves its imports from
    /// then on.
    ///
    /// # Errors
    /// Everything that does not parse or cannot be imported.
    pub fn load(
        engine: &mut Engine,
        path: &Path,
        sources: &Arc<Sources>,
    ) -> Result<Self, Vec<Failure>> {
        let (playbook, failures) = Self::open(engine, path, sources)?;
        if failures.is_empty() {
            Ok(playbook)
        } else {
            Err(failures)
        }
    }

    /// The same for the checks, which continue if an import fails: the failures are returned with the
    /// playbook.
    ///
    /// # Errors
    /// The playbook itself cannot be read or does not parse.
    pub fn open(
        engine: &mut Engine,
        path: &Path,
        sources: &Arc<Sources>,
    ) -> Result<(Self, Vec<Failure>), Vec<Failure>> {
        let name = path.to_string_lossy().into_owned();
        let text = read(path).map_err(|failure| vec![failure])?;
        sources.set_playbook(&name, text.as_str());
        let parser = Parser::install(engine);
        let modules = modules::install(engine, &parser, Arc::clone(sources), path)
            .map_err(|error| vec![input(format!("cannot read {name}: {error}"))])?;
        let mut ast = parser
            .compile(engine, &text)
            .map_err(|error| vec![trace::parse_failure(&error, &name, sources)])?;
        ast.set_source(&name);
        let ast = Arc::new(ast);
        sources.insert_script(&ast);
        let failures = modules.load(engine, &ast);
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let playbook = Self {
            name,
            directory,
            ast,
            sources: Arc::clone(sources),
            modules,
        };
        Ok((playbook, failures))
    }

    /// The `//!` lines at the top.
    #[must_use]
    pub fn header(&self) -> String {
        names::doc(&[self.ast.doc()])
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let bytes = local::read_bounded(path).map_err(|error| {
        let failure = input(format!("cannot read the playbook {name}: {error}"));
        let with_extension = path.with_added_extension("rhai");
        if with_extension.is_file() {
            failure.hint(format!("Did you mean {}?", with_extension.display()))
        } else {
            failure
        }
    })?;
    decode(bytes).map_err(|error| {
        let name = name.to_string();
        input(format!("cannot read the playbook: {error}"))
            .hint(error.hint(&name))
            .at(Some(error.position(&name)))
    })
}

fn input(message: String) -> Failure {
    Failure::new(FailureKind::Input, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_playbook_that_is_not_utf8_with_the_position() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("latin.rhai");
        std::fs::write(&path, b"let a = 1;\nlet b = \"\xe9\";\n").expect("written");
        let failure = read(&path).expect_err("not text");
        let at = failure.at.expect("a place");
        assert_eq!((at.line, at.column), (2, 10));
        assert!(
            failure.message.contains("byte 10 of the line is 0xe9"),
            "{}",
            failure.message
        );
        assert!(failure.hint.expect("a hint").contains("iconv"));
        std::fs::write(&path, b"\xef\xbb\xbflet a = 1;\n").expect("written");
        assert_eq!(read(&path).expect("text"), "let a = 1;\n");
    }
}
