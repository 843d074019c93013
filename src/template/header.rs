//! The first line of a template in which Ansible sets how blocks are trimmed: `#jinja2: trim_blocks:
//! False`.
//!
//! It is not rendered. A setting that this engine does not support is refused by name.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind};

const BEGINS: &str = "#jinja2:";

/// The header of a template, and the rest of the template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    trim_blocks: Option<bool>,
    lstrip_blocks: Option<bool>,
    keep_trailing_newline: Option<bool>,
    pub rest: &'a str,
    /// The number of lines before the rest.
    pub lines: usize,
}

impl<'a> Header<'a> {
    /// Splits off a byte order mark and the header.
    pub(crate) fn of(text: &'a str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut header = Self {
            trim_blocks: None,
            lstrip_blocks: None,
            keep_trailing_newline: None,
            rest: text,
            lines: 0,
        };
        let Some(settings) = text.strip_prefix(BEGINS) else {
            return Ok(header);
        };
        let (settings, rest) = settings.split_once('\n').unwrap_or((settings, ""));
        header.rest = rest;
        header.lines = 1;
        for setting in settings
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
        {
            header.set(setting)?;
        }
        Ok(header)
    }

    fn set(&mut self, setting: &str) -> Result<(), Error> {
        let refused = |why: &str| {
            Error::new(
                ErrorKind::SyntaxError,
                format!("its header `{BEGINS}`: {why}"),
            )
        };
        let (name, value) = setting
            .split_once(':')
            .ok_or_else(|| refused(&format!("`{setting}` has no value")))?;
        let (name, value) = (name.trim(), value.trim());
        let place = match name {
            "trim_blocks" => &mut self.trim_blocks,
            "lstrip_blocks" => &mut self.lstrip_blocks,
            "keep_trailing_newline" => &mut self.keep_trailing_newline,
            other => return Err(refused(&format!("`{other}` cannot be set here"))),
        };
        *place = Some(match value {
            "True" | "true" | "yes" | "1" => true,
            "False" | "false" | "no" | "0" => false,
            _ => {
                return Err(refused(&format!(
                    "`{name}` must be True or False, not `{value}`"
                )));
            }
        });
        Ok(())
    }

    /// The syntax that is set; `None`: the usual syntax.
    pub(crate) fn syntax(&self, usual: &SyntaxConfig) -> Option<SyntaxConfig> {
        if self.lines == 0 {
            return None;
        }
        SyntaxConfig::builder()
            .trim_blocks(self.trim_blocks.unwrap_or(usual.trim_blocks()))
            .lstrip_blocks(self.lstrip_blocks.unwrap_or(usual.lstrip_blocks()))
            .keep_trailing_newline(
                self.keep_trailing_newline
                    .unwrap_or(usual.keep_trailing_newline()),
            )
            .build()
            .ok()
    }
}

/// The number of header lines of a template: the engine counts lines after them.
#[must_use]
pub fn header_lines(text: &str) -> usize {
    Header::of(text).map_or(0, |header| header.lines)
}
