//! A function whose last parameter is called `options` may be called without it: it gets an empty map then.
//!
//! Rhai has no default values of parameters. So each such function gets a second form with one parameter
//! less, whose body begins with `let options = #{};`. Everything else in it stands where it stands in the
//! first form, and no call comes between the two: errors and traces are the same however the function was
//! called.

use rhai::{AST, Module, Position, ScriptFuncDef, Token};

use super::edit::{Edit, Place, place, word};

/// The name of the parameter.
pub const OPTIONS: &str = "options";

/// Whether the last of a function's parameters may be left out. Closures are called with all that they take.
#[must_use]
pub fn has_options<S: AsRef<str>>(function: &str, parameters: &[S]) -> bool {
    let last = parameters.last().map(AsRef::as_ref);
    last == Some(OPTIONS) && !function.starts_with("anon$")
}

/// `fn name(a, b, options) {` as it stands in the text.
#[derive(Debug, Clone)]
pub struct Header {
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

    /// Whether the script itself has a function of this name that takes one parameter less.
    pub fn is_defined_without_options(&self, ast: &AST) -> bool {
        ast.iter_fn_def().any(|function| {
            function.name == self.name
                && function.this_type.is_some() == self.is_typed
                && function.params.len() + 1 == self.parameters
        })
    }

    /// `fn name(a, b) { let options = #{};`: eight tokens, for which `options) {` alone has nine cells.
    pub fn edit(&self) -> Edit {
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

/// Finds the headers among the tokens of a text.
#[derive(Debug, Default)]
pub struct HeaderReader {
    found: Vec<Header>,
    /// Since the last `fn`, up to the brace.
    tokens: Option<Vec<(Token, Position)>>,
}

impl HeaderReader {
    pub fn read(&mut self, token: &Token, at: Position) {
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

    pub fn found(self) -> Vec<Header> {
        self.found
    }
}

/// Adds the functions of `short` that the script does not have.
pub fn add_missing(ast: &mut AST, short: &AST) {
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

#[cfg(test)]
mod tests {
    use super::super::Parser;
    use crate::script::{engine, lookup};

    fn value(script: &str) -> String {
        let mut engine = engine::base();
        let parser = Parser::install(&mut engine);
        lookup::install(&mut engine, |_, _, _, _| Ok(None));
        let ast = parser.compile(&engine, script).expect("it parses");
        match engine.eval_ast::<rhai::Dynamic>(&ast) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn options_may_be_left_out() {
        for (script, expected) in [
            ("fn f(a, options) { `${a} ${options}` } f(1)", "1 #{}"),
            (
                "fn f(a, options) { `${a} ${options}` } f(1, #{ b: 2 })",
                r#"1 #{"b": 2}"#,
            ),
            ("fn f(options) { options.len() } f()", "0"),
            ("fn f(options){-options.len()}f()", "0"),
            (
                "private fn f (\n  a,\n  options, // a comment\n) // another\n{ a } f(2)",
                "2",
            ),
            // Variables, blocks and closures of the body find what they mean.
            (
                "fn f(a, options) { let b = 2; { let c = 3; options.d = a + b + c; } \
                 let g = |x| x + options.d; g.call(1) } f(1)",
                "7",
            ),
            (
                "fn f(n, options) { if n == 0 { options.len() } else { f(n - 1) } } f(3)",
                "0",
            ),
            (
                "fn f(options) { options?.key ?? 5 } f() + f(#{ key: 1 })",
                "6",
            ),
            // As a method, by name, and in a closure.
            (
                "fn f(options) { this + options.len() } let x = 5; x.f()",
                "5",
            ),
            (
                "fn int.f(options) { this + options.len() } let x = 5; x.f() + x.f(#{ a: 1 })",
                "11",
            ),
            (
                "fn f(a, options) { a + options.len() } let g = f; g.call(4) + g.call(4, #{ a: 1 })",
                "9",
            ),
            (
                "fn f(a, options) { a + options.len() } let all = [1, 2].map(|x| f(x)); all",
                "[1, 2]",
            ),
            // A function of the script has precedence, and only the last parameter counts.
            (
                "fn f(a) { \"own\" } fn f(a, options) { \"long\" } f(1)",
                "own",
            ),
            (
                "fn f(options, a) { a } f(1)",
                "Function not found: f (i64) (line 1, position 24)",
            ),
        ] {
            assert_eq!(value(script), expected, "{script}");
        }
        let closure = value("let f = |a, options| a; f.call(1)");
        assert!(
            closure.starts_with("Function not found: anon$"),
            "{closure}"
        );
    }

    #[test]
    fn an_error_has_its_place_and_no_other_call() {
        let script = "fn f(a, options) {\n  let b = options.nothing;\n}\nf(1);";
        let long = value(&script.replace("f(1)", "f(1, #{})"));
        assert_eq!(value(script), long);
        assert!(long.contains("(line 2, position 19)"), "{long}");
    }
}
