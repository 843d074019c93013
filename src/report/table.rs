//! Columns of text that line up.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::{Settings, clean_line};

/// Lines of cells padded to the widest of their column, two spaces between, nothing after the last. The
/// texts are made harmless for a terminal.
#[must_use]
pub fn render(rows: &[Vec<String>]) -> String {
    let plain = |cell: &String| (Style::new(), cell.clone());
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(plain).collect())
        .collect();
    styled(&rows, Settings::default())
}

/// The same with a style for each cell.
#[must_use]
pub(super) fn styled(rows: &[Vec<(Style, String)>], settings: Settings) -> String {
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|(style, cell)| (*style, clean_line(cell)))
                .collect()
        })
        .collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, (_, cell)) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut out = String::new();
    for row in &rows {
        let start = out.len();
        for ((style, cell), width) in row.iter().zip(&widths) {
            if *style == Style::new() {
                out.push_str(cell);
            } else {
                out.push_str(&settings.paint(*style, cell));
            }
            out.push_str(&" ".repeat(width - cell.width() + 2));
        }
        out.truncate(start + out[start..].trim_end().len());
        out.push('\n');
    }
    out
}
