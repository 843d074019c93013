//! The expressions of a template, as tokens with their offsets.
//!
//! Only the tokens that a rewrite needs are distinguished: names, numbers, strings and the rest. The engine
//! itself reports mistakes.

/// A token of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub kind: Kind,
    pub text: &'t str,
    /// Byte offset in the template.
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Sign,
}

impl Token<'_> {
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(crate) fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text == name
    }
}

/// A `{{ }}` or a `{% %}`.
#[derive(Debug)]
pub(super) struct Island<'t> {
    pub statement: bool,
    pub tokens: Vec<Token<'t>>,
}

/// Returns the expressions and statements in a template. Comments and `{% raw %}` contain none.
pub(super) fn islands(text: &str) -> Vec<Island<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = next_open(text, at) {
        let statement = text[open..].starts_with("{%");
        if text[open..].starts_with("{#") {
            at = text[open..]
                .find("#}")
                .map_or(text.len(), |end| open + end + 2);
            continue;
        }
        let (tokens, end) = scan(text, open + 2, if statement { "%}" } else { "}}" });
        at = end;
        if statement && tokens.len() == 1 && tokens[0].is_name("raw") {
            at = end_of_raw(text, end);
            continue;
        }
        found.push(Island { statement, tokens });
    }
    found
}

/// The tokens of a standalone expression.
pub(super) fn expression(text: &str) -> Island<'_> {
    Island {
        statement: false,
        tokens: scan(text, 0, "\0").0,
    }
}

fn next_open(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..text.len().saturating_sub(1))
        .find(|&at| bytes[at] == b'{' && matches!(bytes[at + 1], b'{' | b'%' | b'#'))
}

fn end_of_raw(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(open) = text[at..].find("{%").map(|open| at + open) {
        let (tokens, end) = scan(text, open + 2, "%}");
        if tokens.len() == 1 && tokens[0].is_name("endraw") {
            return end;
        }
        at = open + 2;
    }
    text.len()
}

/// The tokens up to the closing delimiter, and the offset after it.
fn scan<'t>(text: &'t str, from: usize, close: &str) -> (Vec<Token<'t>>, usize) {
    let mut tokens: Vec<Token<'t>> = Vec::new();
    let mut at = from;
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    // `{{-`, `{%+`: not part of the expression.
    if close != "\0" && matches!(bytes.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let trimmed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        if depth == 0 && trimmed.starts_with(close) {
            return (tokens, text.len() - trimmed.len() + close.len());
        }
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (kind, length) = match c {
            '"' | '\'' => (Kind::Text, text_length(rest, c)),
            c if c == '_' || c.is_alphabetic() => (
                Kind::Name,
                rest.find(|c: char| c != '_' && !c.is_alphanumeric())
                    .unwrap_or(rest.len()),
            ),
            c if c.is_ascii_digit() => {
                let after_dot = tokens.last().is_some_and(|last| last.is_sign("."));
                (Kind::Number, number_length(rest, after_dot))
            }
            '(' | '[' | '{' => {
                depth += 1;
                (Kind::Sign, 1)
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                (Kind::Sign, 1)
            }
            _ if ["**", "//", "==", "!=", "<=", ">="]
                .iter()
                .any(|sign| rest.starts_with(sign)) =>
            {
                (Kind::Sign, 2)
            }
            c => (Kind::Sign, c.len_utf8()),
        };
        tokens.push(Token {
            kind,
            text: &rest[..length],
            at,
        });
        at += length;
    }
    (tokens, text.len())
}

fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `1`, `1.5`, `1e3`, `0x1f`; after a dot only digits, since `a.0.b` is two lookups.
fn number_length(rest: &str, after_dot: bool) -> usize {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let fits = match bytes[end] {
            b'0'..=b'9' => true,
            b'.' => !after_dot && bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
            b'+' | b'-' => {
                matches!(bytes[end - 1], b'e' | b'E') && !rest.starts_with("0x") && !after_dot
            }
            b => !after_dot && (b.is_ascii_alphanumeric() || b == b'_'),
        };
        if !fits {
            break;
        }
        end += 1;
    }
    end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<&str>> {
        islands(text)
            .into_iter()
            .map(|island| island.tokens.iter().map(|token| token.text).collect())
            .collect()
    }

    #[test]
    fn finds_and_splits_expressions() {
        assert_eq!(
            words("a {{- x.0.b['}}'] -}} {# {{ no }} #}{%+ if y|f(1.5) %}"),
            [
                vec!["x", ".", "0", ".", "b", "[", "'}}'", "]"],
                vec!["if", "y", "|", "f", "(", "1.5", ")"]
            ]
        );
        assert_eq!(words("{% raw %}{{ a }}{% endraw %}{{ b }}"), [vec!["b"]]);
        assert_eq!(
            words("{{ {'a': {'b': 1}} }}x"),
            [vec!["{", "'a'", ":", "{", "'b'", ":", "1", "}", "}"]]
        );
        assert_eq!(words("{{ open"), [vec!["open"]]);
        assert_eq!(words("{{ 'it\\'s' // 2"), [vec!["'it\\'s'", "//", "2"]]);
    }
}
