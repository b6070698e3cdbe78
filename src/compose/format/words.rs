//! Words that stand for handlebars tags while a parser that knows none reads the text.

use crate::compose::tags::{self, Kind, Tag};

/// A text in which each tag is a word of small letters and digits that the text does not hold.
#[derive(Debug)]
pub(super) struct Words<'a> {
    source: &'a str,
    pub(super) tags: Vec<Tag>,
    /// What each word stands for: the tags, then the escaped braces.
    meanings: Vec<&'a str>,
    /// What every word begins with.
    key: String,
    /// The text with words for tags.
    pub(super) text: String,
}

impl<'a> Words<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let tags = tags::scan(source);
        let mut key = "hbtag".to_owned();
        while source.contains(&key) {
            key.push('q');
        }
        let mut words = Self {
            source,
            meanings: tags.iter().map(|tag| &source[tag.range.clone()]).collect(),
            tags: Vec::new(),
            key,
            text: String::with_capacity(source.len() + 16 * tags.len()),
        };
        let mut from = 0;
        for (number, tag) in tags.iter().enumerate() {
            words.plain(&source[from..tag.range.start]);
            let word = words.word(number);
            words.text.push_str(&word);
            from = tag.range.end;
        }
        words.plain(&source[from..]);
        words.tags = tags;
        words
    }

    /// Text between tags, where `\{{` are braces that are meant as such.
    fn plain(&mut self, text: &'a str) {
        let mut rest = text;
        while let Some(at) = rest.find("\\{{") {
            self.text.push_str(&rest[..at]);
            let word = self.word(self.meanings.len());
            self.meanings.push(&rest[at..at + 3]);
            self.text.push_str(&word);
            rest = &rest[at + 3..];
        }
        self.text.push_str(rest);
    }

    pub(super) fn word(&self, number: usize) -> String {
        format!("{}{number}x", self.key)
    }

    /// The word that a text begins with: what it stands for, and its length.
    fn first(&self, text: &str) -> Option<(usize, usize)> {
        let rest = text.strip_prefix(self.key.as_str())?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: usize = rest[..digits].parse().ok()?;
        let is_word = rest[digits..].starts_with('x') && number < self.meanings.len();
        is_word.then_some((number, self.key.len() + digits + 1))
    }

    /// The tags of a text that holds nothing else but white space.
    pub(super) fn only_tags(&self, text: &str) -> Option<Vec<usize>> {
        let mut rest = text.trim();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (number, length) = self.first(rest)?;
            if number >= self.tags.len() {
                return None;
            }
            found.push(number);
            rest = rest[length..].trim_start();
        }
        (!found.is_empty()).then_some(found)
    }

    pub(super) fn kind(&self, tag: usize) -> &Kind {
        &self.tags[tag].kind
    }

    pub(super) fn tag_text(&self, tag: usize) -> &'a str {
        &self.source[self.tags[tag].range.clone()]
    }

    /// The text with its tags again. Braces of it that would change or make a tag become entities.
    pub(super) fn restore(&self, html: &str) -> String {
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        let mut after_tag = false;
        while !rest.is_empty() {
            let at = rest.find(&self.key).unwrap_or(rest.len());
            let (plain, from) = rest.split_at(at);
            let first = self.first(from);
            braces(plain, after_tag, first.is_some(), &mut out);
            let length = match first {
                Some((number, length)) => {
                    out.push_str(self.meanings[number]);
                    length
                }
                None => self.key.len().min(from.len()),
            };
            if first.is_none() {
                out.push_str(&from[..length]);
            }
            after_tag = first.is_some();
            rest = &from[length..];
        }
        out
    }
}

fn braces(plain: &str, after_tag: bool, before_tag: bool, out: &mut String) {
    let mut text = plain.replace("{{", "&#123;&#123;");
    if before_tag && (text.ends_with('{') || text.ends_with('\\')) {
        let entity = if text.ends_with('{') {
            "&#123;"
        } else {
            "&#92;"
        };
        text.pop();
        text.push_str(entity);
    }
    if after_tag && text.starts_with('}') {
        text.replace_range(..1, "&#125;");
    }
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_what_they_stand_for() {
        let source = r"a {{x}} hbtag \{{no}} {{#if y}}hbtag1x{{/if}}";
        let words = Words::of(source);
        assert!(!words.text.contains("{{"), "{}", words.text);
        assert_eq!(words.restore(&words.text), source);
        assert_eq!(
            words.only_tags(&format!(" {} {}", words.word(1), words.word(2))),
            Some(vec![1, 2])
        );
        assert_eq!(words.only_tags(&format!("a {}", words.word(1))), None);
    }

    #[test]
    fn braces_of_the_text_make_no_tag() {
        let words = Words::of("{{x}}");
        let html = format!("{{{}}} {{{{y}}}}", words.word(0));
        assert_eq!(words.restore(&html), "&#123;{{x}}&#125; &#123;&#123;y}}");
    }
}
