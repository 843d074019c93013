//! The sections of what a probe printed.

use std::collections::HashMap;

/// What a host printed for the script of a probe, in sections.
pub struct Sections<'a> {
    pub(super) token: &'a str,
    /// The data of each section, by name.
    sections: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Sections<'a> {
    /// Splits the output of a host. `None`: the script did not finish.
    #[must_use]
    pub fn split(printed: &'a [u8], token: &'a str) -> Option<Self> {
        let border = format!("\n{token} ").into_bytes();
        let mut sections = HashMap::new();
        let mut rest = printed;
        let mut name: Option<&str> = None;
        loop {
            let at = find(rest, &border);
            let (data, after) = match at {
                Some(at) => (&rest[..at], Some(&rest[at + border.len()..])),
                None => (rest, None),
            };
            if let Some(name) = name {
                sections.insert(name, data);
            }
            let Some(after) = after else { break };
            let end = after.iter().position(|&b| b == b'\n')?;
            name = Some(std::str::from_utf8(&after[..end]).ok()?);
            rest = &after[end + 1..];
        }
        sections
            .contains_key("end")
            .then_some(Self { token, sections })
    }

    pub(super) fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.sections.get(name).copied()
    }
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&b| b == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
