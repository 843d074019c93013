//! What `files::line` does to a content: bytes to bytes.

use regex::bytes::Regex;

/// A line that is to stand in a text, or not to.
#[derive(Debug)]
pub struct LineEdit {
    pub line: String,
    /// Which line it takes the place of.
    pub matching: Option<Regex>,
    /// Where it goes if it takes no other's place.
    pub anchor: Anchor,
    pub absent: bool,
}

#[derive(Debug)]
pub enum Anchor {
    Start,
    End,
    /// Behind the last line that matches.
    After(Regex, Fallback),
    /// In front of the last line that matches.
    Before(Regex, Fallback),
}

/// Where a line goes whose anchor is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    Start,
    End,
}

struct Line<'a> {
    text: &'a [u8],
    /// `\n`, `\r\n`, or nothing at the end of the content.
    end: &'a [u8],
}

impl LineEdit {
    /// The content as it should be; `None` if it is so.
    #[must_use]
    pub fn edit(&self, content: &[u8]) -> Option<Vec<u8>> {
        let lines: Vec<Line<'_>> = content
            .split_inclusive(|&b| b == b'\n')
            .map(split)
            .collect();
        if self.absent {
            self.remove(&lines)
        } else {
            self.put(&lines)
        }
    }

    fn remove(&self, lines: &[Line<'_>]) -> Option<Vec<u8>> {
        let goes = |line: &&Line<'_>| {
            line.text == self.line.as_bytes()
                || self
                    .matching
                    .as_ref()
                    .is_some_and(|m| m.is_match(line.text))
        };
        lines.iter().any(|line| goes(&line)).then(|| {
            let stay = lines.iter().filter(|line| !goes(line));
            stay.flat_map(|line| [line.text, line.end])
                .flatten()
                .copied()
                .collect()
        })
    }

