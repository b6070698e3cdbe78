//! How the rows of a table read as text: a row of words is a line, its cells side by side; a cell
//! with paragraphs or tables in it stands on lines of its own.

use std::collections::BTreeMap;

use super::flow::Gap;
use super::markup::{Markup, Token};
use crate::compose::tags::Kind;

/// What is around the rows and cells of all tables, by the numbers of their tokens.
#[derive(Debug, Default)]
pub(super) struct Cells {
    gaps: BTreeMap<usize, Gap>,
    /// From the token of a row that is one line to that of its end.
    lines: BTreeMap<usize, usize>,
}

impl Cells {
    pub(super) fn gap(&self, token: usize) -> Gap {
        self.gaps.get(&token).copied().unwrap_or(Gap::Line)
    }

    /// Whether a token stands in a row of several cells that is one line.
    pub(super) fn in_row(&self, token: usize) -> bool {
        let row = self.lines.range(..token).next_back();
        row.is_some_and(|(_, end)| token < *end)
    }
}

#[derive(Debug)]
struct Row {
    from: usize,
    /// The tokens where its cells begin and end.
    edges: Vec<usize>,
    cells: usize,
    /// Whether a cell holds more than words.
    has_blocks: bool,
}

pub(super) fn survey(markup: &Markup<'_>) -> Cells {
    let mut cells = Cells::default();
    let mut open: Vec<Row> = Vec::new();
    // Rows that were open where a table began within them.
    let mut outer: Vec<usize> = Vec::new();
    for (at, token) in markup.tokens.iter().enumerate() {
        let (name, opens) = match token {
            Token::Open(open) => (open.name.as_str(), true),
            Token::Close(name, _) => (name.as_str(), false),
            _ => continue,
        };
        let floor = outer.last().copied().unwrap_or(0);
        match (name, opens) {
            ("table", true) => {
                open.last_mut()
                    .into_iter()
                    .for_each(|row| row.has_blocks = true);
                outer.push(open.len());
            }
            ("table", false) => {
                while open.len() > floor {
                    end_row(&mut open, &mut cells, at);
                }
                outer.pop();
            }
            ("tr", _) => {
                if open.len() > floor {
                    end_row(&mut open, &mut cells, at);
                }
                if opens {
                    open.push(Row {
                        from: at,
                        edges: Vec::new(),
                        cells: 0,
                        has_blocks: false,
                    });
                }
            }
            ("td" | "th", _) => {
                if let Some(row) = open.last_mut().filter(|_| !outer.is_empty()) {
                    row.edges.push(at);
                    row.cells += usize::from(opens);
                }
            }
            (
                "p" | "div" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "pre"
                | "blockquote" | "hr" | "dl",
                true,
            ) => {
                open.last_mut()
                    .into_iter()
                    .for_each(|row| row.has_blocks = true);
            }
            _ => {}
        }
    }
    while !open.is_empty() {
        end_row(&mut open, &mut cells, markup.tokens.len());
    }
    cells
}

fn end_row(open: &mut Vec<Row>, cells: &mut Cells, at: usize) {
    let Some(row) = open.pop() else {
        return;
    };
    let (around, between) = match row.has_blocks {
        true => (Gap::Blank, Gap::Blank),
        false => (Gap::Line, Gap::Cell),
    };
    cells.gaps.insert(row.from, around);
    let end = cells.gaps.entry(at).or_insert(around);
    *end = around.max(*end);
    for edge in row.edges {
        cells.gaps.insert(edge, between);
    }
    if !row.has_blocks && row.cells > 1 {
        cells.lines.insert(row.from, at);
    }
}

/// Whether the numbers of a list's items are known: no item is in a block. `after` is what follows
/// the list's beginning.
pub(super) fn can_be_numbered(after: &[Token], markup: &Markup<'_>) -> bool {
    let (mut lists, mut items) = (1, 0);
    for token in after {
        match token {
            Token::Open(open) if open.name == "ol" || open.name == "ul" => lists += 1,
            Token::Open(open) if open.name == "li" && lists == 1 => items = 1,
            Token::Close(name, _) if name == "ol" || name == "ul" => lists -= 1,
            Token::Close(name, _) if name == "li" && lists == 1 => items = 0,
            Token::Tag(tag) if lists == 1 && items == 0 => {
                if matches!(markup.tags[*tag].kind, Kind::Open(_)) {
                    return false;
                }
            }
            _ => {}
        }
        if lists == 0 {
            break;
        }
    }
    true
}
