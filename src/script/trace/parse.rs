//! Messages for text that cannot be parsed, with hints for common mistakes.

use rhai::{LexError, ParseError, ParseErrorType};

use crate::model::{Failure, FailureKind};
use crate::script::position::position;
use crate::script::source::Sources;

use super::wording::{counted, lower};

/// The failure for a script that does not parse.
#[must_use]
pub fn parse_failure(error: &ParseError, file: &str, sources: &Sources) -> Failure {
    let mut failure = describe(error.err_type());
    let end = || {
        // The end of the script has no position, so use its last line.
        let text = sources.text(file)?;
        let line = text.lines().count().max(1);
        let column = text
            .lines()
            .last()
            .map_or(1, |last| last.chars().count().max(1));
        Some(crate::model::Position {
            file: file.to_owned(),
            line,
            column,
        })
    };
    // If a newline ends the file, the parser reports a missing token on a line that does not exist.
    let is_there = |at: &crate::model::Position| {
        let lines = sources.text(file).map(|text| text.lines().count());
        lines.is_none_or(|lines| at.line <= lines)
    };
    failure.at = position(file, error.position())
        .filter(is_there)
        .or_else(end);
    failure.source_line = failure.at.as_ref().and_then(|at| sources.line(at));
    // A habit from another language is a better explanation than the missing token.
    if (failure.hint.is_none() || matches!(error.err_type(), ParseErrorType::MissingToken(..)))
        && let Some(hint) = failure.source_line.as_deref().and_then(habit)
    {
        failure.hint = Some(hint.into());
    }
    // Rhai points at the next token, which may be many lines further down.
    if let ParseErrorType::MissingToken(token, _) = error.err_type()
        && matches!(token.as_str(), ";" | ",")
        && let Some(at) = failure.at.as_mut()
        && let Some(text) = sources.text(file)
        && let Some((line, column)) = end_before(&text, at.line, at.column)
        && line < at.line
    {
        (at.line, at.column) = (line, column);
        failure.source_line = failure.at.as_ref().and_then(|at| sources.line(at));
    }
    failure
}

/// The position after the last character of code before this one.
fn end_before(text: &str, line: usize, column: usize) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    lines.iter().enumerate().rev().find_map(|(index, content)| {
        let before = if index + 1 == line {
            let cut = content.char_indices().nth(column.saturating_sub(1));
            &content[..cut.map_or(content.len(), |(at, _)| at)]
        } else {
            content
        };
        let code = without_comment(before).trim_end();
        (!code.is_empty()).then(|| (index + 1, code.chars().count() + 1))
    })
}

/// A line without the comment at its end. `//` within a string does not start a comment.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '`') => quote = Some(character),
            None if line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Rewords the message of the parser.
pub(crate) fn describe(error: &ParseErrorType) -> Failure {
    use ParseErrorType as P;
    let (message, hint): (String, Option<String>) = match error {
        P::UnexpectedEOF => (
            "unexpected end of the script".into(),
            Some("Is a `}`, `)` or `]` missing?".into()),
        ),
        P::BadInput(error) => lexical(error),
        P::UnknownOperator(operator) => (
            format!("unknown operator `{operator}`"),
            operator_hint(operator),
        ),
        P::Reserved(word) => reserved(word),
        P::MissingToken(token, text) => (
            missing(token, text),
            missing_hint(token, text).map(Into::into),
        ),
        P::MissingSymbol(text) if text.is_empty() => ("a symbol is missing".into(), None),
        P::DuplicatedProperty(key) => (format!("duplicate key `{key}` in this map"), None),
        P::DuplicatedVariable(name) => (format!("duplicate variable `{name}`"), None),
        P::PropertyExpected => (
            "the name of a property is missing".into(),
            Some(
                "A map is written `#{ key: value }`; quote a key that contains other characters."
                    .into(),
            ),
        ),
        P::VariableExpected => ("the name of a variable is missing".into(), None),
        P::MismatchedType(wanted, got) => (format!("{wanted} is required here, not {got}"), None),
        P::ExprExpected(what) => (format!("{what} expression is missing"), None),
        P::FnDuplicatedDefinition(name, count) => (
            format!(
                "function `{name}` with {} already exists",
                counted(*count).replace("argument", "parameter")
            ),
            None,
        ),
        P::WrongFnDefinition => (
            "a `fn` is allowed only at the top level".into(),
            Some("Inside a block, write a closure: `let f = |x| ...;`.".into()),
        ),
        P::WrongExport => ("`export` is allowed only at the top level".into(), None),
        P::WrongDocComment => (
            "a `///` comment documents the `fn` that follows it".into(),
            Some("Anywhere else, write `//`.".into()),
        ),
        P::AssignmentToConstant(name) if name.is_empty() => {
            ("a constant cannot change".into(), None)
        }
        P::AssignmentToConstant(name) => (format!("`{name}` is a constant"), None),
        P::AssignmentToInvalidLHS(_) => (
            "cannot assign to this expression".into(),
            Some("To compare, write `==`.".into()),
        ),
        P::ExprTooDeep => (
            "expressions are nested too deeply".into(),
            Some("Assign a part of it to a variable with `let`.".into()),
        ),
        P::LoopBreak => (
            "`break` and `continue` are allowed only in a loop".into(),
            None,
        ),
        P::WrongSwitchDefaultCase => ("`_` must be the last case of a `switch`".into(), None),
        other => (lower(&other.to_string()), None),
    };
    let failure = Failure::new(FailureKind::Input, message);
    Failure { hint, ..failure }
}

