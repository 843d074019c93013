//! Splits Rust source into tokens, in enough detail to find which names a file uses. Comments are dropped,
//! and a literal is one token.

/// A token, and the line on which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub text: &'t str,
    pub line: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// The token that replaces every literal.
const LITERAL: &str = "\"";

pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = token_at(rest, first);
        if let Some(text) = token {
            tokens.push(Token { text, line });
        }
        let (skipped, after) = rest.split_at(length);
        line += skipped.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Returns how many bytes the next token takes, and the token, unless it is white space, a comment or a
/// lifetime.
fn token_at(rest: &str, first: char) -> (usize, Option<&str>) {
    if first.is_whitespace() {
        return (first.len_utf8(), None);
    }
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if let Some(length) = string(rest) {
        return (length, Some(LITERAL));
    }
    if first == '\'' {
        return quote(rest);
    }
    if first.is_alphanumeric() || first == '_' {
        let word = rest.strip_prefix("r#").unwrap_or(rest);
        let (prefix, word) = (rest.len() - word.len(), &word[..word_length(word)]);
        let token = if first.is_ascii_digit() {
            LITERAL
        } else {
            word
        };
        return (prefix + word.len(), Some(token));
    }
    let length = if rest.starts_with("::") {
        2
    } else {
        first.len_utf8()
    };
    (length, Some(&rest[..length]))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Returns the length of the string that begins here, including its prefix, if there is one.
fn string(rest: &str) -> Option<usize> {
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = raw[hashes..].strip_prefix('"')?;
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    let body = unprefixed.strip_prefix('"')?;
    let mut escaped = false;
    let end = body.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    Some(prefix + 1 + end.map_or(body.len(), |at| at + 1))
}

/// A character or a lifetime.
fn quote(rest: &str) -> (usize, Option<&str>) {
    let mut letters = rest.char_indices().skip(1);
    let (second, third) = (letters.next(), letters.next());
    if let Some((_, '\\')) = second {
        // The escaped character may itself be a quote.
        let close = rest[3..].find('\'').map_or(rest.len(), |at| 3 + at + 1);
        return (close, Some(LITERAL));
    }
    match third {
        Some((at, '\'')) => (at + 1, Some(LITERAL)),
        _ => (1 + word_length(&rest[1..]), None),
    }
}

fn word_length(text: &str) -> usize {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.find(|letter| !is_part(letter)).unwrap_or(text.len())
}

mod on_samples {
    use super::tokens;

    #[test]
    fn names_in_comments_and_literals_are_ignored() {
        let text = r##"a /* b /* c */ d */ 'e' '\'' b'f' 'g: "h\"i" r#"j"k"# br"l" // m
            n::o 1_u8 '\u{1f}' r#p"##;
        let found: Vec<&str> = tokens(text).iter().map(|token| token.text).collect();
        let expected = [
            "a", "\"", "\"", "b", "\"", ":", "\"", "\"", "\"", "n", "::", "o", "\"", "\"", "p",
        ];
        assert_eq!(found, expected);
        assert_eq!(
            tokens("a\n\"\n\"\nb").last().map(|token| token.line),
            Some(4)
        );
    }
}
