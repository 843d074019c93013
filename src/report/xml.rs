//! The part of XML that a report needs: elements, attributes, text. Characters that XML does not allow, and
//! those that a terminal would act on, are escaped.

use std::fmt::Write as _;

use super::clean;

/// A document that is written from top to bottom.
pub(super) struct Document {
    text: String,
    open: Vec<&'static str>,
}

impl Document {
    pub(super) fn new() -> Self {
        Self {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
            open: Vec::new(),
        }
    }

    /// Begins an element that contains others.
    pub(super) fn begin(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">\n");
        self.open.push(name);
    }

    /// Ends the innermost element.
    pub(super) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = writeln!(self.text, "{}</{name}>", self.margin());
        }
    }

    /// An empty element.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>\n");
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.tag(name, attributes, ">");
        let _ = writeln!(self.text, "{}</{name}>", escaped(text));
    }

    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        let _ = write!(self.text, "{}<{name}", self.margin());
        for (name, value) in attributes {
            // In an attribute a parser turns newlines and tabs into spaces, unless they are written as
            // numbers.
            let value = escaped(value).replace('\n', "&#10;").replace('\t', "&#9;");
            let _ = write!(self.text, " {name}=\"{value}\"");
        }
        self.text.push_str(end);
    }

    fn margin(&self) -> String {
        "  ".repeat(self.open.len())
    }
}

/// The text without markup, and without the characters that XML 1.0 does not allow (2.2).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_forbidden_characters_are_escaped() {
        let mut document = Document::new();
        document.begin("a", &[("b", "1 < \"2\" & 3\n")]);
        document.text("c", &[], "]]> \u{1b}[31m\u{0}\u{ffff}\nline");
        document.empty("d", &[]);
        assert_eq!(
            document.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a b=\"1 &lt; &quot;2&quot; &amp; 3&#10;\">\n  \
             <c>]]&gt; \\x1b[31m\\x00\u{fffd}\nline</c>\n  <d/>\n</a>\n"
        );
    }
}
