//! Rewrites what Jinja2, as Ansible runs it, interprets differently from the engine, so that the engine
//! interprets it the same way.
//!
//! - `gone.b` is undefined, not an error: an error occurs only when it is used. Each lookup goes through
//!   [`LINK`], a method that returns something empty for an undefined value.
//! - `'%s' % x` formats: `%` becomes the filter [`REMAINDER`].
//!
//! The line breaks stay in place, so that errors have the right line. [`original`] removes the changes from
//! a piece that is shown.

use super::tokens::{self, Island, Kind, Token};

/// The method in front of each lookup: `a.b` becomes `a.__link().b`.
pub const LINK: &str = "__link";
/// The filter that replaces `%`.
pub(super) const REMAINDER: &str = "__remainder";

const CALLED: &str = ".__link()";

/// Words that are not values, so that a bracket after one opens a list.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "block",
    "call",
    "else",
    "elif",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "ignore",
    "import",
    "in",
    "include",
    "is",
    "not",
    "or",
    "recursive",
    "return",
    "set",
    "with",
];

/// Rewrites a template for the engine.
#[must_use]
pub fn template(text: &str) -> String {
    rewrite(text, &tokens::islands(text))
}

/// Rewrites an expression for the engine.
#[must_use]
pub fn expression(text: &str) -> String {
    rewrite(text, &[tokens::expression(text)])
}

/// Restores the original text of a piece of a rewritten template.
pub(super) fn original(piece: &str) -> String {
    piece
        .replace(CALLED, "")
        .replace(&format!("|{REMAINDER}("), " % (")
}

/// Collections whose filters, tests and lookups are also known by their short names.
const COLLECTIONS: [&str; 4] = [
    "ansible.builtin.",
    "ansible.legacy.",
    "ansible.utils.",
    "ansible.netcommon.",
];

/// Shortens `ansible.builtin.combine` to `combine`.
pub(super) fn short_name(name: &str) -> &str {
    COLLECTIONS
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name)
}

/// A replacement of a number of bytes at an offset.
struct Edit {
    at: usize,
    length: usize,
    with: String,
}

