//! What the rules of a style sheet ask about elements.

use std::collections::BTreeSet;

/// The classes and attributes that selectors name, rules of `@media` and their like left out.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    pub(super) classes: BTreeSet<String>,
    pub(super) attributes: BTreeSet<String>,
    /// Whether one names an element by its `id`.
    pub(super) ids: bool,
    /// Whether one asks which elements stand beside an element.
    pub(super) structural: bool,
}

impl Selectors {
    pub(super) fn of(css: &str) -> Self {
        let css = without_comments(css);
        let mut selectors = Self::default();
        let mut rest = css.as_str();
        while let Some(open) = rest.find('{') {
            let prelude = rest[..open].rsplit(';').next().unwrap_or_default();
            if !prelude.trim_start().starts_with('@') {
                selectors.add(prelude);
            }
            rest = &rest[open..];
            rest = &rest[block_len(rest)..];
        }
        selectors
    }

    fn add(&mut self, prelude: &str) {
        const STRUCTURAL: [&str; 7] = [":nth-", ":first-", ":last-", ":only-", ":empty", "+", "~"];
        let mut outside = String::new();
        let mut rest = prelude;
        while let Some((before, after)) = rest.split_once('[') {
            outside.push_str(before);
            let (inside, after) = after.split_once(']').unwrap_or((after, ""));
            self.attributes
                .insert(name(inside.trim_start()).to_ascii_lowercase());
            rest = after;
        }
        outside.push_str(rest);
        self.structural |= STRUCTURAL.iter().any(|it| outside.contains(it));
        self.ids |= outside.contains('#');
        let classes = outside.split('.').skip(1).map(name).map(str::to_owned);
        self.classes.extend(classes);
    }
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let end =
        text.find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The length of a block with the blocks in it.
fn block_len(text: &str) -> usize {
    let mut depth: usize = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_say_which_classes_and_attributes_matter() {
        let css = "/* .no{} */ @import 'x'; p.a, .b-c > td[Dir=rtl] { top: 0.5px }
                   @media x { .d { } .e { } } .f{}";
        let selectors = Selectors::of(css);
        let classes: Vec<&str> = selectors.classes.iter().map(String::as_str).collect();
        assert_eq!(classes, ["a", "b-c", "f"]);
        assert!(selectors.attributes.contains("dir"));
        assert!(!selectors.ids && !selectors.structural);
        assert!(Selectors::of("tr:nth-child(2) {}").structural);
    }
}
