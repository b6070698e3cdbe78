//! The first rows of a list as a small table that fits a terminal of any width.

use serde_json::{Map, Value};

use super::super::out::plain;
use super::super::table::{cut_to, line, width};
use crate::plan::Census;

/// A column is at least so wide, if it has that much to show, before the ones after it give way.
const CELL_MAX: usize = 28;
/// Between two columns.
const GAP: usize = 2;

/// The first rows below the names of their columns, the addresses first, and the columns that there
/// was no room for.
pub(super) fn table(census: &Census, address: &str, room: usize) -> (Vec<String>, Vec<String>) {
    let mut columns: Vec<&String> = census.columns.iter().collect();
    columns.sort_by_key(|it| *it != address);
    let cells = |column: &str| -> Vec<String> {
        let rows = census.first.iter().map(|row| cell(row, column));
        std::iter::once(plain(column)).chain(rows).collect()
    };
    let (mut shown, mut widths) = (Vec::new(), Vec::new());
    let mut used = 0;
    for column in &columns {
        let cells = cells(column);
        let wide = cells.iter().map(|it| width(it)).max().unwrap_or(0);
        let wide = wide.min(CELL_MAX);
        if used + wide > room {
            break;
        }
        used += wide + GAP;
        widths.push(wide);
        shown.push(cells);
    }
    let row = |at: usize| {
        let cells: Vec<String> = (shown.iter().zip(&widths))
            .map(|(cells, wide)| cut_to(&cells[at], *wide))
            .collect();
        line(&cells, &widths)
    };
    let rows = (0..=census.first.len()).map(row).collect();
    let left = columns.into_iter().skip(shown.len()).cloned();
    (rows, left.collect())
}

fn cell(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => {
            let text = text.trim().replace("\r\n", "⏎");
            plain(&text.replace(['\n', '\r'], "⏎").replace('\t', "⇥"))
        }
        Some(other) => plain(&other.to_string()),
    }
}

/// Names with commas between them, as many on a line as fit.
pub(super) fn wrapped(lead: &str, names: &[String], room: usize) -> Vec<String> {
    let mut lines = vec![lead.to_owned()];
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        let mut last = lines.last_mut().expect("there is always one");
        if width(last) + width(name) + comma.len() > room && !last.trim().is_empty() && at > 0 {
            last.truncate(last.trim_end().len());
            lines.push(" ".repeat(lead.len()));
            last = lines.last_mut().expect("it was put there just now");
        }
        *last += name;
        *last += comma;
        if !comma.is_empty() {
            last.push(' ');
        }
    }
    lines
}

/// Words in lines that fit, those after the first one indented.
pub(super) fn folded(lead: &str, words: &[String], room: usize) -> Vec<String> {
    let mut lines = vec![lead.trim_end().to_owned()];
    for word in words {
        let last = lines.last_mut().expect("there is always one");
        if width(last) + 1 + width(word) > room {
            lines.push(format!("  {word}"));
        } else {
            *last += " ";
            *last += word;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(columns: &[&str], rows: &[&[&str]]) -> Census {
        let first = rows.iter().map(|row| {
            let cells = columns.iter().zip(*row);
            cells
                .map(|(name, cell)| ((*name).to_owned(), Value::from(*cell)))
                .collect()
        });
        Census {
            list: "people".to_owned(),
            columns: columns.iter().map(|it| (*it).to_owned()).collect(),
            particulars: None,
            rows: rows.len() as u64,
            people: rows.len() as u64,
            bad: crate::plan::Told::default(),
            unfit: crate::plan::Told::default(),
            first: first.collect(),
        }
    }

    #[test]
    fn wide_letters_line_up_and_long_cells_are_cut() {
        let long = "a note that is longer than any column may be";
        let rows: &[&[&str]] = &[
            &["张三丰", "ada@example.org", long],
            &["Bo", "bo@example.org", ""],
        ];
        let (lines, left) = table(&census(&["name", "email", "note"], rows), "email", 78);
        assert_eq!(
            lines,
            [
                "email            name    note",
                "ada@example.org  张三丰  a note that is longer than …",
                "bo@example.org   Bo",
            ]
        );
        assert!(left.is_empty());
    }

    #[test]
    fn columns_that_do_not_fit_are_only_named() {
        let cells = ["ada@example.org", "Lovelace\nAda", "x", "y"];
        let (lines, left) = table(
            &census(&["email", "name", "a", "b"], &[&cells]),
            "email",
            32,
        );
        assert_eq!(
            lines,
            [
                "email            name          a",
                "ada@example.org  Lovelace⏎Ada  x"
            ]
        );
        assert_eq!(left, ["b"]);
        let names = ["first", "second", "third"].map(str::to_owned);
        assert_eq!(
            wrapped("and: ", &names, 19),
            ["and: first, second,", "     third"]
        );
    }
}
