//! The byte order mark of a text file.

/// Without the byte order mark that some editors put at the start.
pub(super) fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::without_mark;

    #[test]
    fn a_mark_is_dropped_at_the_start_alone() {
        assert_eq!(without_mark("\u{feff}a\u{feff}".to_owned()), "a\u{feff}");
        assert_eq!(without_mark(String::new()), "");
    }
}
