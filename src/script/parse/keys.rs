//! `map?.key`, which Rhai itself applies only to a missing map. It is turned into the call
//! `?.⟨?LINE:COLUMN:key⟩()`, which [`lookup`](crate::script::lookup) handles.

use rhai::{Position, Token};

use super::edit::{Edit, Place, place, word};

/// The first character of the name of that call: `?LINE:COLUMN:key`. No function can have such a name.
pub const OPTIONAL: char = '?';

/// The key in the name of such a call, and its position: Rhai does not pass the position to the hook that
/// handles the call.
#[must_use]
pub fn optional_key(call: &str) -> Option<(&str, Position)> {
    let mut parts = call.strip_prefix(OPTIONAL)?.splitn(3, ':');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (line, column) = (number()?, number()?);
    Some((parts.next()?, Position::new(line, column)))
}

/// `?.key` in the text.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    elvis: Place,
    at: Place,
    name: String,
}

impl Key {
    /// The tokens of the call: the first two replace `?.`, the last one replaces the key.
    pub(crate) fn edit(&self) -> Edit {
        let (line, column) = self.elvis;
        let name = format!("{OPTIONAL}{}:{}:{}", self.at.0, self.at.1, self.name);
        let cells = [(line, column), (line, column + 1)];
        Edit::new(
            cells.into_iter().chain(word(self.at, &self.name)),
            [
                Token::Elvis,
                Token::Identifier(Box::new(name.as_str().into())),
                Token::Unit,
            ],
        )
    }
}

/// Finds such keys among the tokens of a text.
#[derive(Debug, Default)]
pub(crate) struct KeyReader {
    found: Vec<Key>,
    elvis: Option<Position>,
    key: Option<Key>,
}

impl KeyReader {
    pub(crate) fn read(&mut self, token: &Token, at: Position) {
        if let Some(key) = self.key.take()
            && !is_call_or_assignment(token)
        {
            self.found.push(key);
        }
        let before = self.elvis.take();
        match token {
            Token::Elvis => self.elvis = Some(at),
            Token::Identifier(name) => {
                self.key = before
                    .and_then(place)
                    .zip(place(at))
                    .map(|(elvis, at)| Key {
                        elvis,
                        at,
                        name: name.to_string(),
                    });
            }
            _ => {}
        }
    }

    pub(crate) fn found(mut self) -> Vec<Key> {
        // No token follows the last key.
        self.found.extend(self.key);
        self.found
    }
}

/// `x?.f()` calls a method, and `x?.key = 1` sets a key: both work in Rhai already.
fn is_call_or_assignment(next: &Token) -> bool {
    matches!(next, Token::LeftParen | Token::Unit | Token::Bang)
        || matches!(next, Token::Equals)
        || next.is_op_assignment()
}
