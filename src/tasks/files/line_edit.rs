//! How `files::line` edits a content: bytes to bytes.

use regex::bytes::Regex;

/// The desired state of a line in a text.
#[derive(Debug)]
pub(crate) struct LineEdit {
    pub line: String,
    /// Which line it replaces.
    pub matching: Option<Regex>,
    /// It replaces all lines that match: the first is replaced and the others are removed. Anchors are then
    /// the first lines that match, too.
    pub unique: bool,
    /// Where it is added if it replaces no line.
    pub anchor: Anchor,
    pub absent: bool,
}

#[derive(Debug)]
pub(crate) enum Anchor {
    Start,
    End,
    /// After the last line that matches, or the first.
    After(Regex, Fallback),
    /// Before it.
    Before(Regex, Fallback),
}

/// Where to add a line whose anchor is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    Start,
    End,
}

struct Line<'a> {
    text: &'a [u8],
    /// `\n`, `\r\n`, or nothing at the end of the content.
    end: &'a [u8],
}

impl LineEdit {
    /// The content as it should be; `None` if it already is.
    #[must_use]
    pub(crate) fn edit(&self, content: &[u8]) -> Option<Vec<u8>> {
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

    /// The numbers of other lines that match and stay after the edit.
    #[must_use]
    pub(crate) fn others(&self, edited: &[u8]) -> Vec<usize> {
        let Some(matching) = self.matching.as_ref().filter(|_| !self.absent) else {
            return Vec::new();
        };
        let lines = edited.split_inclusive(|&b| b == b'\n').map(split);
        let other =
            |line: &Line<'_>| line.text != self.line.as_bytes() && matching.is_match(line.text);
        (1..)
            .zip(lines)
            .filter(|(_, line)| other(line))
            .map(|(number, _)| number)
            .collect()
    }

    /// Removes all lines that match, except the one that becomes the line, unless the line already exists.
    fn put_alone(&self, lines: &[Line<'_>], matching: &Regex) -> Option<Vec<u8>> {
        let wanted = self.line.as_bytes();
        let matches = |line: &Line<'_>| line.text == wanted || matching.is_match(line.text);
        // A line that does not match itself keeps its place.
        let exists = lines.iter().position(|line| line.text == wanted);
        let kept = match exists {
            Some(at) if !matching.is_match(wanted) => Some(at),
            _ => first(lines, matching),
        };
        let Some(kept) = kept else {
            return Some(self.insert(lines));
        };
        let mut content = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if at == kept {
                content.extend_from_slice(wanted);
                let is_lost = wanted.is_empty() && line.end.is_empty();
                content.extend_from_slice(if is_lost { b"\n" } else { line.end });
            } else if !matches(line) {
                content.extend_from_slice(line.text);
                content.extend_from_slice(line.end);
            }
        }
        let is_same = lines.iter().enumerate().all(|(at, line)| {
            if at == kept {
                line.text == wanted
            } else {
                !matches(line)
            }
        });
        (!is_same).then_some(content)
    }

    fn put(&self, lines: &[Line<'_>]) -> Option<Vec<u8>> {
        if let Some(matching) = self.matching.as_ref().filter(|_| self.unique) {
            return self.put_alone(lines, matching);
        }
        let wanted = self.line.as_bytes();
        let exists = lines.iter().any(|line| line.text == wanted);
        if let Some(matching) = &self.matching
            && let Some(at) = last(lines, matching)
            // If the line does not match itself, the next run would find another line to replace.
            && (matching.is_match(wanted) || !exists)
        {
            return (lines[at].text != wanted).then(|| {
                let mut texts: Vec<&[u8]> = lines.iter().map(|line| line.text).collect();
                texts[at] = wanted;
                let mut ends: Vec<&[u8]> = lines.iter().map(|line| line.end).collect();
                if wanted.is_empty() && ends[at].is_empty() {
                    // Without a line ending, it would be joined with the next line.
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
        (!exists).then(|| self.insert(lines))
    }

    fn find(&self, lines: &[Line<'_>], anchor: &Regex) -> Option<usize> {
        if self.unique {
            first(lines, anchor)
        } else {
            last(lines, anchor)
        }
    }

    fn insert(&self, lines: &[Line<'_>]) -> Vec<u8> {
        let fall_back = |fallback: Fallback| match fallback {
            Fallback::Start => 0,
            Fallback::End => lines.len(),
        };
        let at = match &self.anchor {
            Anchor::Start => 0,
            Anchor::End => lines.len(),
            Anchor::After(anchor, otherwise) => self
                .find(lines, anchor)
                .map_or_else(|| fall_back(*otherwise), |at| at + 1),
            Anchor::Before(anchor, otherwise) => self
                .find(lines, anchor)
                .unwrap_or_else(|| fall_back(*otherwise)),
        };
        // A new line gets the line ending of the first line.
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

fn first(lines: &[Line<'_>], pattern: &Regex) -> Option<usize> {
    lines.iter().position(|line| pattern.is_match(line.text))
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
            unique: false,
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
    fn adds_a_line() {
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
    fn replaces_all_lines_that_match() {
        let with = |line, pattern| LineEdit {
            matching: Some(regex(pattern)),
            unique: true,
            ..edit(line)
        };
        let port = with("Port 2222", r"^#?\s*Port\s");
        check(&port, "Port 22\nX\n# Port 2\nY", "Port 2222\nX\nY");
        check(&port, "Port 22\nX\nPort 2222", "Port 2222\nX\n");
        check(&port, "X\r\nPort 2222\r\nPort 22\r\n", "X\r\nPort 2222\r\n");
        check(&port, "Port 2222\nPort 2222\n", "Port 2222\n");
        check(&port, "X\nPort 2222\n", "X\nPort 2222\n");
        // A line that does not match itself.
        check(&with("x", "^#x"), "#x\ny\n#x\n", "x\ny\n");
        check(&with("x", "^#x"), "#x\nx\n#x\nx\n", "x\n");
        check(&with("", "^#"), "a\n#", "a\n\n");
        let before = LineEdit {
            anchor: Anchor::Before(regex("^Match"), Fallback::End),
            ..port
        };
        check(
            &before,
            "X\nMatch a\nMatch b\n",
            "X\nPort 2222\nMatch a\nMatch b\n",
        );
    }

    #[test]
    fn reports_which_other_lines_match() {
        let port = LineEdit {
            matching: Some(regex(r"^#?\s*Port\s")),
            ..edit("Port 2222")
        };
        let before = b"Port 22\nPort 23\n#Port 24\n";
        let edited = port.edit(before).expect("changed");
        assert_eq!(edited, b"Port 22\nPort 23\nPort 2222\n");
        assert_eq!(port.others(&edited), [1, 2]);
        assert_eq!(
            LineEdit {
                absent: true,
                ..port
            }
            .others(before),
            [0; 0]
        );
    }

    #[test]
    fn stays_at_its_anchor() {
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
        #![proptest_config(crate::generation::config(256, file!()))]
        #[test]
        fn a_second_edit_changes_nothing(
            content in proptest::collection::vec(proptest::sample::select(b"ab#\n\r\xff".to_vec()), 0..30),
            line in "[ab#]{0,3}", pattern in "\\^?[ab#]", absent: bool, anchor in 0..4,
            unique: bool,
        ) {
            let place = regex(&pattern);
            let edit = LineEdit {
                line,
                matching: (anchor % 2 == 0).then(|| place.clone()),
                unique,
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
