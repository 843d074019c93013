//! What a host prints before the hello, kept for errors.

/// The number of bytes that are kept.
const MAX_KEPT: usize = 4096;

/// The maximum number of bytes that an error shows.
const MAX_SHOWN: usize = 600;
const SHOWN_LINES: usize = 8;

/// The first bytes of what was printed.
#[derive(Default)]
pub(super) struct Printed(Vec<u8>);

impl Printed {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// For an error.
    pub(crate) fn shown(&self) -> String {
        excerpt(&self.text())
    }
}

/// A text from a host on one line, shortened if it is long.
pub(super) fn excerpt(text: &str) -> String {
    let mut lines = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let mut shown = String::new();
    for line in lines.by_ref().take(SHOWN_LINES) {
        if !shown.is_empty() {
            shown.push_str("; ");
        }
        shown.extend(line.chars().map(|c| if c.is_control() { '?' } else { c }));
    }
    let is_long = shown.chars().count() > MAX_SHOWN;
    if is_long {
        shown = shown.chars().take(MAX_SHOWN).collect();
    }
    if is_long || lines.next().is_some() {
        shown.push_str(" ...");
    }
    shown
}
