//! The lines of a Markdown text, and where the tags that stand alone on one belong.

use std::collections::BTreeMap;

use super::words::Words;
use crate::compose::tags::Kind;

/// A Markdown text without the lines of tags that belong around an item or a row.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: String,
    /// The tags before and after the item or row that begins on the line with this offset.
    pub(super) around: BTreeMap<usize, Around>,
}

#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    /// Nothing but block tags.
    Tags,
    /// The beginning of a list's item, with its indentation.
    Item(usize),
    /// A row of a table.
    Row,
    /// HTML, or code.
    Verbatim,
    Text,
}

/// What becomes of a tag that is alone on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It stays in the paragraph.
    Inline,
    /// It stands between paragraphs.
    Apart,
    /// It goes before, or after, what begins on a line.
    Before(usize),
    After(usize),
}

/// A block whose tags all stand alone on their lines.
struct Block {
    /// Each tag of it, with its line.
    tags: Vec<(usize, usize)>,
    is_loop: bool,
}

impl Draft {
    pub(super) fn of(words: &Words<'_>) -> Self {
        let lines: Vec<&str> = words.text.split('\n').collect();
        let tags: Vec<Vec<usize>> = lines.iter().map(|line| block_tags(words, line)).collect();
        let kinds = kinds(&lines, &tags);
        let page = Page { kinds, tags };
        let fates = page.fates(words);
        page.write(words, &lines, &fates)
    }
}

/// The tags of a line that holds nothing but tags of blocks, and comments.
fn block_tags(words: &Words<'_>, line: &str) -> Vec<usize> {
    let tags = words.only_tags(line).unwrap_or_default();
    let is_block = |tag: &usize| match words.kind(*tag) {
        Kind::Open(_) | Kind::Else { .. } | Kind::Close(_) => true,
        Kind::Verbatim => words.tag_text(*tag).starts_with("{{!"),
        _ => false,
    };
    if tags.iter().all(is_block) {
        tags
    } else {
        Vec::new()
    }
}

fn kinds(lines: &[&str], tags: &[Vec<usize>]) -> Vec<Line> {
    let mut kinds: Vec<Line> = Vec::with_capacity(lines.len());
    let mut fence: Option<&str> = None;
    let mut in_table = false;
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        let before = kinds.last().copied().unwrap_or(Line::Blank);
        if let Some(open) = fence {
            if trimmed.starts_with(open) {
                fence = None;
            }
            kinds.push(Line::Verbatim);
            continue;
        }
        fence = ["```", "~~~"]
            .into_iter()
            .find(|fence| trimmed.starts_with(fence));
        let in_html = before == Line::Verbatim && !trimmed.is_empty();
        let html = trimmed.starts_with('<') && !matches!(before, Line::Text | Line::Item(_));
        in_table = trimmed.contains('|')
            && (in_table
                || lines.get(at + 1).is_some_and(|next| is_delimiter(next))
                || (is_delimiter(line) && before == Line::Row))
            || (in_table && !tags[at].is_empty());
        kinds.push(match () {
            () if fence.is_some() => Line::Verbatim,
            () if trimmed.is_empty() => Line::Blank,
            () if html || (in_html && was_html(lines, &kinds)) => Line::Verbatim,
            () if !tags[at].is_empty() => Line::Tags,
            () if in_table => Line::Row,
            () => match item_indent(line) {
                Some(indent) => Line::Item(indent),
                None => Line::Text,
            },
        });
    }
    kinds
}

/// Whether the line before is HTML, which goes on until a blank line, and not the end of code.
fn was_html(lines: &[&str], kinds: &[Line]) -> bool {
    let before = lines[kinds.len() - 1].trim();
    !before.starts_with("```") && !before.starts_with("~~~")
}

