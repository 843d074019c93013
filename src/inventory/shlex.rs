//! Splits a line into words like Python's `shlex` with comments enabled, which Ansible's INI format is based
//! on.

pub(super) struct Words {
    pub list: Vec<String>,
    /// The last word was cut at a `#` inside it, because the rest was taken for a comment.
    pub is_cut: bool,
}

/// Splits a line into words. The error names the unclosed quote or escape.
pub(super) fn split(line: &str) -> Result<Words, &'static str> {
    let mut words = Vec::new();
    let mut is_cut = false;
    let mut word = String::new();
    let mut started = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
            }
            // Also inside a word: `a#b` is the word `a`.
            '#' => {
                is_cut = started;
                break;
            }
            '\'' => {
                started = true;
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("no closing quotation"),
                    }
                }
            }
            '"' => {
                started = true;
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => return Err("no escaped character"),
                        },
                        Some(c) => word.push(c),
                        None => return Err("no closing quotation"),
                    }
                }
            }
            '\\' => {
                started = true;
                word.push(chars.next().ok_or("no escaped character")?);
            }
            c => {
                started = true;
                word.push(c);
            }
        }
    }
    if started {
        words.push(word);
    }
    Ok(Words {
        list: words,
        is_cut,
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn quotes_escapes_and_comments() {
        let words = |line| split(line).unwrap().list;
        assert_eq!(words("web1 a=1 b='x y' # note"), ["web1", "a=1", "b=x y"]);
        assert_eq!(
            words(r#"h a="say \"hi\" \n" b=c\ d"#),
            ["h", r#"a=say "hi" \n"#, "b=c d"]
        );
        assert_eq!(words("h pass=a#b"), ["h", "pass=a"]);
        assert!(split("h pass=a#b").unwrap().is_cut);
        assert!(split("h pass='a'#b").unwrap().is_cut);
        for whole in ["h pass=a #b", "h pass='a#b'", "h pass=a\\#b", "#h"] {
            assert!(!split(whole).unwrap().is_cut, "{whole}");
        }
        assert_eq!(words("h e=''"), ["h", "e="]);
        assert!(split("h a='x").is_err());
        assert!(split("h a=\\").is_err());
    }
}
