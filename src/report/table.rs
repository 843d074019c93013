//! Tables of text with aligned columns.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::{Settings, clean_line};

/// Rows of cells, each padded to the width of its column, with two spaces between. What a terminal would act
/// on is escaped.
#[must_use]
pub fn render(rows: &[Vec<String>]) -> String {
    let plain = |cell: &String| (Style::new(), cell.clone());
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(plain).collect())
        .collect();
    styled(&rows, Settings::default())
}

/// The same, but a cell wider than `most` only moves the rest of its own line.
#[must_use]
pub fn render_ragged(rows: &[Vec<String>], most: usize) -> String {
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean_line(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let narrow = cells
                .map(|cell| cell.width())
                .filter(|width| *width <= most);
            narrow.max().unwrap_or_default()
        })
        .collect();
    let mut out = String::new();
    for row in &rows {
        let start = out.len();
        for (cell, width) in row.iter().zip(&widths) {
            out.push_str(cell);
            out.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        out.truncate(start + out[start..].trim_end().len());
        out.push('\n');
    }
    out
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

#[cfg(test)]
mod tests {
    use super::render_ragged;

    #[test]
    fn a_long_cell_does_not_widen_its_column() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["a", "1", "hosts:1"]),
            row(["certificate", "0123456789", "hosts:2"]),
            row(["b", "12345", "hosts:3"]),
        ];
        assert_eq!(
            render_ragged(&rows, 8),
            "a  1      hosts:1\ncertificate  0123456789  hosts:2\nb  12345  hosts:3\n"
        );
        assert_eq!(render_ragged(&[], 8), "");
    }
}
