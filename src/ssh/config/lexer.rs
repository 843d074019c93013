//! Splits lines of ssh_config(5) like OpenSSH (`strdelim` and `argv_split` in its misc.c).

/// White space between words.
const BLANK: &[char] = &[' ', '\t', '\r', '\n'];

/// A keyword, its arguments, and the raw text after the keyword, for keywords that take a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SplitLine<'l> {
    pub keyword: &'l str,
    pub arguments: Vec<String>,
    pub rest: &'l str,
}

/// Splits a line. `None` for an empty line and for a comment.
pub(super) fn split(line: &str) -> Result<Option<SplitLine<'_>>, String> {
    let line = line
        .trim_end_matches([' ', '\t', '\r', '\n', '\x0c'])
        .trim_start_matches(BLANK);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line
        .find([' ', '\t', '\r', '\n', '=', '"'])
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    if keyword.is_empty() || rest.starts_with('"') {
        return Err("has an invalid keyword".to_owned());
    }
    let rest = rest.trim_start_matches(BLANK);
    // One `=` is allowed here.
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let rest = rest.trim_start_matches(BLANK);
    if rest.is_empty() {
        return Err(format!("`{keyword}` has no value"));
    }
    let arguments = arguments(rest).ok_or("has an unclosed quote")?;
    Ok(Some(SplitLine {
        keyword,
        arguments,
        rest,
    }))
}

/// Splits words with quotes and backslashes, up to a comment. `None` if a quote is not closed.
fn arguments(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        if next == ' ' || next == '\t' {
            chars.next();
            continue;
        }
        if next == '#' {
            break;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(&c) = chars.peek() {
            if quote.is_none() && (c == ' ' || c == '\t') {
                break;
            }
            chars.next();
            match c {
                '\\' => match chars.peek() {
                    Some(&escaped)
                        if matches!(escaped, '\'' | '"' | '\\')
                            || (quote.is_none() && escaped == ' ') =>
                    {
                        chars.next();
                        word.push(escaped);
                    }
                    _ => word.push('\\'),
                },
                '"' | '\'' if quote.is_none() => quote = Some(c),
                c if quote == Some(c) => quote = None,
                c => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (String, Vec<String>) {
        let words = split(line).unwrap().unwrap();
        (words.keyword.to_owned(), words.arguments)
    }

    #[test]
    fn a_line_is_a_keyword_and_its_arguments() {
        for line in [
            "User amy",
            "  User\tamy \r\n",
            "User=amy",
            "User = amy",
            "User \"amy\" # who",
            "User 'amy'",
            "User am\\y\x0c".replace('\\', "").as_str(),
        ] {
            assert_eq!(words(line), ("User".to_owned(), vec!["amy".to_owned()]));
        }
        assert_eq!(
            words("Host a\\ b 'c d' \"e'f\" g#h #i").1,
            ["a b", "c d", "e'f", "g#h"]
        );
        assert_eq!(words(r"IdentityFile C:\new").1, [r"C:\new"]);
        assert_eq!(words("User ==amy").1, ["=amy"]);
    }

    #[test]
    fn empty_lines_and_comments_are_skipped() {
        for line in ["", "  \t", "# User amy", "   #"] {
            assert_eq!(split(line).unwrap(), None);
        }
    }

    #[test]
    fn lines_that_ssh_refuses_are_refused() {
        for line in ["User", "User =", "User \"amy", "\"User\" amy", "= amy"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
