//! Quoting for a POSIX shell.

use thiserror::Error;

/// No argument, path or program of a Unix host can contain a NUL byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a NUL byte cannot be part of a command, an argument or a path")]
pub struct NulByte;

/// `text` as one word of a POSIX shell, whatever it contains except NUL: no byte in it has a special
/// meaning.
///
/// A command cannot contain a NUL; callers that take text from a user refuse it with a proper message
/// before (see [`has_nul`]).
#[must_use]
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./:@%+,".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut quoted = Vec::with_capacity(bytes.len() + 2);
    quoted.push(b'\'');
    for &byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// Like [`quote`], for text.
#[must_use]
pub fn quote_str(text: &str) -> String {
    // The added bytes are ASCII, so valid UTF-8 stays valid.
    String::from_utf8_lossy(&quote(text.as_bytes())).into_owned()
}

/// Whether text cannot be passed to a shell at all.
#[must_use]
pub fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

/// Like [`quote`], if a NUL was not refused before.
pub(super) fn word(bytes: &[u8]) -> Result<Vec<u8>, NulByte> {
    if bytes.contains(&0) {
        Err(NulByte)
    } else {
        Ok(quote(bytes))
    }
}

/// [`word`] on one line: a newline is written as the loop's variable for it.
pub(super) fn line(bytes: &[u8]) -> Result<Vec<u8>, NulByte> {
    let mut line = Vec::with_capacity(bytes.len() + 2);
    for byte in word(bytes)? {
        match byte {
            b'\n' => line.extend_from_slice(br#"'"$ops_l"'"#),
            _ => line.push(byte),
        }
    }
    Ok(line)
}

/// A quoted format that makes `printf` print exactly these bytes, NUL included.
pub(super) fn printf_format(bytes: &[u8]) -> Vec<u8> {
    let mut format = Vec::with_capacity(bytes.len() + 2);
    format.push(b'\'');
    for (position, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => format.extend_from_slice(br"'\''"),
            b'\\' => format.extend_from_slice(br"\\"),
            b'%' => format.extend_from_slice(b"%%"),
            0 => format.extend_from_slice(br"\000"),
            // Otherwise it would be read as an option.
            b'-' if position == 0 => format.extend_from_slice(br"\055"),
            _ => format.push(byte),
        }
    }
    format.push(b'\'');
    format
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaves_plain_words_as_they_are() {
        assert_eq!(quote_str("/etc/motd"), "/etc/motd");
        assert_eq!(quote_str(""), "''");
        assert_eq!(quote_str("it's"), r"'it'\''s'");
        assert_eq!(quote_str("~"), "'~'");
    }

    #[test]
    fn refuses_nul() {
        assert_eq!(word(b"a\0b"), Err(NulByte));
    }

    #[test]
    fn a_line_contains_no_newline() {
        assert_eq!(line(b"a\nb").unwrap(), br#"'a'"$ops_l"'b'"#);
    }

    proptest! {
        #![proptest_config(crate::generation::config(64, file!()))]
        #[test]
        fn a_shell_reads_back_what_was_quoted(bytes in proptest::collection::vec(1u8..=255, 0..200)) {
            use std::os::unix::ffi::OsStringExt;
            let mut script = b"printf %s ".to_vec();
            script.extend(quote(&bytes));
            let output = Command::new("sh")
                .arg("-c")
                .arg(std::ffi::OsString::from_vec(script))
                .output()
                .expect("a shell");
            prop_assert_eq!(output.stdout, bytes);
        }
    }
}
