//! The names of locks, and of the files that represent them.

use sha2::{Digest as _, Sha256};

/// The maximum number of characters in a name.
const LONGEST: usize = 200;

/// File systems allow 255 bytes.
const LONGEST_FILE: usize = 200;

/// Checks the name of a lock.
///
/// # Errors
/// The reason why it is invalid.
pub fn check(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("the name of a lock must not be empty".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Err(format!(
            "the name of a lock must be a single line of text: {name:?}"
        ));
    }
    if name.chars().count() > LONGEST {
        return Err(format!(
            "the name of a lock must have at most {LONGEST} characters"
        ));
    }
    Ok(())
}

/// The name of the file or directory that represents a lock: characters other than letters, digits, `-` and
/// `_` are percent-encoded as in a URL, and a dot is allowed except at the start. A name that would be too
/// long ends with its hash.
#[must_use]
pub fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
            b'.' if at > 0 => file.push('.'),
            _ => file.push_str(&format!("%{byte:02X}")),
        }
    }
    if file.len() > LONGEST_FILE {
        let hash = Sha256::digest(name.as_bytes());
        file.truncate(LONGEST_FILE - 40);
        // No other name contains two of them in a row.
        file.push_str("%%");
        for byte in hash.iter().take(16) {
            file.push_str(&format!("{byte:02x}"));
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_name_has_only_safe_characters() {
        assert_eq!(file_name("deploy/shop"), "deploy%2Fshop");
        assert_eq!(file_name(".."), "%2E.");
        assert_eq!(file_name("a b'c\"é"), "a%20b%27c%22%C3%A9");
        assert_eq!(file_name("new.1"), "new.1");
    }

    #[test]
    fn refuses_an_invalid_name() {
        assert!(check("deploy/shop").is_ok());
        assert!(check(" ").is_err());
        assert!(check("a\nb").is_err());
        assert!(check(&"é".repeat(201)).is_err());
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        #[test]
        fn names_have_files_of_their_own(a in "\\PC{1,200}", b in "\\PC{1,200}") {
            let file = file_name(&a);
            prop_assert!(file.len() <= 255 && !file.contains('/') && !file.starts_with('.'));
            prop_assert_eq!(a == b, file == file_name(&b));
        }
    }
}
