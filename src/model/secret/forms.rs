//! The forms in which a secret occurs in text.
//!
//! As it is; each long line of a secret with several lines; base64 (both alphabets, at any of the three
//! alignments, so also inside `user:password`, and broken at 64 or 76 characters); percent-encoded; escaped
//! as in JSON (once, and in JSON within JSON), as Rust's debug form and Python's `repr`; with HTML entities,
//! by name or number; quoted for a shell, also as bash's `$'...'`; hex; and, for a secret with several lines,
//! indented as in a YAML block.
//!
//! What is not found: a few bits of the secret at either end of a base64 form that shares a character with
//! its neighbours; a form that was encrypted, compressed or truncated.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::{self, Write as _};

/// A secret with fewer bytes than this (without spaces around it) would also be found in unrelated text, and
/// a reader could guess it from what is missing.
pub const MIN_SECRET: usize = 6;

/// A line of a secret with several lines is looked for on its own from this length (in bytes): shorter lines
/// are often ordinary words.
const MIN_LINE: usize = 12;

/// Only the usual forms are looked for if a secret is longer than this (in bytes), because each takes memory.
const LONG: usize = 4096;

/// Widths at which `openssl base64` (64) and `base64` and MIME (76) break lines.
const BASE64_WIDTHS: [usize; 2] = [64, 76];

/// How `"`, `'` and `/` are written in HTML and XML by minijinja, Python, Go and markupsafe, Django, PHP,
/// XML, and by programs that escape only `&`, `<` and `>`.
const ENTITIES: [[&str; 3]; 7] = [
    ["&quot;", "&#x27;", "&#x2f;"],
    ["&quot;", "&#x27;", "/"],
    ["&#34;", "&#39;", "/"],
    ["&quot;", "&#39;", "/"],
    ["&quot;", "&#039;", "/"],
    ["&quot;", "&apos;", "/"],
    ["\"", "'", "/"],
];

/// The indentations at which a multi-line secret is recognised.
const INDENTS: [&str; 7] = [
    "  ",
    "    ",
    "      ",
    "        ",
    "          ",
    "            ",
    "\t",
];

/// A form of a secret. Its text names it in a kept run: `plain`, `base64 2`, `line 3 json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    part: Part,
    spelling: &'static str,
    /// Counts forms of the same spelling from 1.
    number: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// Without the spaces around it.
    Trimmed,
    /// Counts from 1.
    Line(usize),
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Whole => {}
            Part::Trimmed => f.write_str("trimmed ")?,
            Part::Line(line) => write!(f, "line {line} ")?,
        }
        f.write_str(self.spelling)?;
        match self.number {
            1 => Ok(()),
            number => write!(f, " {number}"),
        }
    }
}

/// Every text to look for.
pub(super) fn needles(secret: &str) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = all(secret).into_iter().map(|(_, text)| text).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Every text to look for in JSON: the forms as they are, and escaped as JSON is written here.
pub(super) fn in_json(secret: &str) -> Vec<Vec<u8>> {
    let mut found = needles(secret);
    // Forms are UTF-8.
    let escaped = |form: &Vec<u8>| Some(json(std::str::from_utf8(form).ok()?, false).into_bytes());
    let escaped: Vec<_> = found.iter().filter_map(escaped).collect();
    found.extend(escaped);
    found.sort_unstable();
    found.dedup();
    found
}

/// Every form, also where several have the same text. The names and their order do not depend on the secret,
/// except for the number of its lines and of its lines in base64.
pub(super) fn all(secret: &str) -> Vec<(Form, Vec<u8>)> {
    let mut found = Vec::new();
    for (part, text) in parts(secret) {
        forms(part, text, &mut found);
    }
    let trimmed = secret.trim();
    if trimmed.contains('\n') && trimmed.len() <= LONG {
        for (at, indent) in INDENTS.into_iter().enumerate() {
            let form = Form {
                part: Part::Trimmed,
                spelling: "indented",
                number: at + 1,
            };
            found.push((form, indented(trimmed, indent).into_bytes()));
        }
    }
    found
}

