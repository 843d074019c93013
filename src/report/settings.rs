//! Settings of reporters for people.

use anstyle::Style;

/// What the user chose, and what the terminal supports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether escape codes for colour may be used.
    pub colour: bool,
    /// How often `-v` was given. From 1 on, tasks that changed nothing and the output of commands are shown.
    pub verbose: u8,
    /// `--diff`: changes of content are shown as unified diffs.
    pub diff: bool,
    /// The width in columns, if it is not the terminal's own.
    pub width: Option<u16>,
    /// Whether a GitHub Actions runner reads the output: see [`runner::harmless`](super::runner::harmless).
    pub on_github: bool,
}

impl Settings {
    /// The settings for the standard output of this process.
    #[must_use]
    pub fn of_stdout(verbose: u8, diff: bool) -> Self {
        Self {
            colour: Self::takes_colour(&std::io::stdout()),
            verbose,
            diff,
            width: None,
            on_github: super::runner::is_step(),
        }
    }

    /// Whether a stream takes colour, as decided by whether it is a terminal and by `NO_COLOR`, `CLICOLOR`,
    /// `CLICOLOR_FORCE`, `TERM` and `CI`.
    #[must_use]
    pub fn takes_colour(stream: &impl anstream::stream::RawStream) -> bool {
        anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
    }

    /// The text in a style, if colour may be used.
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}
