//! Text for terminals and files of plain text: paragraphs and tables, 80 columns wide.

use unicode_width::UnicodeWidthStr as _;

const WIDTH: usize = 80;

/// A paragraph, each of its lines behind an indent.
pub(super) fn paragraph(text: &str, indent: usize) -> String {
    let (mut out, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.width() + 1 + word.width() > WIDTH {
            out.push_str(&indented(&line, indent));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out + &indented(&line, indent)
}

/// Lines as they are, each behind an indent.
pub(super) fn indented(text: &str, indent: usize) -> String {
    let lines = text.lines();
    lines
        .map(|line| format!("{:indent$}{line}", "").trim_end().to_owned() + "\n")
        .collect()
}

/// Rows of two columns; the second is a paragraph of its own.
pub(super) fn two_columns(rows: &[(String, String)], indent: usize) -> String {
    let widths = rows.iter().map(|(left, _)| left.width());
    let column = indent + widths.max().unwrap_or(0) + 2;
    let mut text = String::new();
    for (left, right) in rows {
        let right = paragraph(right, column);
        let right = right.trim_start();
        let padding = column.saturating_sub(indent + left.width());
        text.push_str(&format!("{:indent$}{left}{:padding$}{right}", "", ""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{paragraph, two_columns};

    #[test]
    fn a_long_line_is_broken_between_words_and_a_short_one_is_not() {
        assert_eq!(paragraph("one two", 2), "  one two\n");
        let long = paragraph(&"word ".repeat(40), 4);
        assert!(
            long.lines()
                .all(|line| line.starts_with("    w") && line.len() <= 80)
        );
        assert_eq!(long.split_whitespace().count(), 40);
    }

    #[test]
    fn columns_begin_where_those_above_begin() {
        let rows = [("a", "x"), ("abc", "y")].map(|(l, r)| (l.to_owned(), r.to_owned()));
        assert_eq!(two_columns(&rows, 1), " a    x\n abc  y\n");
    }
}