fn lexical(error: &LexError) -> (String, Option<String>) {
    match error {
        LexError::UnterminatedString => (
            "unterminated string".into(),
            Some("Write a string of several lines in backticks: `...`.".into()),
        ),
        LexError::ImproperSymbol(word, _) | LexError::UnexpectedInput(word)
            if word.starts_with(char::is_alphabetic) =>
        {
            reserved(word)
        }
        LexError::UnexpectedInput(text) => {
            (format!("unexpected `{text}`"), operator_hint(text))
        }
        LexError::MalformedEscapeSequence(text) => (
            format!("invalid escape sequence `{text}`"),
            Some(
                "Write a backslash as `\\\\`, or put the string between `#\"` and `\"#`, where there are \
                 no escapes."
                    .into(),
            ),
        ),
        LexError::MalformedChar(text) => (
            format!("`'{text}'` is not a single character"),
            Some("Write strings in double quotes.".into()),
        ),
        LexError::ImproperSymbol(symbol, _) => (
            format!("unexpected `{symbol}`"),
            operator_hint(symbol),
        ),
        other => (lower(&other.to_string()), None),
    }
}

fn reserved(word: &str) -> (String, Option<String>) {
    let message = if word.starts_with(|c: char| c.is_alphabetic()) {
        format!("`{word}` is a reserved word")
    } else {
        format!("unexpected `{word}`")
    };
    let hint = match word {
        "match" | "case" => "Write `switch x { 1 => ..., _ => ... }`.".into(),
        "default" => {
            "The option of a parameter is called `fallback`. As a key of a map, quote it.".into()
        }
        "eval" => {
            "A playbook is checked before it runs, so it cannot run code from a string.".into()
        }
        "null" | "nil" | "void" => "The empty value is written `()`.".into(),
        "new" => "Functions create values: `files::file(...)`.".into(),
        "var" => "Declare a variable with `let`.".into(),
        "async" | "await" | "spawn" | "thread" => {
            "`each` runs a closure for many hosts at once.".into()
        }
        "debug" => "Write `log::detail(...)`.".into(),
        "exit" => "Use `fail(\"why\")` to end a playbook.".into(),
        symbol if !symbol.starts_with(|c: char| c.is_alphabetic()) => {
            return (message, operator_hint(symbol));
        }
        _ => format!(
            "As a key of a map, quote it: `\"{word}\": ...`. Otherwise, choose another name."
        ),
    };
    (message, Some(hint))
}

fn operator_hint(operator: &str) -> Option<String> {
    let hint = match operator {
        "===" => "Equality is `==`.",
        "!==" => "Inequality is `!=`.",
        "++" => "Write `x += 1`.",
        "--" => "Write `x -= 1`.",
        "->" => "A `fn` does not declare its return type.",
        "#" | "@" => "A comment starts with `//`, a map with `#{`.",
        "?" => "Write `if a { b } else { c }`.",
        ":=" => "Declare a variable with `let x = ...`.",
        _ => return None,
    };
    Some(hint.into())
}

fn missing(token: &str, text: &str) -> String {
    let of = |words: &str| text.strip_prefix(words)?.strip_suffix('\'');
    if let Some(name) = of("to close the arguments list of this function call '") {
        return format!("missing `{token}` after the arguments of `{name}`");
    }
    if let Some(name) = of("to close the parameters list of function '") {
        return format!("missing `{token}` after the parameters of `{name}`");
    }
    format!("missing `{token}` {text}")
}

fn missing_hint(token: &str, text: &str) -> Option<&'static str> {
    match token {
        ";" => Some("Statements end with `;`."),
        ":" => Some("A map is written `#{ key: value }`."),
        "{" if text.contains("statement block") => Some("Put the body in braces."),
        _ => None,
    }
}

/// Mistakes that are habits from other languages, recognised in the line that does not parse. Text in
/// strings is ignored.
fn habit(line: &str) -> Option<&'static str> {
    const HABITS: [(&[&str], &str); 8] = [
        (&[" elif ", " elsif ", " elseif "], "Write `else if`."),
        (
            &[" def ", " function ", " func "],
            "A function starts with `fn`.",
        ),
        (&[" and "], "Write `&&` for and."),
        (&[" or "], "Write `||` for or."),
        (&[" not "], "Write `!` for not."),
        (&[" -> "], "A `fn` does not declare its return type."),
        (&["= {", "({", ", {"], "A map starts with `#{`."),
        (&[") =>"], "A closure is written `|x| ...`."),
    ];
    let code: String = line.split('"').step_by(2).collect();
    let code = format!(" {}", code.trim_start());
    HABITS
        .iter()
        .find(|(signs, _)| signs.iter().any(|sign| code.contains(sign)))
        .map(|(_, hint)| *hint)
}
