//! Python literals, which give values in Ansible's INI format their types: `5` is a number, `[1, "a"]` a
//! list, `True` a boolean. A text that is not a literal stays a string.

use serde_json::{Map, Number, Value};

use super::yaml_scalar::whole;

/// The value of a text, as by `ast.literal_eval`.
pub(super) fn value(text: &str) -> Value {
    // A plain word is by far the most common case and never a literal.
    let trimmed = text.trim_start_matches([' ', '\t']);
    let mut reader = Reader {
        rest: trimmed,
        depth: 0,
    };
    match reader.expression() {
        Some(value) if reader.at_end() => value,
        _ => Value::String(text.to_owned()),
    }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

/// Deeper than any value that a person would write on one line.
const MAX_DEPTH: usize = 64;

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Whether only a comment is left.
    fn at_end(&mut self) -> bool {
        self.space();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn take(&mut self, token: char) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A value, or several separated by commas: a tuple, which becomes a list.
    fn expression(&mut self) -> Option<Value> {
        let first = self.value()?;
        if !self.take(',') {
            return Some(first);
        }
        let mut items = vec![first];
        while !self.at_end() {
            items.push(self.value()?);
            if !self.take(',') {
                break;
            }
        }
        Some(Value::Array(items))
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.space();
        let value = match self.rest.chars().next()? {
            '[' => self.list('[', ']').map(|(items, _)| Value::Array(items)),
            '(' => self
                .list('(', ')')
                .map(|(mut items, comma)| match items.pop() {
                    // Parentheses around a single value only group it.
                    Some(only) if items.is_empty() && !comma => only,
                    Some(last) => {
                        items.push(last);
                        Value::Array(items)
                    }
                    None => Value::Array(items),
                }),
            '{' => self.map_or_set(),
            '\'' | '"' => self.strings(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    /// The items, and whether a comma followed the last.
    fn list(&mut self, open: char, close: char) -> Option<(Vec<Value>, bool)> {
        self.take(open).then_some(())?;
        let mut items = Vec::new();
        let mut comma = false;
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.take(',');
        }
        Some((items, comma))
    }

    fn map_or_set(&mut self) -> Option<Value> {
        self.take('{').then_some(())?;
        let mut map = Map::new();
        let mut set: Vec<Value> = Vec::new();
        let mut comma = true;
        while !self.take('}') {
            if !comma {
                return None;
            }
            let key = self.value()?;
            if self.take(':') {
                if !set.is_empty() {
                    return None;
                }
                let value = self.value()?;
                map.insert(key_text(key)?, value);
            } else {
                if !map.is_empty() {
                    return None;
                }
                if !set.contains(&key) {
                    set.push(key);
                }
            }
            comma = self.take(',');
        }
        Some(if set.is_empty() {
            Value::Object(map)
        } else {
            Value::Array(set)
        })
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            // String prefixes: raw, unicode, bytes.
            "r" | "R" | "u" | "U" | "b" | "B" | "br" | "rb" | "Br" | "bR" | "BR" | "rB" | "Rb"
            | "RB"
                if rest.starts_with(['"', '\'']) =>
            {
                return self.strings();
            }
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    fn number(&mut self) -> Option<Value> {
        let mut negative = false;
        let mut signs = 0;
        while let Some(sign) = self.rest.chars().next().filter(|c| matches!(c, '+' | '-')) {
            negative ^= sign == '-';
            signs += 1;
            self.rest = &self.rest[1..];
            self.space();
        }
        // `literal_eval` accepts only one sign.
        if signs > 1 {
            return None;
        }
        let end = number_end(self.rest);
        let (digits, rest) = self.rest.split_at(end);
        // A number followed by letters or dots is not a number: `10.0.0.1`, `5GB`, `2.5j`.
        if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            return None;
        }
        let value = integer(digits, negative).or_else(|| float(digits, negative))?;
        self.rest = rest;
        Some(value)
    }

    /// One string, or several adjacent ones, which are joined.
    fn strings(&mut self) -> Option<Value> {
        let mut text = String::new();
        loop {
            self.space();
            let prefix = self
                .rest
                .find(['"', '\''])
                .filter(|at| *at <= 2)
                .unwrap_or(0);
            let (letters, quoted) = self.rest.split_at(prefix);
            if !letters.bytes().all(|b| b"rRuUbB".contains(&b)) {
                break;
            }
            let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                break;
            };
            let raw = letters.contains(['r', 'R']);
            self.rest = &quoted[1..];
            let triple: String = std::iter::repeat_n(quote, 2).collect();
            let end = match self.rest.strip_prefix(triple.as_str()) {
                Some(rest) => {
                    self.rest = rest;
                    std::iter::repeat_n(quote, 3).collect()
                }
                None => quote.to_string(),
            };
            self.string_body(&end, raw, &mut text)?;
        }
        Some(Value::String(text))
    }

    fn string_body(&mut self, end: &str, raw: bool, text: &mut String) -> Option<()> {
        loop {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                return Some(());
            }
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            if c != '\\' {
                text.push(c);
                continue;
            }
            let escaped = self.rest.chars().next()?;
            self.rest = &self.rest[escaped.len_utf8()..];
            if raw {
                text.extend(['\\', escaped]);
            } else {
                self.escape(escaped, text)?;
            }
        }
    }

    fn escape(&mut self, escaped: char, text: &mut String) -> Option<()> {
        let character = match escaped {
            '\\' | '\'' | '"' => escaped,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                let more = self
                    .rest
                    .bytes()
                    .take(2)
                    .take_while(|b| (b'0'..=b'7').contains(b))
                    .count();
                let first = escaped.to_digit(8)?;
                let digits = self.take_bytes(more)?;
                digits
                    .chars()
                    .try_fold(first, |code, digit| Some(code * 8 + digit.to_digit(8)?))
                    .and_then(char::from_u32)?
            }
            'x' => self.code_point(2)?,
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(character);
        Some(())
    }

    fn take_bytes(&mut self, count: usize) -> Option<&str> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn code_point(&mut self, width: usize) -> Option<char> {
        let digits = self.take_bytes(width)?;
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok())
            .flatten()
            .and_then(char::from_u32)
    }
}