/// The secret, the secret without spaces around it, and its long lines.
fn parts(secret: &str) -> Vec<(Part, &str)> {
    let trimmed = secret.trim();
    let mut parts = vec![(Part::Whole, secret), (Part::Trimmed, trimmed)];
    let lines: Vec<&str> = trimmed.lines().map(str::trim).collect();
    if lines.len() > 1 {
        // The header and footer of a PEM file are not secret: every such file has them.
        parts.extend(
            lines
                .into_iter()
                .enumerate()
                .filter(|(_, line)| line.len() >= MIN_LINE && !line.starts_with("-----"))
                .map(|(at, line)| (Part::Line(at + 1), line)),
        );
    }
    parts
}

fn forms(part: Part, secret: &str, found: &mut Vec<(Form, Vec<u8>)>) {
    let mut last = ("", 0);
    // The forms of one spelling follow one another.
    let mut add = |spelling: &'static str, text: String| {
        last = (spelling, if last.0 == spelling { last.1 + 1 } else { 1 });
        if text.len() >= MIN_SECRET {
            let form = Form {
                part,
                spelling,
                number: last.1,
            };
            found.push((form, text.into_bytes()));
        }
    };
    add("plain", secret.to_owned());
    for text in base64(secret.as_bytes()) {
        add("base64", text);
    }
    for text in base64_lines(secret.as_bytes()) {
        add("base64 line", text);
    }
    add("json", json(secret, false));
    add("url", percent(secret, "-._~", false, false));
    add("url", percent(secret, "-._*", true, false));
    add("hex", hex(secret, false));
    if secret.len() <= LONG {
        rare_forms(secret, add);
    }
}

fn rare_forms(secret: &str, mut add: impl FnMut(&'static str, String)) {
    let json = json(secret, false);
    add("escaped json", self::json(&json, false));
    add("escaped json", json.replace('/', "\\/"));
    let ascii = self::json(secret, true);
    add("escaped json", self::json(&ascii, false));
    add("escaped json", self::json(&json, true));
    add("escaped json", ascii);
    let upper = json_with(secret, true, upper_units);
    add("escaped json", self::json(&upper, false));
    add("escaped json", upper);
    add("escaped json", json_with(secret, false, upper_units));
    add("bash", bash(secret, false));
    add("bash", bash(secret, true));
    for entities in ENTITIES {
        let html = html(secret, entities);
        add(
            "html",
            numeric(&html, |c| !c.is_ascii(), |code| format!("&#{code};")),
        );
        add("html", html);
    }
    for spelled in [|_| true, |c: char| !c.is_ascii_alphanumeric()] {
        let mut add = |reference| add("html number", numeric(secret, spelled, reference));
        add(|code| format!("&#{code};"));
        add(|code| format!("&#x{code:x};"));
        add(|code| format!("&#x{code:X};"));
    }
    for quoted in [false, true] {
        for spelling in [Python::Repr, Python::Ascii, Python::Bytes] {
            add("python", python(secret, quoted, spelling));
        }
    }
    add("json in html", json_html(secret));
    add("debug", secret.escape_debug().to_string());
    add("quoted", secret.replace('\'', "'\\''"));
    add("quoted", secret.replace('\'', "'\"'\"'"));
    if let Ok(quoted) = shlex::try_quote(secret) {
        add("shell word", quoted.into_owned());
    }
    let special = |c: char| !c.is_ascii_alphanumeric() && !"_-./:=@%+,".contains(c) && c.is_ascii();
    add("backslashed", backslashed(secret, special));
    add("backslashed", backslashed(secret, |c| "\"\\$`".contains(c)));
    for kept in ["-._~", "-._~/", "-._!~*'()", "-._"] {
        add("rare url", percent(secret, kept, false, false));
        add("rare url", percent(secret, kept, false, true));
    }
    add("rare url", percent(secret, "-._~", true, false));
    add("upper hex", hex(secret, true));
}

/// The characters of a base64 text that depend on the secret alone, for each of the three places that it
/// can have in a group of three bytes.
fn base64(secret: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret);
        let first = (before * 8).div_ceil(6);
        let whole = bytes.len() * 8 / 6;
        for text in in_base64(&bytes) {
            found.push(text[first..whole].to_owned());
        }
    }
    found
}

