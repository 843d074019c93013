//! From the text of a script to its tree. Rhai's own parser does it, with two changes to the language:
//! `map?.key` is `()` where the map has no such key ([`keys`]), and a last parameter called `options` may be
//! left out ([`defaults`]).
//!
//! Rhai has no hook for either, only one that replaces a token by another. So such a text is parsed more than
//! once. The first pass finds the places. A later pass parses a text in which placeholders cover these
//! places, and the hook turns each placeholder into the token that is wanted there ([`edit`]). All other
//! tokens keep their positions, so that errors and traces point where they would in the text as it was
//! written.

mod defaults;
mod edit;
mod keys;

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
    /// These tokens stand where placeholders do.
    Replacing(HashMap<Place, Token>),
}

impl Parser {
    /// A parser whose hook is in this engine.
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

    /// Compiles a text with the engine that this parser is in.
    ///
    /// # Errors
    /// What does not parse.
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

    /// The tree of a text as it was written, and the places to edit.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{engine, lookup};

    fn value(script: &str) -> String {
        let mut engine = engine::base();
        let parser = Parser::install(&mut engine);
        lookup::install(&mut engine, |_, _, _, _| Ok(None));
        let ast = parser.compile(&engine, script).unwrap();
        match engine.eval_ast::<rhai::Dynamic>(&ast) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_key_that_is_missing_is_nothing() {
        for (script, expected) in [
            ("let m = #{}; m?.x ?? \"d\"", "d"),
            ("let m = #{x: 1}; m?.x ?? \"d\"", "1"),
            ("let m = (); m?.x ?? \"d\"", "d"),
            ("let m = (); m?.x.y.z ?? \"d\"", "d"),
            ("let m = #{a: #{}}; m?.a?.key?.other ?? \"d\"", "d"),
            ("let m = #{a: #{key: 7}}; m.a?.key - 1", "6"),
            ("let m = #{a: [1, 2]}; m?.a[1]", "2"),
            ("let m = #{a: \"xyz\"}; m?.a.len() + m?.a.len", "6"),
            ("let m = #{f: |x| x + 1}; m?.f(1)", "2"),
            ("let m = #{a: 1}; m?.a += 2; m?.b = 4; m.a + m.b", "7"),
            ("fn f(m) { m?.x ?? 1 } f(#{})", "1"),
            ("let m = #{}; let f = |k| m?.x ?? k; f.call(3)", "3"),
            (
                "let m = #{}; `<${m?.x ?? `-${m?.y ?? 5}-`}>?.z`",
                "<-5->?.z",
            ),
            ("let m = #{}; /* ü */ let v = m?.\n  other; v ?? 2", "2"),
            ("let t = timestamp(); t?.elapsed < 60.0", "true"),
            (
                "let t = \"\"; t?.nothing",
                "Unknown property 'nothing' - a getter is not registered for type 'string' \
                 (line 1, position 16)",
            ),
        ] {
            assert_eq!(value(script), expected, "{script}");
        }
    }

    #[test]
    fn a_plain_dot_stays_strict() {
        assert_eq!(
            value("let m = #{};\nm.x ?? m?.y"),
            "Property not found: x (line 2, position 3)"
        );
    }

    #[test]
    fn positions_behind_it_stay() {
        let script = "let m = #{};\nlet a = m?.some_key ?? 1; a.b";
        let error = value(script);
        assert!(error.contains("(line 2, position 29)"), "{error}");
        let mut engine = engine::base();
        let parser = Parser::install(&mut engine);
        let error = parser.compile(&engine, "m?.x +").unwrap_err();
        assert_eq!(error.position(), Position::new(1, 7));
        let error = parser.compile(&engine, "m?.x; let = 1").unwrap_err();
        assert_eq!(error.position(), Position::new(1, 11));
    }
}
