//! Patterns of ssh_config(5): `*`, `?`, comma-separated lists and `!`.

/// Whether the whole text matches, case-sensitively.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut at, mut wanted) = (0, 0);
    // The position of the last `*`, and the end of the text that it matches so far.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some(b'*') => {
                star = Some((wanted, at));
                wanted += 1;
            }
            Some(&c) if c == b'?' || c == text[at] => {
                at += 1;
                wanted += 1;
            }
            _ => match star {
                Some((position, eaten)) => {
                    star = Some((position, eaten + 1));
                    wanted = position + 1;
                    at = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|&c| c == b'*')
}

/// Whether a comma-separated list selects the text: one of its patterns matches, and none that begins with
/// `!`.
pub(super) fn list_matches(text: &str, list: &str) -> bool {
    let mut positive = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(text, pattern) => return false,
            None if matches(text, pattern) => positive = true,
            _ => {}
        }
    }
    positive
}

/// The same, ignoring case, as for `Match host`.
pub(super) fn host_list_matches(host: &str, list: &str) -> bool {
    list_matches(&host.to_ascii_lowercase(), &list.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (text, pattern, expected) in [
            ("web1", "web?", true),
            ("web1", "*", true),
            ("web1", "w*1", true),
            ("web1.example.com", "*.example.com", true),
            ("aab", "*ab", true),
            ("web", "web?", false),
            ("web1", "WEB1", false),
            ("", "*", true),
            ("", "?", false),
            ("abc", "a**c", true),
            ("abcd", "a*c", false),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn a_negated_pattern_wins_at_any_position() {
        assert!(list_matches("web1", "web*,!db*"));
        assert!(!list_matches("web1", "web*,!web1"));
        assert!(!list_matches("web1", "!web1,web*"));
        assert!(!list_matches("web1", "!db1"));
        assert!(host_list_matches("Web1", "wEB*"));
    }
}