/// The lines of a base64 text that is broken.
fn base64_lines(secret: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let whole = secret.len() * 8 / 6;
    for text in in_base64(secret) {
        for width in BASE64_WIDTHS {
            if whole > width {
                // ASCII, so any cut is at a character.
                found.extend(
                    (0..whole)
                        .step_by(width)
                        .map(|at| text[at..whole.min(at + width)].to_owned()),
                );
            }
        }
    }
    found
}

fn in_base64(bytes: &[u8]) -> [String; 2] {
    [STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)]
}

/// The inside of a JSON string.
fn json(text: &str, ascii: bool) -> String {
    json_with(text, ascii, units)
}

fn json_with(text: &str, ascii: bool, units: fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || (ascii && !c.is_ascii()) => units(c, &mut out),
            c => out.push(c),
        }
    }
    out
}

/// JSON as it is written for the inside of HTML.
fn json_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in json(text, false).chars() {
        if "<>&".contains(c) {
            units(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out
}

fn html(text: &str, [double, single, slash]: [&str; 3]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str(double),
            '\'' => out.push_str(single),
            '/' => out.push_str(slash),
            c => out.push(c),
        }
    }
    out
}

/// With some characters as references by their number: `&#246;`.
fn numeric(text: &str, spelled: fn(char) -> bool, reference: fn(u32) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if spelled(c) {
            out.push_str(&reference(u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// The inside of bash's `$'...'`, as `printf %q` prints it. `ascii`: in the C locale.
fn bash(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\E"),
            c if c.is_control() || (ascii && !c.is_ascii()) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[derive(Clone, Copy)]
enum Python {
    /// `repr(text)`.
    Repr,
    /// `ascii(text)`.
    Ascii,
    /// `repr(text.encode())`.
    Bytes,
}

/// The inside of a string literal of Python. `quoted`: with `'` escaped, as where there is a `"` too.
fn python(text: &str, quoted: bool, spelling: Python) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (c, spelling) {
            ('\\', _) => out.push_str("\\\\"),
            ('\'', _) if quoted => out.push_str("\\'"),
            ('\n', _) => out.push_str("\\n"),
            ('\r', _) => out.push_str("\\r"),
            ('\t', _) => out.push_str("\\t"),
            (' '..='~', _) => out.push(c),
            (c, Python::Repr) if !c.is_control() => out.push(c),
            (c, Python::Bytes) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            (c, _) => {
                let _ = match u32::from(c) {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out
}

/// Each line after the first begins with `indent`; an empty one stays empty.
fn indented(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.split_inclusive('\n') {
        if !out.is_empty() && !line.trim().is_empty() {
            out.push_str(indent);
        }
        out.push_str(line);
    }
    out
}

/// The escapes of a character: `\u00e9`.
fn units(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// The same in capital letters: `\u00E9`.
fn upper_units(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04X}");
    }
}

fn backslashed(text: &str, special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn percent(text: &str, kept: &str, plus_for_space: bool, lower: bool) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || kept.contains(c) {
            out.push(c);
        } else if c == ' ' && plus_for_space {
            out.push('+');
        } else if lower {
            let _ = write!(out, "%{byte:02x}");
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hex(text: &str, upper: bool) -> String {
    text.bytes()
        .map(|byte| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        })
        .collect()
}
