//! Which lines belong together: a value in brackets may have several.
//!
//! This reads text that TOML's parser may have given up on, so it guesses: a line that begins like
//! a header or like a key ends the value before it, whatever was left open.

use std::ops::Range;

/// The lines of one header, or of one key and its value.
pub(super) struct Extent {
    pub(super) lines: Range<usize>,
    /// The bracket in it that nothing closes.
    pub(super) unclosed: Option<usize>,
}

pub(super) fn all(text: &str) -> Vec<Extent> {
    let mut extents: Vec<Extent> = Vec::new();
    let mut open = Open::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let lines = start..start + line.trim_end_matches('\n').len();
        let is_new = open.is_empty() || open.is_left_by(line);
        match extents.last_mut() {
            Some(last) if !is_new => last.lines.end = lines.end,
            _ => {
                let unclosed = std::mem::take(&mut open).culprit();
                if let Some(last) = extents.last_mut() {
                    last.unclosed = unclosed;
                }
                let unclosed = None;
                extents.push(Extent { lines, unclosed });
            }
        }
        if !(is_new && line.trim_start().starts_with('[')) {
            open.read(line, start);
        }
        start += line.len();
    }
    if let Some(last) = extents.last_mut() {
        last.unclosed = open.culprit();
    }
    extents
}

/// What is open at the end of a line.
#[derive(Default)]
struct Open {
    brackets: Vec<Bracket>,
    /// A bracket that another one's end went over.
    crossed: Option<usize>,
    /// The three quotes of a text of several lines.
    text: Option<&'static str>,
}

struct Bracket {
    at: usize,
    sign: char,
    /// Whether nothing stands behind it on its line.
    ends_line: bool,
}

impl Open {
    fn is_empty(&self) -> bool {
        self.brackets.is_empty() && self.text.is_none()
    }

    fn culprit(self) -> Option<usize> {
        let last = self.brackets.last().map(|it| it.at);
        self.crossed.or(last)
    }

    /// Whether the line looks like the beginning of something else.
    fn is_left_by(&self, line: &str) -> bool {
        let in_keys = self.brackets.last();
        let in_keys = in_keys.is_some_and(|it| it.sign == '{' && it.ends_line);
        self.text.is_none() && (is_header(line) || is_key(line) && !in_keys)
    }

    fn read(&mut self, line: &str, start: usize) {
        let mut at = 0;
        while let Some(sign) = line[at..].chars().next() {
            let rest = &line[at..];
            if let Some(fence) = self.text {
                let Some(end) = rest.find(fence) else { return };
                at += end + fence.len();
                self.text = None;
                continue;
            }
            let fence = ["\"\"\"", "'''"]
                .into_iter()
                .find(|it| rest.starts_with(it));
            if fence.is_some() {
                self.text = fence;
                at += 3;
                continue;
            }
            match sign {
                '#' => return,
                '"' | '\'' => at += quoted(rest, sign),
                '[' | '{' => self.brackets.push(Bracket {
                    at: start + at,
                    sign,
                    ends_line: rest[1..].trim().is_empty(),
                }),
                ']' => self.close('['),
                '}' => self.close('{'),
                _ => {}
            }
            at += sign.len_utf8();
        }
    }

    fn close(&mut self, sign: char) {
        let Some(partner) = self.brackets.iter().rposition(|it| it.sign == sign) else {
            return;
        };
        let crossed = self.brackets.get(partner + 1).map(|it| it.at);
        self.crossed = self.crossed.or(crossed);
        self.brackets.truncate(partner);
    }
}

/// How far it is to the quote that ends this text, or to the end of the line.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = quote == '"' && *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.trim_end_matches('\n').len().saturating_sub(1), |it| {
        it.0
    })
}

fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let inner = line.trim_start_matches('[');
    let named = inner.starts_with(|c: char| c.is_alphabetic());
    line.starts_with('[') && line.ends_with(']') && named && !line.contains(',')
}

fn is_key(line: &str) -> bool {
    let Some((key, rest)) = line.split_once('=') else {
        return false;
    };
    if rest
        .split(" #")
        .next()
        .unwrap_or_default()
        .trim_end()
        .ends_with(',')
    {
        return false;
    }
    let is_bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let key = key.trim();
    !key.is_empty() && key.chars().all(is_bare)
}
