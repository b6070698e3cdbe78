//! The files that an HTML text uses: images and style sheets beside it, by relative paths.
//!
//! What has a scheme (`https:`, `data:`, `cid:`), or a value in it, is somebody else's.

use std::ops::Range;

use super::css::edited;
use super::entity;
use super::markup::{Markup, Open, Token};

/// One use of a file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::compose) struct Reference {
    /// Where it is written: the attribute's value, without its quotes.
    pub(in crate::compose) range: Range<usize>,
    /// The path, decoded.
    pub(in crate::compose) path: String,
}

/// The images that an HTML text shows from files.
pub(in crate::compose) fn images(html: &str) -> Vec<Reference> {
    let markup = Markup::of(html);
    let opens = markup.tokens.iter().filter_map(|token| match token {
        Token::Open(open) => Some(open),
        _ => None,
    });
    let values = opens.flat_map(image_values);
    let written = values.filter(|range| markup.tags_in(range).is_empty());
    written
        .filter_map(|range| {
            let path = local(&html[range.clone()])?;
            Some(Reference { range, path })
        })
        .collect()
}

/// The text with other values in place of paths; none if nothing is replaced.
pub(in crate::compose) fn with_images(
    html: &str,
    mut of: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let found = images(html).into_iter();
    let edits: Vec<_> = found
        .filter_map(|it| Some((it.range, of(&it.path)?)))
        .collect();
    (!edits.is_empty()).then(|| edited(html, edits))
}

/// A `<link>` to a style sheet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::compose) struct StyleLink {
    /// Its file; none where the sheet is on a server.
    pub(in crate::compose) file: Option<Reference>,
    /// All of the element.
    pub(in crate::compose) range: Range<usize>,
    /// For which readers the sheet is.
    media: Option<String>,
}

/// The links to style sheets of an HTML text.
pub(in crate::compose) fn style_links(html: &str) -> Vec<StyleLink> {
    let markup = Markup::of(html);
    let links = markup.tokens.iter().filter_map(|token| match token {
        Token::Open(open) if open.name == "link" => Some(open),
        _ => None,
    });
    let is_fixed = |open: &&Open| markup.tags_in(&open.range).is_empty();
    let links = links.filter(is_fixed).filter_map(|open| {
        let mut kinds = markup.value(open, "rel")?.split_ascii_whitespace();
        if !kinds.any(|kind| kind.eq_ignore_ascii_case("stylesheet")) {
            return None;
        }
        let range = open.attribute("href")?.value.clone()?;
        let file = local(&html[range.clone()]).map(|path| Reference { range, path });
        Some(StyleLink {
            file,
            range: open.range.clone(),
            media: markup.value(open, "media").map(str::to_owned),
        })
    });
    links.collect()
}

/// The text with style sheets in place of links to them; none if nothing is replaced.
pub(in crate::compose) fn with_styles<'a>(
    html: &str,
    mut of: impl FnMut(&str) -> Option<&'a str>,
) -> Option<String> {
    let found = style_links(html).into_iter();
    let edits: Vec<_> = found
        .filter_map(|link| {
            let css = of(&link.file?.path)?;
            let style = match link.media {
                Some(media) => format!("<style>@media {media} {{\n{css}\n}}</style>"),
                None => format!("<style>\n{css}\n</style>"),
            };
            Some((link.range, style))
        })
        .collect();
    (!edits.is_empty()).then(|| edited(html, edits))
}

fn image_values(open: &Open) -> impl Iterator<Item = Range<usize>> {
    let shows = |attribute: &str| match open.name.as_str() {
        "img" => attribute == "src",
        "body" | "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" => {
            attribute == "background"
        }
        _ => false,
    };
    let attributes = open.attributes.iter();
    let showing = attributes.filter(move |it| shows(&it.name));
    showing.filter_map(|it| it.value.clone())
}

/// A relative path as a file's; none of what is a URL of its own.
fn local(value: &str) -> Option<String> {
    let value = entity::decode(value.trim());
    let start = value.find([':', '/', '?', '#']);
    let is_path = match start {
        Some(at) if value[at..].starts_with(':') => !is_scheme(&value[..at]),
        Some(0) => false,
        _ => !value.is_empty(),
    };
    is_path.then(|| percent_decoded(&value))
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(fit)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| str::from_utf8(hex).ok());
        let is_hex = |hex: &&str| hex.bytes().all(|b| b.is_ascii_hexdigit());
        match hex.filter(is_hex).filter(|_| *first == b'%') {
            Some(hex) => {
                bytes.push(u8::from_str_radix(hex, 16).expect("two hexadecimal digits"));
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(html: &str) -> Vec<String> {
        let found = images(html).into_iter();
        found.map(|it| it.path).collect()
    }

    #[test]
    fn relative_paths_of_images_are_found() {
        let html = "<IMG alt='' SRC=logo.png><td background=\"img/a&amp;b.gif\"></td>\
             <img src=' my%20logo.png '><img src='../x.png'><img src=\"100%.png\">\
             <img {{#if a}}src=\"b.png\"{{/if}}>";
        let expected = [
            "logo.png",
            "img/a&b.gif",
            "my logo.png",
            "../x.png",
            "100%.png",
            "b.png",
        ];
        assert_eq!(paths(html), expected);
    }

    #[test]
    fn what_is_no_path_of_a_file_is_left_alone() {
        for value in [
            "http://x/a.png",
            "HTTPS://x/a.png",
            "//x/a.png",
            "/a.png",
            "data:image/png;base64,AA==",
            "cid:logo@x",
            "",
            "#a",
            "{{logo}}",
            "img/{{logo}}.png",
        ] {
            let html = format!("<img src=\"{value}\">");
            assert_eq!(paths(&html), [""; 0], "{value}");
            assert_eq!(with_images(&html, |_| Some("no".to_owned())), None);
        }
        let other = "<a href='a.png'><!-- <img src='a.png'> --><p>src='a.png'<input src='a.png'>";
        assert_eq!(paths(other), [""; 0]);
    }

    #[test]
    fn a_sheet_takes_the_place_of_the_link_to_it() {
        let html = "<link rel=icon href=a.css><LINK REL=\"StyleSheet\" href='a.css' \
             media=\"(max-width: 9px)\"><link rel=stylesheet href=https://x/a.css>\
             <link rel=stylesheet href='{{a}}.css'>";
        let files: Vec<_> = style_links(html).into_iter().map(|it| it.file).collect();
        assert!(
            matches!(&files[..], [Some(it), None] if it.path == "a.css"),
            "{files:?}"
        );
        let styled = with_styles(html, |_| Some("p {}")).expect("a sheet");
        let sheet =
            "<link rel=icon href=a.css><style>@media (max-width: 9px) {\np {}\n}</style><link";
        assert!(styled.starts_with(sheet), "{styled}");
    }

    #[test]
    fn only_the_paths_are_replaced() {
        let html = "<p id=a>{{x}}<img src='a.png'><img src='b.png' alt='a.png'>";
        let placed = with_images(html, |path| (path == "a.png").then(|| "cid:1".to_owned()));
        let expected = "<p id=a>{{x}}<img src='cid:1'><img src='b.png' alt='a.png'>";
        assert_eq!(placed.as_deref(), Some(expected));
    }
}
