//! The regular expressions of `files::line`.

use regex::bytes::Regex;

use crate::declare::ArgumentError;

/// The regular expression given as option `key`.
pub(crate) fn pattern(key: &str, pattern: &str) -> Result<Regex, ArgumentError> {
    if pattern.is_empty() {
        let message = "the regular expression is empty: it matches every line";
        return Err(ArgumentError::option(key, message).hint("Is a variable empty?"));
    }
    Regex::new(pattern).map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
            // The last line of a syntax error has the reason; the lines before it point at the position.
            error => error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        };
        ArgumentError::option(
            key,
            format!("invalid regular expression `{pattern}`: {reason}"),
        )
    })
}

/// Lines that have nothing in common. A pattern that matches all of them matches every line that is not
/// empty.
const ALL_KINDS: [&str; 9] = [
    "a",
    "Z",
    "0",
    " ",
    "\t",
    "#",
    "=",
    "\u{e9}",
    "ab 12 #=\u{e9}",
];

/// The pattern for `matching`: lines that match are replaced or removed, so it must not match every line.
pub(crate) fn matching(text: &str) -> Result<Regex, ArgumentError> {
    let regex = pattern("matching", text)?;
    if ALL_KINDS.iter().all(|line| regex.is_match(line.as_bytes())) {
        let message = format!("`{text}` matches every line");
        return Err(ArgumentError::option("matching", message).hint(
            "Match the beginning of the line, as in \"^Port \". Use `files::file` to write a whole file.",
        ));
    }
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::{matching, pattern};

    #[test]
    fn refuses_a_pattern_that_matches_every_line() {
        for text in [
            "", ".*", "^", "$", "^.*$", ".", ".+", "\\s*", "^x|", "(a|b)?", "(?s).", "^#?\\s*",
        ] {
            let error = matching(text).expect_err(text);
            assert!(
                error.message.contains("matches every line"),
                "{text}: {}",
                error.message
            );
        }
        for text in ["^$", "^\\s*$", "^#", "\\S", "^.$", "[^#]", "a", "^\\s*#?"] {
            let is_fine = text != "^\\s*#?";
            assert_eq!(matching(text).is_ok(), is_fine, "{text}");
        }
        assert!(pattern("before", "").is_err() && pattern("before", ".*").is_ok());
    }
}
