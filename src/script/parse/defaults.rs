//! A function whose last parameter is called `options` may be called without it, and then gets an empty map.
//!
//! Rhai has no default values of parameters. So each such function gets a second form with one parameter
//! less, whose body begins with `let options = #{};`. Everything else in it is at the same position as in
//! the first form, and neither form calls the other: errors and traces are the same for both.

use rhai::{AST, Module, Position, ScriptFuncDef, Token};

use super::edit::{Edit, Place, place, word};

/// The name of the parameter.
pub const OPTIONS: &str = "options";

/// Whether the last parameter of a function may be left out. Closures are always called with all parameters.
#[must_use]
pub fn has_options<S: AsRef<str>>(function: &str, parameters: &[S]) -> bool {
    let last = parameters.last().map(AsRef::as_ref);
    last == Some(OPTIONS) && !function.starts_with("anon$")
}

/// `fn name(a, b, options) {` in the text.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    name: String,
    /// Whether it is a method of one type only: `fn int.name(options) {`.
    is_typed: bool,
    parameters: usize,
    /// From the comma in front of `options`, if there is one, to the brace.
    cells: Vec<Place>,
}

impl Header {
    fn of(tokens: &[(Token, Position)]) -> Option<Self> {
        let open = tokens
            .iter()
            .position(|(token, _)| matches!(token, Token::LeftParen))?;
        let name = tokens[..open]
            .last()
            .and_then(|(token, _)| identifier(token))?;
        let parameters = &tokens[open + 1..];
        let last = parameters
            .iter()
            .rposition(|(token, _)| identifier(token).is_some())?;
        if identifier(&parameters[last].0) != Some(OPTIONS) {
            return None;
        }
        let mut cells = Vec::new();
        if last > 0 {
            cells.push(place(parameters[last - 1].1)?);
        }
        cells.extend(word(place(parameters[last].1)?, OPTIONS));
        for (_, at) in &parameters[last + 1..] {
            cells.push(place(*at)?);
        }
        Some(Self {
            name: name.to_owned(),
            is_typed: tokens[..open]
                .iter()
                .any(|(token, _)| matches!(token, Token::Period)),
            parameters: parameters
                .iter()
                .filter(|(token, _)| identifier(token).is_some())
                .count(),
            cells,
        })
    }

    /// Whether the script itself defines a function with this name and one parameter less.
    pub(crate) fn is_defined_without_options(&self, ast: &AST) -> bool {
        ast.iter_fn_def().any(|function| {
            function.name == self.name
                && function.this_type.is_some() == self.is_typed
                && function.params.len() + 1 == self.parameters
        })
    }

    /// `fn name(a, b) { let options = #{};`: eight tokens, for which `options) {` alone has nine cells.
    pub(crate) fn edit(&self) -> Edit {
        let tokens = [
            Token::RightParen,
            Token::LeftBrace,
            Token::Let,
            Token::Identifier(Box::new(OPTIONS.into())),
            Token::Equals,
            Token::MapStart,
            Token::RightBrace,
            Token::SemiColon,
        ];
        Edit::new(self.cells.iter().copied(), tokens)
    }
}

fn identifier(token: &Token) -> Option<&str> {
    match token {
        Token::Identifier(name) => Some(name),
        _ => None,
    }
}

/// Finds such headers among the tokens of a text.
#[derive(Debug, Default)]
pub(crate) struct HeaderReader {
    found: Vec<Header>,
    /// The tokens since the last `fn`, up to the brace.
    tokens: Option<Vec<(Token, Position)>>,
}

impl HeaderReader {
    pub(crate) fn read(&mut self, token: &Token, at: Position) {
        if matches!(token, Token::Fn) {
            self.tokens = Some(Vec::new());
            return;
        }
        let Some(tokens) = &mut self.tokens else {
            return;
        };
        tokens.push((token.clone(), at));
        if matches!(token, Token::LeftBrace) {
            let header = self.tokens.take();
            self.found
                .extend(header.and_then(|tokens| Header::of(&tokens)));
        }
    }

    pub(crate) fn found(self) -> Vec<Header> {
        self.found
    }
}

/// Adds the functions of `short` that the script does not define.
pub(crate) fn add_missing(ast: &mut AST, short: &AST) {
    let is_same = |a: &ScriptFuncDef, b: &ScriptFuncDef| {
        a.name == b.name && a.params.len() == b.params.len() && a.this_type == b.this_type
    };
    let mut missing = Module::new();
    for function in short.iter_fn_def() {
        if !ast.iter_fn_def().any(|known| is_same(known, function)) {
            missing.set_script_fn(function.clone());
        }
    }
    ast.combine(AST::new([], missing));
}
