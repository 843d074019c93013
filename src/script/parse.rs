//! From the text of a script to its tree. Rhai's own parser does it, with one meaning changed: `map?.key` is `()`
//! where the map has no such key. Rhai itself takes `?.` to guard against a missing map only.
//!
//! Rhai has no hook for that, but one that replaces a token by another. So a text with `?.` is read twice. The first
//! time tells where `?.key` stands. The second time reads a text in which those places hold as many other characters, and
//! the hook makes the three tokens of the call `?.⟨?LINE:COLUMN:key⟩()` of them: all other tokens stay where they are, and so does
//! every position. What the call does is [`lookup`](super::lookup).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{AST, Engine, ParseError, Position, Token};

/// Begins the name of the call that `?.key` becomes: `?LINE:COLUMN:key`. No function can have such a name.
pub const OPTIONAL: char = '?';

/// The key in the name of such a call, and where it stands: Rhai does not tell the hook that answers it.
#[must_use]
pub fn optional_key(call: &str) -> Option<(&str, Position)> {
    let mut parts = call.strip_prefix(OPTIONAL)?.splitn(3, ':');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (line, column) = (number()?, number()?);
    Some((parts.next()?, Position::new(line, column)))
}

/// What the three tokens stand as in the text: none of them can run into another.
const PLACES: [char; 3] = [',', ';', ')'];

/// Compiles scripts for one engine.
#[derive(Debug, Clone, Default)]
pub struct Parser(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Looking for `?.key`.
    Reading {
        found: Vec<Found>,
        elvis: Option<Position>,
        key: Option<Found>,
    },
    /// These tokens stand where placeholders do.
    Replacing(HashMap<(usize, usize), Token>),
}

/// `?.key` as it stands in the text.
#[derive(Debug, Clone)]
struct Found {
    elvis: (usize, usize),
    key: (usize, usize),
    name: String,
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
        if !text.contains("?.") {
            return engine.compile(text);
        }
        *self.state() = State::Reading {
            found: Vec::new(),
            elvis: None,
            key: None,
        };
        let as_written = engine.compile(text);
        let found = std::mem::take(&mut *self.state()).found();
        let as_written = as_written?;
        if found.is_empty() {
            return Ok(as_written);
        }
        *self.state() = State::Replacing(tokens(&found));
        let ast = engine.compile(replaced(text, &found));
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
            Self::Replacing(places) => place(at).and_then(|at| places.remove(&at)).unwrap_or(token),
            Self::Reading { found, elvis, key } => {
                if let Some(key) = key.take()
                    && !is_call_or_assignment(&token)
                {
                    found.push(key);
                }
                let before = elvis.take();
                match &token {
                    Token::Elvis => *elvis = Some(at),
                    Token::Identifier(name) => {
                        *key = before
                            .and_then(place)
                            .zip(place(at))
                            .map(|(elvis, at)| Found {
                                elvis,
                                key: at,
                                name: name.to_string(),
                            });
                    }
                    _ => {}
                }
                token
            }
        }
    }

    fn found(self) -> Vec<Found> {
        let Self::Reading { mut found, key, .. } = self else {
            return Vec::new();
        };
        // No token follows the last one.
        found.extend(key);
        found
    }
}

fn place(at: Position) -> Option<(usize, usize)> {
    at.line().zip(at.position())
}

/// `x?.f()` calls a method, and `x?.key = 1` sets a key: both are as Rhai has them.
fn is_call_or_assignment(next: &Token) -> bool {
    matches!(next, Token::LeftParen | Token::Unit | Token::Bang)
        || matches!(next, Token::Equals)
        || next.is_op_assignment()
}

/// The tokens of the call: the first two take the place of `?.`, the last one that of the key.
fn tokens(found: &[Found]) -> HashMap<(usize, usize), Token> {
    found
        .iter()
        .flat_map(|found| {
            let (line, column) = found.elvis;
            let (key_line, key_column) = found.key;
            let name = format!("{OPTIONAL}{key_line}:{key_column}:{}", found.name);
            [
                (found.elvis, Token::Elvis),
                (
                    (line, column + 1),
                    Token::Identifier(Box::new(name.as_str().into())),
                ),
                (found.key, Token::Unit),
            ]
        })
        .collect()
}

/// The text with placeholders: as long as it was, in every line.
fn replaced(text: &str, found: &[Found]) -> String {
    let mut lines: Vec<Vec<char>> = text
        .split('\n')
        .map(|line| line.chars().collect())
        .collect();
    for Found { elvis, key, name } in found {
        let cells = [
            (elvis.0, elvis.1, PLACES[0]),
            (elvis.0, elvis.1 + 1, PLACES[1]),
            (key.0, key.1, PLACES[2]),
        ];
        let rest = (1..name.chars().count()).map(|behind| (key.0, key.1 + behind, ' '));
        for (line, column, character) in cells.into_iter().chain(rest) {
            if let Some(cell) = lines
                .get_mut(line - 1)
                .and_then(|line| line.get_mut(column - 1))
            {
                *cell = character;
            }
        }
    }
    let lines: Vec<String> = lines.into_iter().map(String::from_iter).collect();
    lines.join("\n")
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
                "Unknown property 'nothing' - a getter is not registered for type 'string' (line 1, position 16)",
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
