//! Columns that line up, also with wide characters.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::out::plain;

/// Longer cells are cut; the last column never is.
const CELL_MAX: usize = 40;

/// Rows under a heading.
pub(super) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heading: &[&'static str]) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with as many cells as the heading has.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heading.len(), "a cell for each column");
        let last = cells.len() - 1;
        let fit = |(i, cell): (usize, String)| {
            let cell = plain(&cell);
            if i == last { cell } else { cut(&cell) }
        };
        self.rows
            .push(cells.into_iter().enumerate().map(fit).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines to print, the heading first.
    pub(super) fn lines(&self) -> Vec<String> {
        let heading: Vec<String> = self.heading.iter().map(|cell| (*cell).to_owned()).collect();
        let all = || std::iter::once(&heading).chain(&self.rows);
        let widths: Vec<usize> = (0..self.heading.len())
            .map(|i| all().map(|row| width(&row[i])).max().unwrap_or(0))
            .collect();
        all().map(|row| line(row, &widths)).collect()
    }
}

/// Columns without a heading. What ends its line may run on under the columns after it.
pub(super) fn lines_of<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| plain(cell)))
        .collect();
    let widths: [usize; N] = std::array::from_fn(|i| {
        let rows = rows.iter();
        let goes_on = rows.filter(|row| row[i + 1..].iter().any(|cell| !cell.is_empty()));
        goes_on.map(|row| width(&row[i])).max().unwrap_or(0)
    });
    rows.iter().map(|row| line(row, &widths)).collect()
}

/// Cells below each other's columns, two spaces between them.
pub(super) fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(
            ' ',
            width.saturating_sub(self::width(cell)) + 2,
        ));
    }
    text.truncate(text.trim_end().len());
    text
}

/// In columns of a terminal. Most cells are plain letters, and tables may have a million of them.
pub(super) fn width(cell: &str) -> usize {
    match cell.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => cell.len(),
        false => cell.width(),
    }
}

fn cut(cell: &str) -> String {
    cut_to(cell, CELL_MAX)
}

/// As much of a cell as fits, with `…` where the rest of it was.
pub(super) fn cut_to(cell: &str, widest: usize) -> String {
    if width(cell) <= widest {
        return cell.to_owned();
    }
    let mut text = String::new();
    for c in cell.chars() {
        if text.width() + c.width().unwrap_or(0) + 1 > widest {
            break;
        }
        text.push(c);
    }
    text + "…"
}
