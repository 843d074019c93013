//! How a human reporter shows things.

use anstyle::Style;

/// What the user chose, and what the terminal can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Escape codes for colour may be used.
    pub colour: bool,
    /// How often `-v` was given. From 1 on, tasks that changed nothing and the output of commands show.
    pub verbose: u8,
    /// `--diff`: changes of content show as unified diffs.
    pub diff: bool,
    /// Columns, where they are not the terminal's own.
    pub width: Option<u16>,
    /// A GitHub Actions runner reads the output: see [`github::harmless`](super::github::harmless).
    pub on_github: bool,
}

impl Settings {
    /// For standard output as it is here.
    #[must_use]
    pub fn of_stdout(verbose: u8, diff: bool) -> Self {
        Self {
            colour: Self::takes_colour(&std::io::stdout()),
            verbose,
            diff,
            width: None,
            on_github: super::github::is_step(),
        }
    }

    /// Whether a stream takes colour: it is a terminal, and `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`,
    /// `TERM` and `CI` do not say otherwise.
    #[must_use]
    pub fn takes_colour(stream: &impl anstream::stream::RawStream) -> bool {
        anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
    }

    /// The text in a style, where colour may be used.
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}