/// `|---|:-:|`, the line under a table's head.
fn is_delimiter(line: &str) -> bool {
    let line = line.trim();
    line.contains('-')
        && line.contains('|')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

fn item_indent(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    let after = match digits {
        0 => text.strip_prefix(['-', '*', '+'])?,
        1..=9 => text[digits..].strip_prefix(['.', ')'])?,
        _ => return None,
    };
    (after.is_empty() || after.starts_with([' ', '\t'])).then(|| line.len() - text.len())
}

struct Page {
    kinds: Vec<Line>,
    tags: Vec<Vec<usize>>,
}

impl Page {
    /// The next line from `at` on that is neither blank nor only tags.
    fn next(&self, at: usize) -> Option<usize> {
        let is_content = |at: &usize| !matches!(self.kinds[*at], Line::Blank | Line::Tags);
        (at..self.kinds.len()).find(is_content)
    }

    fn previous(&self, at: usize) -> Option<usize> {
        let is_content = |at: &usize| !matches!(self.kinds[*at], Line::Blank | Line::Tags);
        (0..at).rev().find(is_content)
    }

    fn fates(&self, words: &Words<'_>) -> BTreeMap<usize, Fate> {
        let mut fates = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (at, tags) in self.tags.iter().enumerate() {
            if self.kinds[at] == Line::Tags {
                places.extend(tags.iter().map(|tag| (*tag, at)));
                fates.extend(tags.iter().map(|tag| (*tag, Fate::Apart)));
            }
        }
        for block in blocks(words, &places) {
            fates.extend(self.fate(&block));
        }
        fates
    }

    fn fate(&self, block: &Block) -> Vec<(usize, Fate)> {
        let (first, last) = (block.tags[0].1, block.tags[block.tags.len() - 1].1);
        let next = self.next(first).filter(|next| *next < last);
        let all = |fate: Fate| block.tags.iter().map(|(tag, _)| (*tag, fate)).collect();
        match next.map(|next| (next, self.kinds[next])) {
            Some((next, Line::Item(indent)))
                if block.is_loop || !self.is_whole_list(first, last) =>
            {
                self.around(block, next, Line::Item(indent))
            }
            Some((next, Line::Row)) if self.is_in_table(first) => {
                self.around(block, next, Line::Row)
            }
            _ if self.is_within_paragraph(first, last) => all(Fate::Inline),
            _ => all(Fate::Apart),
        }
    }

    /// Around the items or rows that the block holds: each tag before the next one, or else after
    /// the last one before it.
    fn around(&self, block: &Block, first: usize, kind: Line) -> Vec<(usize, Fate)> {
        let end = block.tags[block.tags.len() - 1].1;
        let within: Vec<usize> = (first..end).filter(|at| self.kinds[*at] == kind).collect();
        let mut fates: Vec<(usize, Fate)> = Vec::new();
        for (tag, line) in &block.tags[..block.tags.len() - 1] {
            let next = within.iter().find(|at| *at > line);
            fates.push((
                *tag,
                match next {
                    Some(next) => Fate::Before(*next),
                    None => Fate::After(within[within.len() - 1]),
                },
            ));
        }
        let (close, _) = block.tags[block.tags.len() - 1];
        fates.push((close, Fate::After(within[within.len() - 1])));
        fates
    }

    /// Whether a block holds a list from its first item to its last.
    fn is_whole_list(&self, first: usize, last: usize) -> bool {
        let in_list =
            |at: Option<usize>| at.is_some_and(|at| matches!(self.kinds[at], Line::Item(_)));
        let follows = self.next(last).filter(|at| self.kinds[*at] != Line::Text);
        !in_list(self.previous(first)) && !in_list(follows)
    }

    fn is_in_table(&self, at: usize) -> bool {
        let before = (0..at).rev().find(|at| self.kinds[*at] != Line::Tags);
        before.is_some_and(|at| self.kinds[at] == Line::Row)
    }

    /// Whether a block stands among lines of one paragraph: with text right before or after it,
    /// and nothing but text in it.
    fn is_within_paragraph(&self, first: usize, last: usize) -> bool {
        let is_text = |at: &usize| matches!(self.kinds[*at], Line::Text | Line::Tags);
        let before = (0..first).rev().find(|at| self.kinds[*at] != Line::Tags);
        let after = (last + 1..self.kinds.len()).find(|at| self.kinds[*at] != Line::Tags);
        let joined = |at: Option<usize>| at.is_some_and(|at| self.kinds[at] == Line::Text);
        (first..=last).all(|at| is_text(&at))
            && (joined(before) || joined(after) || self.follows_item(before))
    }

    fn follows_item(&self, before: Option<usize>) -> bool {
        before.is_some_and(|at| matches!(self.kinds[at], Line::Item(_)))
    }

    fn write(&self, words: &Words<'_>, lines: &[&str], fates: &BTreeMap<usize, Fate>) -> Draft {
        let mut text = String::with_capacity(words.text.len() + 64);
        let mut starts = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            if self.kinds[at] != Line::Tags {
                starts.insert(at, text.len());
                text.push_str(line);
                text.push('\n');
                continue;
            }
            let indent = &line[..line.len() - line.trim_start().len()];
            for tag in &self.tags[at] {
                match fates.get(tag) {
                    Some(Fate::Inline) => text.extend([indent, &words.word(*tag), "\n"]),
                    Some(Fate::Apart) => {
                        text.extend(["\n", indent, &words.word(*tag), "\n\n"]);
                    }
                    Some(Fate::After(_)) if self.must_end(at) => text.push('\n'),
                    _ => {}
                }
            }
        }
        let mut around: BTreeMap<usize, Around> = BTreeMap::new();
        for (tag, fate) in fates {
            match fate {
                Fate::Before(line) => around.entry(starts[line]).or_default().before.push(*tag),
                Fate::After(line) => around.entry(starts[line]).or_default().after.push(*tag),
                _ => {}
            }
        }
        Draft { text, around }
    }

    /// Whether the text after a line of tags would be read as a part of the item or table above.
    fn must_end(&self, at: usize) -> bool {
        let after = self.kinds[at + 1..]
            .iter()
            .find(|kind| **kind != Line::Tags);
        !matches!(after, Some(Line::Item(_) | Line::Row | Line::Blank))
    }
}

/// The blocks whose tags are all among `places`, outer ones last.
fn blocks(words: &Words<'_>, places: &BTreeMap<usize, usize>) -> Vec<Block> {
    let mut open: Vec<(Block, bool)> = Vec::new();
    let mut found = Vec::new();
    for number in 0..words.tags.len() {
        let line = places.get(&number).copied();
        let kind = words.kind(number);
        if let Kind::Open(word) = kind {
            let is_loop = word == "each";
            let tags = Vec::new();
            open.push((Block { tags, is_loop }, true));
        }
        let is_of_block = matches!(kind, Kind::Open(_) | Kind::Else { .. } | Kind::Close(_));
        if let Some((block, alone)) = open.last_mut().filter(|_| is_of_block) {
            *alone &= line.is_some();
            block.tags.push((number, line.unwrap_or(0)));
        }
        if let Kind::Close(_) = kind
            && let Some((block, true)) = open.pop()
        {
            found.push(block);
        }
    }
    found
}
