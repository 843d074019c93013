//! Parses the text of a script to its syntax tree. Rhai's own parser does this, with two changes to the
//! language: `map?.key` is `()` if the map has no such key ([`keys`]), and a last parameter called
//! `options` may be left out ([`defaults`]).
//!
//! Rhai has no hook for either, only one that replaces a token by another. So such a text is parsed more
//! than once. The first pass finds the places. A later pass parses a text in which placeholders cover these
//! places, and the hook replaces each placeholder by the wanted token ([`edit`]). All other tokens keep
//! their positions, so errors and traces point to the same places as in the original text.

mod defaults;
mod edit;
mod keys;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{AST, Engine, ParseError, Position, Token};

use defaults::{Header, HeaderReader};
pub use defaults::{OPTIONS, has_options};
use edit::{Edit, Place};
use keys::{Key, KeyReader};
pub use keys::{OPTIONAL, optional_key};

/// Compiles scripts for one engine.
#[derive(Debug, Clone, Default)]
pub struct Parser(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Looking for places to edit.
    Reading(KeyReader, HeaderReader),
    /// Replaces placeholders by these tokens.
    Replacing(HashMap<Place, Token>),
}

impl Parser {
    /// Creates a parser and installs its hook in this engine.
    pub fn install(engine: &mut Engine) -> Self {
        let parser = Self::default();
        let hook = parser.clone();
        #[expect(
            deprecated,
            reason = "Rhai's mark for an interface that may change; the version is pinned"
        )]
        engine.on_parse_token(move |token, at, _| hook.state().token(token, at));
        parser
    }

    /// Compiles a text with the engine in which this parser is installed.
    ///
    /// # Errors
    /// The text does not parse.
    pub fn compile(&self, engine: &Engine, text: &str) -> Result<AST, ParseError> {
        if !text.contains("?.") && !text.contains(OPTIONS) {
            return engine.compile(text);
        }
        let (mut ast, keys, mut headers) = self.read(engine, text)?;
        let mut edits: Vec<Edit> = keys.iter().map(Key::edit).collect();
        if !edits.is_empty() {
            ast = self.edited(engine, text, &edits)?;
        }
        headers.retain(|header| !header.is_defined_without_options(&ast));
        if !headers.is_empty() {
            edits.extend(headers.iter().map(Header::edit));
            let short = self.edited(engine, text, &edits)?;
            defaults::add_missing(&mut ast, &short);
        }
        Ok(ast)
    }

    /// The tree of the unchanged text, and the places to edit.
    fn read(
        &self,
        engine: &Engine,
        text: &str,
    ) -> Result<(AST, Vec<Key>, Vec<Header>), ParseError> {
        *self.state() = State::Reading(KeyReader::default(), HeaderReader::default());
        let ast = engine.compile(text);
        let (keys, headers) = match std::mem::take(&mut *self.state()) {
            State::Reading(keys, headers) => (keys.found(), headers.found()),
            _ => Default::default(),
        };
        Ok((ast?, keys, headers))
    }

    fn edited(&self, engine: &Engine, text: &str, edits: &[Edit]) -> Result<AST, ParseError> {
        *self.state() = State::Replacing(edit::tokens(edits));
        let ast = engine.compile(edit::applied(text, edits));
        *self.state() = State::Idle;
        ast
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn token(&mut self, token: Token, at: Position) -> Token {
        match self {
            Self::Idle => token,
            Self::Replacing(tokens) => edit::place(at)
                .and_then(|at| tokens.remove(&at))
                .unwrap_or(token),
            Self::Reading(keys, headers) => {
                keys.read(&token, at);
                headers.read(&token, at);
                token
            }
        }
    }
}
