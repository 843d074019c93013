//! Places of a text that are to be parsed as different tokens.

use std::collections::HashMap;

use rhai::{Position, Token};

/// Line and column, starting at 1.
pub(crate) type Place = (usize, usize);

/// The character that covers a token's place: the tokenizer reads it as one token, regardless of what is
/// next to it. After a value, a `-` subtracts; elsewhere it belongs to a number.
const fn placeholder(token: &Token) -> char {
    match token {
        Token::Unit => ')',
        _ => ',',
    }
}

/// Cells of a text and the tokens that replace them. Cells without a token become blank.
#[derive(Debug, Default)]
pub(crate) struct Edit(Vec<(Place, Option<Token>)>);

impl Edit {
    /// Puts the tokens into the first of these cells. There must not be more tokens than cells.
    pub(crate) fn new(
        cells: impl IntoIterator<Item = Place>,
        tokens: impl IntoIterator<Item = Token>,
    ) -> Self {
        let mut tokens = tokens.into_iter();
        Self(
            cells
                .into_iter()
                .map(|cell| (cell, tokens.next()))
                .collect(),
        )
    }
}

pub(crate) fn place(at: Position) -> Option<Place> {
    at.line().zip(at.position())
}

/// The cells of the word that begins here.
pub(crate) fn word(begin: Place, word: &str) -> impl Iterator<Item = Place> {
    (0..word.chars().count()).map(move |behind| (begin.0, begin.1 + behind))
}

/// The tokens by their places.
pub(crate) fn tokens(edits: &[Edit]) -> HashMap<Place, Token> {
    let cells = edits.iter().flat_map(|edit| &edit.0);
    cells
        .filter_map(|(place, token)| Some((*place, token.clone()?)))
        .collect()
}

/// The text with placeholders. The length of every line stays the same.
pub(crate) fn applied(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<Vec<char>> = text
        .split('\n')
        .map(|line| line.chars().collect())
        .collect();
    for ((line, column), token) in edits.iter().flat_map(|edit| &edit.0) {
        if let Some(cell) = lines
            .get_mut(line - 1)
            .and_then(|line| line.get_mut(column - 1))
        {
            *cell = token.as_ref().map_or(' ', placeholder);
        }
    }
    let lines: Vec<String> = lines.into_iter().map(String::from_iter).collect();
    lines.join("\n")
}