    fn put(&self, lines: &[Line<'_>]) -> Option<Vec<u8>> {
        let wanted = self.line.as_bytes();
        let stands = lines.iter().any(|line| line.text == wanted);
        if let Some(matching) = &self.matching
            && let Some(at) = last(lines, matching)
            // Where the line does not match itself, the next look would find another one to replace.
            && (matching.is_match(wanted) || !stands)
        {
            return (lines[at].text != wanted).then(|| {
                let mut texts: Vec<&[u8]> = lines.iter().map(|line| line.text).collect();
                texts[at] = wanted;
                let mut ends: Vec<&[u8]> = lines.iter().map(|line| line.end).collect();
                if wanted.is_empty() && ends[at].is_empty() {
                    // Without its end it would be no line.
                    ends[at] = b"\n";
                }
                texts
                    .into_iter()
                    .zip(ends)
                    .flat_map(|(t, e)| [t, e])
                    .flatten()
                    .copied()
                    .collect()
            });
        }
        (!stands).then(|| self.insert(lines))
    }

    fn insert(&self, lines: &[Line<'_>]) -> Vec<u8> {
        let fall_back = |fallback: Fallback| match fallback {
            Fallback::Start => 0,
            Fallback::End => lines.len(),
        };
        let at = match &self.anchor {
            Anchor::Start => 0,
            Anchor::End => lines.len(),
            Anchor::After(anchor, otherwise) => {
                last(lines, anchor).map_or_else(|| fall_back(*otherwise), |at| at + 1)
            }
            Anchor::Before(anchor, otherwise) => {
                last(lines, anchor).unwrap_or_else(|| fall_back(*otherwise))
            }
        };
        // A line ends as the first one of the content does.
        let end: &[u8] = match lines.first() {
            Some(line) if !line.end.is_empty() => line.end,
            _ => b"\n",
        };
        let mut content = Vec::new();
        for line in &lines[..at] {
            content.extend_from_slice(line.text);
            content.extend_from_slice(if line.end.is_empty() { end } else { line.end });
        }
        content.extend_from_slice(self.line.as_bytes());
        content.extend_from_slice(end);
        for line in &lines[at..] {
            content.extend_from_slice(line.text);
            content.extend_from_slice(line.end);
        }
        content
    }
}

fn split(line: &[u8]) -> Line<'_> {
    let text = line
        .strip_suffix(b"\r\n")
        .or_else(|| line.strip_suffix(b"\n"))
        .unwrap_or(line);
    Line {
        text,
        end: &line[text.len()..],
    }
}

fn last(lines: &[Line<'_>], pattern: &Regex) -> Option<usize> {
    lines.iter().rposition(|line| pattern.is_match(line.text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(line: &str) -> LineEdit {
        LineEdit {
            line: line.to_owned(),
            matching: None,
            anchor: Anchor::End,
            absent: false,
        }
    }

    fn regex(pattern: &str) -> Regex {
        Regex::new(pattern).expect("a pattern")
    }

    #[track_caller]
    fn check(edit: &LineEdit, before: &str, after: &str) {
        let edited = edit.edit(before.as_bytes());
        let edited = edited.unwrap_or_else(|| before.as_bytes().to_vec());
        assert_eq!(String::from_utf8_lossy(&edited), after);
        assert_eq!(edit.edit(&edited), None, "a second time");
    }

    #[test]
    fn puts_a_line() {
        check(&edit("c"), "", "c\n");
        check(&edit("c"), "a\nb\n", "a\nb\nc\n");
        check(&edit("c"), "a\nb", "a\nb\nc\n");
        check(&edit("b"), "a\nb", "a\nb");
        check(&edit("c"), "a\r\nb\r\n", "a\r\nb\r\nc\r\n");
        let start = LineEdit {
            anchor: Anchor::Start,
            ..edit("c")
        };
        check(&start, "a\n", "c\na\n");
    }

    #[test]
    fn replaces_the_last_match() {
        let with = |line, pattern| LineEdit {
            matching: Some(regex(pattern)),
            ..edit(line)
        };
        check(&with("A=2", "^A="), "A=0\nB=0\nA=1\n", "A=0\nB=0\nA=2\n");
        check(&with("A=2", "^A="), "A=1", "A=2");
        check(&with("A=2", "^A="), "B=1\r\nA=1\r\n", "B=1\r\nA=2\r\n");
        check(&with("A=2", "^A="), "B=1\n", "B=1\nA=2\n");
        check(&with("", "^#"), "a\n#", "a\n\n");
        // A line that does not match itself.
        check(&with("x", "^#x$"), "#x\n#x\n", "#x\nx\n");
    }

    #[test]
    fn keeps_to_its_anchor() {
        let at = |anchor| LineEdit {
            anchor,
            ..edit("new")
        };
        let after = || at(Anchor::After(regex("^a"), Fallback::End));
        check(&after(), "a1\na2\nb\n", "a1\na2\nnew\nb\n");
        check(&after(), "b\na", "b\na\nnew\n");
        check(&after(), "b\n", "b\nnew\n");
        let before = |otherwise| at(Anchor::Before(regex("^a"), otherwise));
        check(&before(Fallback::End), "b\na", "b\nnew\na");
        check(&before(Fallback::Start), "b\n", "new\nb\n");
    }

    #[test]
    fn removes_lines() {
        let gone = LineEdit {
            absent: true,
            ..edit("b")
        };
        check(&gone, "b\na\nb", "a\n");
        check(&gone, "a\n", "a\n");
        let matching = LineEdit {
            matching: Some(regex("^b")),
            absent: true,
            ..edit("")
        };
        check(&matching, "b1\n\nb2\na\n", "a\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_second_edit_finds_nothing(
            content in proptest::collection::vec(proptest::sample::select(b"ab#\n\r\xff".to_vec()), 0..30),
            line in "[ab#]{0,3}", pattern in "\\^?[ab#]", absent: bool, anchor in 0..4,
        ) {
            let place = regex(&pattern);
            let edit = LineEdit {
                line,
                matching: (anchor % 2 == 0).then(|| place.clone()),
                anchor: match anchor {
                    0 => Anchor::Start,
                    1 => Anchor::End,
                    2 => Anchor::After(place, Fallback::Start),
                    _ => Anchor::Before(place, Fallback::End),
                },
                absent,
            };
            if let Some(edited) = edit.edit(&content) {
                prop_assert_ne!(&edited, &content);
                prop_assert_eq!(edit.edit(&edited), None);
            }
        }
    }
}
