//! Text from bytes, without the byte order mark, and the position of the first byte that is not UTF-8.

use std::fmt;

use super::Position;

/// Why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// Counted from 1.
    pub line: usize,
    /// The byte within the line, counted from 1.
    pub column: usize,
    pub byte: u8,
    /// The bytes start with the byte order mark of UTF-16.
    pub is_utf16: bool,
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_utf16 {
            return f.write_str("it is UTF-16, not UTF-8");
        }
        write!(
            f,
            "it is not UTF-8: byte {} of the line is 0x{:02x}",
            self.column, self.byte
        )
    }
}

impl std::error::Error for NotUtf8 {}

impl NotUtf8 {
    /// Where it is in a file of this name.
    #[must_use]
    pub fn position(&self, file: &str) -> Position {
        Position {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
        }
    }

    /// The same as a text for a message: `FILE:LINE:COLUMN: why`.
    #[must_use]
    pub fn in_file(&self, file: &str) -> String {
        format!("{file}:{}:{}: {self}", self.line, self.column)
    }

    /// How to fix it, for a file of this name.
    #[must_use]
    pub fn hint(&self, file: &str) -> String {
        let from = if self.is_utf16 {
            "UTF-16"
        } else {
            "ISO-8859-1"
        };
        format!("Save it as UTF-8, e.g. with `iconv -f {from} -t UTF-8 {file}`.")
    }
}

/// The text in `bytes`, byte order mark included.
///
/// # Errors
/// The first byte that is not UTF-8, and its position.
pub fn as_text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let line = good
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        NotUtf8 {
            line: good.split(|byte| *byte == b'\n').count(),
            column: line.len() + 1,
            byte: bad.first().copied().unwrap_or_default(),
            is_utf16: good.is_empty()
                && (bad.starts_with(b"\xff\xfe") || bad.starts_with(b"\xfe\xff")),
        }
    })
}

/// The text in `bytes`, without a byte order mark.
///
/// # Errors
/// The first byte that is not UTF-8, and its position.
pub fn decode(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    let mut text =
        String::from_utf8(bytes).or_else(|error| as_text(error.as_bytes()).map(String::from))?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{as_text, decode};

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(decode(b"\xef\xbb\xbfweb1\n".to_vec()).unwrap(), "web1\n");
        assert_eq!(decode("\u{feff}a\u{feff}".into()).unwrap(), "a\u{feff}");
        assert_eq!(decode(Vec::new()).unwrap(), "");
        assert_eq!(as_text(b"\xef\xbb\xbfa"), Ok("\u{feff}a"));
    }

    #[test]
    fn the_first_invalid_byte_has_a_position() {
        let wrong = decode(b"web1\nname=\xff\n\xfe".to_vec()).unwrap_err();
        assert_eq!((wrong.line, wrong.column, wrong.byte), (2, 6, 0xff));
        assert_eq!(
            wrong.to_string(),
            "it is not UTF-8: byte 6 of the line is 0xff"
        );
        assert_eq!(
            wrong.in_file("hosts"),
            "hosts:2:6: it is not UTF-8: byte 6 of the line is 0xff"
        );
        let wrong = decode(b"\xff\xfew\0e\0b\0".to_vec()).unwrap_err();
        assert_eq!(wrong.to_string(), "it is UTF-16, not UTF-8");
        assert_eq!(
            wrong.hint("hosts"),
            "Save it as UTF-8, e.g. with `iconv -f UTF-16 -t UTF-8 hosts`."
        );
    }
}
