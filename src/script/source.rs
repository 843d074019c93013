//! The texts of a playbook and of the modules that it imports, by the name shown to the user.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rhai::AST;

use crate::model::{Failure, Position};
use crate::store::{Source, SourceKind};

use super::check::{Part, argument_position};

/// Every compiled text. The module resolver adds texts, and the diagnostics read them.
#[derive(Debug, Default)]
pub struct Sources {
    texts: RwLock<BTreeMap<String, Arc<str>>>,
    playbook: OnceLock<String>,
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

    /// Stores the text of the playbook itself. Code outside of any function belongs to it.
    pub fn set_playbook(&self, name: &str, text: impl Into<Arc<str>>) {
        self.insert(name, text);
        // With the same sources, there is never a second playbook.
        let _ = self.playbook.set(name.to_owned());
    }

    /// Stores the syntax tree of a text. Its source name is the key.
    pub fn insert_script(&self, script: &Arc<AST>) {
        let name = script.source().unwrap_or_default().to_owned();
        self.scripts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, Arc::clone(script));
    }

    /// The position of a part of the call at this position, if it is a literal there.
    #[must_use]
    pub fn part(&self, call: &Position, part: Part) -> Option<Position> {
        let scripts = self.scripts.read().unwrap_or_else(PoisonError::into_inner);
        argument_position(scripts.get(&call.file)?, call, part)
    }

    /// The position of a key in the options of the call at this position, if they are a literal there.
    #[must_use]
    pub fn key(&self, call: &Position, key: &str) -> Option<Position> {
        self.part(call, Part::Key(key))
    }

    /// The script function that contains a position, as its callers write it: `shop::backup` for a function
    /// of `lib/shop.rhai`, `backup` for one of the playbook itself.
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

    /// The digests of all texts, for the journal.
    #[must_use]
    pub fn digests(&self) -> Vec<Source> {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        let source = |(name, text): (&String, &Arc<str>)| Source {
            kind: if name == self.playbook() {
                SourceKind::Playbook
            } else {
                SourceKind::Module
            },
            path: name.clone(),
            sha256: sha256(text.as_bytes()),
        };
        texts.iter().map(source).collect()
    }

    /// The name of the playbook; empty before it is loaded.
    #[must_use]
    pub fn playbook(&self) -> &str {
        self.playbook.get().map_or("", String::as_str)
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.texts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Adds to the failures the lines that they point to.
    #[must_use]
    pub fn with_lines(&self, mut failures: Vec<Failure>) -> Vec<Failure> {
        for failure in &mut failures {
            if failure.source_line.is_none() {
                failure.source_line = failure.at.as_ref().and_then(|at| self.line(at));
            }
        }
        failures
    }

    /// The text of the line that contains a position.
    #[must_use]
    pub fn line(&self, at: &Position) -> Option<String> {
        let text = self.text(&at.file)?;
        text.lines()
            .nth(at.line.checked_sub(1)?)
            .map(ToOwned::to_owned)
    }
}

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