/// The length of the part that may be a number: digits, letters of a base or an exponent, dots, the sign of
/// an exponent.
fn number_end(text: &str) -> usize {
    let radix = text.len() > 1
        && text.starts_with('0')
        && text[1..].starts_with(['x', 'X', 'o', 'O', 'b', 'B']);
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let b = bytes[end];
        let sign =
            matches!(b, b'+' | b'-') && !radix && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        let ok = if radix {
            b.is_ascii_alphanumeric() || b == b'_'
        } else {
            b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'e' | b'E') || sign
        };
        if !ok {
            break;
        }
        end += 1;
    }
    end
}

/// Removes underscores, which are allowed only between digits.
fn clean(digits: &str) -> Option<String> {
    if digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
    {
        return None;
    }
    Some(digits.replace('_', ""))
}

fn integer(digits: &str, negative: bool) -> Option<Value> {
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(body) = lower.strip_prefix("0x") {
        (16, body)
    } else if let Some(body) = lower.strip_prefix("0o") {
        (8, body)
    } else if let Some(body) = lower.strip_prefix("0b") {
        (2, body)
    } else {
        (10, lower.as_str())
    };
    let body = clean(if radix == 10 {
        body
    } else {
        body.strip_prefix('_').unwrap_or(body)
    })?;
    if !body.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    // `0644` is an error in Python 3, so it stays a string.
    if radix == 10 && body.len() > 1 && body.starts_with('0') && body.bytes().any(|b| b != b'0') {
        return None;
    }
    let number = i128::from_str_radix(&body, radix).ok()?;
    whole(if negative { -number } else { number })
}

fn float(digits: &str, negative: bool) -> Option<Value> {
    if !digits.contains(['.', 'e', 'E']) || digits.contains("_.") || digits.contains("._") {
        return None;
    }
    let number: f64 = clean(digits)?.parse().ok()?;
    Number::from_f64(if negative { -number } else { number }).map(Value::Number)
}

fn key_text(key: Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null => Some("None".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::value;
    use serde_json::json;

    #[test]
    fn literals_have_the_types_that_python_gives_them() {
        for (text, expected) in [
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("5 # five", json!(5)),
            ("five # words", json!("five # words")),
            ("0644", json!("0644")),
            ("0", json!(0)),
            ("00", json!(0)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1_000", json!(1000)),
            ("1e3", json!(1000.0)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("5GB", json!("5GB")),
            ("True", json!(true)),
            ("true", json!("true")),
            ("None", json!(null)),
            ("", json!("")),
            ("'quoted'", json!("quoted")),
            ("\"a\" 'b'", json!("ab")),
            (r"'a\n\x41\u00e9'", json!("a\nA\u{e9}")),
            (r"r'a\n'", json!("a\\n")),
            ("b'x'", json!("x")),
            ("['a', 1, {'k': None}]", json!(["a", 1, {"k": null}])),
            ("[1, 2,]", json!([1, 2])),
            ("[1 2]", json!("[1 2]")),
            ("(1,)", json!([1])),
            ("(1)", json!(1)),
            ("1, 2", json!([1, 2])),
            ("{1, 1}", json!([1])),
            ("{}", json!({})),
            ("[a]", json!("[a]")),
            ("it's", json!("it's")),
            ("'open", json!("'open")),
            ("{{ x }}", json!("{{ x }}")),
            ("--5", json!("--5")),
            ("99999999999999999999", json!("99999999999999999999")),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }
}
