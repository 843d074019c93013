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
mod tests;