fn rewrite(text: &str, islands: &[Island<'_>]) -> String {
    let mut edits = Vec::new();
    for island in islands {
        collections(text, island, &mut edits);
        links(island, &mut edits);
        remainders(island, &mut edits);
    }
    edits.sort_by_key(|edit| edit.at);
    let mut out = String::with_capacity(text.len() + edits.len() * CALLED.len());
    let mut done = 0;
    for edit in edits {
        out.push_str(&text[done..edit.at]);
        out.push_str(&edit.with);
        done = edit.at + edit.length;
    }
    out.push_str(&text[done..]);
    out
}

/// Whether a value ends at this token.
fn ends_value(tokens: &[Token<'_>], at: usize, statement: bool) -> bool {
    let token = tokens[at];
    match token.kind {
        Kind::Text | Kind::Number => true,
        Kind::Sign => matches!(token.text, ")" | "]" | "}"),
        Kind::Name => {
            let first_word = statement && at == 0;
            !(first_word || KEYWORDS.contains(&token.text) || names_call(tokens, at))
        }
    }
}

/// Whether this name is that of a filter or a test, which may contain dots.
fn names_call(tokens: &[Token<'_>], mut at: usize) -> bool {
    while at >= 2 && tokens[at - 1].is_sign(".") && tokens[at - 2].kind == Kind::Name {
        at -= 2;
    }
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    let is = |at: usize| tokens[at].is_name("is") && !(at > 0 && tokens[at - 1].is_sign("."));
    tokens[before].is_sign("|")
        || is(before)
        || (tokens[before].is_name("not") && before > 0 && is(before - 1))
}

/// Removes the collection from the names of filters and tests.
fn collections(text: &str, island: &Island<'_>, edits: &mut Vec<Edit>) {
    let tokens = &island.tokens;
    for at in 1..tokens.len() {
        let starts =
            tokens[at].is_name("ansible") && !tokens[at - 1].is_sign(".") && names_call(tokens, at);
        let rest = &text[tokens[at].at..];
        let length = rest.len() - short_name(rest).len();
        if starts && length > 0 {
            edits.push(Edit {
                at: tokens[at].at,
                length,
                with: String::new(),
            });
        }
    }
}

fn links(island: &Island<'_>, edits: &mut Vec<Edit>) {
    let tokens = &island.tokens;
    let first = tokens.first().filter(|_| island.statement);
    // The target of an assignment is not a lookup.
    let start = match first {
        Some(first) if first.is_name("set") => tokens
            .iter()
            .position(|token| token.is_sign("="))
            .unwrap_or(tokens.len()),
        Some(first) if first.is_name("filter") => return,
        _ => 1,
    };
    for at in start..tokens.len() {
        let lookup = match tokens[at].text {
            "." if tokens[at].kind == Kind::Sign => {
                let called = tokens.get(at + 2).is_some_and(|next| next.is_sign("("));
                tokens
                    .get(at + 1)
                    .is_some_and(|next| matches!(next.kind, Kind::Name | Kind::Number))
                    && !called
            }
            "[" if tokens[at].kind == Kind::Sign => !slices(&tokens[at..]),
            _ => false,
        };
        // `loop` is always defined.
        let fixed =
            at == 1 && tokens[0].is_name("loop") || at >= 2 && tokens[at - 1].is_name("loop");
        if lookup && !fixed && ends_value(tokens, at - 1, island.statement) {
            edits.push(Edit {
                at: tokens[at].at,
                length: 0,
                with: CALLED.to_owned(),
            });
        }
    }
}

/// Whether these brackets contain a slice.
fn slices(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    for token in tokens.iter().filter(|token| token.kind == Kind::Sign) {
        match token.text {
            "[" | "(" | "{" => depth += 1,
            "]" | ")" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return false;
                }
            }
            ":" if depth == 1 => return true,
            _ => {}
        }
    }
    false
}

fn remainders(island: &Island<'_>, edits: &mut Vec<Edit>) {
    let tokens = &island.tokens;
    for at in 1..tokens.len() {
        if !tokens[at].is_sign("%")
            || !ends_value_or_call(tokens, at - 1, island.statement)
            || behind_product(tokens, at, island.statement)
        {
            continue;
        }
        let end = operand_end(tokens, at + 1);
        let Some(last) = end.checked_sub(1).filter(|last| *last > at) else {
            continue;
        };
        edits.push(Edit {
            at: tokens[at].at,
            length: 1,
            with: format!("|{REMAINDER}("),
        });
        edits.push(Edit {
            at: tokens[last].end(),
            length: 0,
            with: ")".to_owned(),
        });
    }
}

fn ends_value_or_call(tokens: &[Token<'_>], at: usize, statement: bool) -> bool {
    ends_value(tokens, at, statement) || names_call(tokens, at)
}

/// Whether the operand on the left belongs to a preceding product: `a * b % c` is arithmetic.
fn behind_product(tokens: &[Token<'_>], at: usize, statement: bool) -> bool {
    let mut depth = 0_usize;
    for before in (0..at).rev() {
        let token = tokens[before];
        match (token.kind, token.text) {
            (Kind::Sign, ")" | "]" | "}") => depth += 1,
            (Kind::Sign, "(" | "[" | "{") if depth == 0 => return false,
            (Kind::Sign, "(" | "[" | "{") => depth -= 1,
            (Kind::Sign, "*" | "/" | "//" | "%" | "**") if depth == 0 => return true,
            (Kind::Sign, "." | "|") => {}
            (Kind::Sign, _) if depth == 0 => return false,
            (Kind::Name, word) if depth == 0 && KEYWORDS.contains(&word) => return false,
            (Kind::Name, _) if depth == 0 && statement && before == 0 => return false,
            _ => {}
        }
    }
    false
}

/// The end of the operand that starts at a token: the next operator that does not bind more tightly.
fn operand_end(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match (token.kind, token.text) {
            (Kind::Sign, "(" | "[" | "{") => depth += 1,
            (Kind::Sign, ")" | "]" | "}") if depth == 0 => return at,
            (Kind::Sign, ")" | "]" | "}") => depth -= 1,
            (Kind::Sign, "-" | "+") if at == start => {}
            (Kind::Sign, "." | "|" | "**") => {}
            (Kind::Sign, _) if depth == 0 => return at,
            (Kind::Name, "and" | "or" | "not" | "in" | "if" | "else" | "is" | "recursive")
                if depth == 0 && !tokens[at - 1].is_sign(".") =>
            {
                return at;
            }
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lookups_and_nothing_else() {
        for (text, expected) in [
            ("{{ a.b }}", "{{ a.__link().b }}"),
            (
                "{{ a['b'].c[0] }}",
                "{{ a.__link()['b'].__link().c.__link()[0] }}",
            ),
            ("{{ a.items() }}", "{{ a.items() }}"),
            ("{{ a.b.items() }}", "{{ a.__link().b.items() }}"),
            ("{{ a[1:] }}", "{{ a[1:] }}"),
            ("{{ x in [1] }}", "{{ x in [1] }}"),
            ("{{ x is subset [1] }}", "{{ x is subset [1] }}"),
            ("{{ x is not subset [1] }}", "{{ x is not subset [1] }}"),
            ("{{ x | a.b.c('d.e') }}", "{{ x | a.b.c('d.e') }}"),
            (
                "{% set ns.x = ns.x + 1 %}",
                "{% set ns.x = ns.__link().x + 1 %}",
            ),
            ("{% if [1] %}", "{% if [1] %}"),
            (
                "{% for a in b.c %}{{ loop.index }}",
                "{% for a in b.__link().c %}{{ loop.index }}",
            ),
            ("a.b {# {{ a.b }} #}", "a.b {# {{ a.b }} #}"),
            ("{% include ['x'] %}", "{% include ['x'] %}"),
            ("{{ f(1).b }}", "{{ f(1).__link().b }}"),
        ] {
            assert_eq!(template(text), expected);
            assert_eq!(original(expected), text);
        }
        assert_eq!(expression("a.b"), "a.__link().b");
        assert_eq!(
            expression("a|ansible.builtin.f('ansible.builtin.g')"),
            "a|f('ansible.builtin.g')"
        );
        assert_eq!(
            expression("a is not ansible.builtin.match('x')"),
            "a is not match('x')"
        );
    }

    #[test]
    fn a_percent_sign_becomes_a_filter() {
        for (text, expected) in [
            ("'%s' % x", "'%s' |__remainder( x)"),
            ("'%s' % (a, b) ~ 'c'", "'%s' |__remainder( (a, b)) ~ 'c'"),
            (
                "'%s' % x|upper if y else z",
                "'%s' |__remainder( x|upper) if y else z",
            ),
            ("a + b % 2 == 0", "a + b |__remainder( 2) == 0"),
            ("a * b % 2", "a * b % 2"),
            ("'%d%%' % -1", "'%d%%' |__remainder( -1)"),
            ("f('%s' % x, y)", "f('%s' |__remainder( x), y)"),
        ] {
            assert_eq!(expression(text), expected);
        }
    }
}
