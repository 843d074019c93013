//! The texts of a playbook and of the modules that it imports, by the name that a user reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rhai::AST;

use crate::model::{Failure, Position};

use super::check::{Part, argument_position};
use super::names::Names;

/// Every text that has been compiled. Shared by the module resolver, which fills it, and the diagnostics.
#[derive(Debug, Default)]
pub struct Sources {
    texts: RwLock<BTreeMap<String, Arc<str>>>,
    playbook: OnceLock<String>,
    names: OnceLock<Names>,
    /// Parsed, by the same names.
    scripts: RwLock<BTreeMap<String, Arc<AST>>>,
}

impl Sources {
    pub fn insert(&self, name: impl Into<String>, text: impl Into<Arc<str>>) {
        self.texts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), text.into());
    }

    /// Keeps the text of the playbook itself: what stands in no function stands in it.
    pub fn set_playbook(&self, name: &str, text: impl Into<Arc<str>>) {
        self.insert(name, text);
        // A second playbook with the same sources would be another run.
        let _ = self.playbook.set(name.to_owned());
    }

    /// Keeps what was made of a text. Its own source name is the key.
    pub fn insert_script(&self, script: &Arc<AST>) {
        let name = script.source().unwrap_or_default().to_owned();
        self.scripts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, Arc::clone(script));
    }

    /// Where a part of the call at this place stands, if the script has it there in so many words.
    #[must_use]
    pub fn part(&self, call: &Position, part: Part) -> Option<Position> {
        let scripts = self.scripts.read().unwrap_or_else(PoisonError::into_inner);
        argument_position(scripts.get(&call.file)?, call, part)
    }

    /// Where a key stands in the options of the call at this place, if the script has it there literally.
    #[must_use]
    pub fn key(&self, call: &Position, key: &str) -> Option<Position> {
        self.part(call, Part::Key(key))
    }

    /// The function of a script that a position is in, as its callers write it: `shop::backup` for a function
    /// of `lib/shop.rhai`, `backup` for one of the playbook's own.
    #[must_use]
    pub fn function_at(&self, at: &Position) -> Option<String> {
        let scripts = self.scripts.read().unwrap_or_else(PoisonError::into_inner);
        let place = |at: rhai::Position| Some((at.line()?, at.position().unwrap_or(1)));
        let here = Some((at.line, at.column));
        let function = scripts.get(&at.file)?.iter_fn_def().find(|function| {
            let (start, end) = (function.body.start_position(), function.body.end_position());
            !function.name.starts_with("anon$") && place(start) <= here && here <= place(end)
        })?;
        if at.file == self.playbook() {
            return Some(function.name.to_string());
        }
        let module = Path::new(&at.file).file_stem()?.to_string_lossy();
        Some(format!("{module}::{}", function.name))
    }

    /// The name of the playbook; empty before it is loaded.
    #[must_use]
    pub fn playbook(&self) -> &str {
        self.playbook.get().map_or("", String::as_str)
    }

    /// What a playbook can call; asked of the engine the first time.
    pub fn names(&self, engine: &rhai::Engine) -> &Names {
        self.names.get_or_init(|| Names::of(engine))
    }

    /// The same where the engine is not at hand: empty unless it was asked before.
    #[must_use]
    pub fn known_names(&self) -> &Names {
        static NONE: Names = Names::new();
        self.names.get().unwrap_or(&NONE)
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.texts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Failures with the line that they point to.
    #[must_use]
    pub fn with_lines(&self, mut failures: Vec<Failure>) -> Vec<Failure> {
        for failure in &mut failures {
            if failure.source_line.is_none() {
                failure.source_line = failure.at.as_ref().and_then(|at| self.line(at));
            }
        }
        failures
    }

    /// The line that a position stands in.
    #[must_use]
    pub fn line(&self, at: &Position) -> Option<String> {
        let text = self.text(&at.file)?;
        text.lines()
            .nth(at.line.checked_sub(1)?)
            .map(ToOwned::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_a_position() {
        let sources = Sources::default();
        sources.insert("x.rhai", "one\ntwo\n");
        let at = |line| Position {
            file: "x.rhai".into(),
            line,
            column: 1,
        };
        assert_eq!(sources.line(&at(2)).as_deref(), Some("two"));
        assert_eq!(sources.line(&at(3)), None);
        assert_eq!(sources.line(&at(0)), None);
    }
}
