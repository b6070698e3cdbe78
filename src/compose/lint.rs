//! What is well formed and reads badly all the same: links that lead nowhere, pictures without
//! words, what mail readers throw away. Nothing here keeps a message from being sent.

use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;

use super::fault::TemplateFault;
use super::format;
use super::format::markup::{Markup, Open, Token};
use super::source::Part;
use super::tags;
use super::template::Template;

/// Readers on a desktop show some 70 characters of a subject, telephones 40.
const LONG_SUBJECT: usize = 90;
/// HTML with pictures and less text than this is a picture, to a spam filter and to whoever does
/// not load pictures (SpamAssassin's HTML_IMAGE_ONLY rules begin there).
const FEW_LETTERS: usize = 150;
/// What mail readers take out, and filters count against a message.
const DEAD: [&str; 7] = [
    "script", "form", "iframe", "object", "embed", "applet", "frameset",
];
/// Hosts that hide where a link leads, as spam does.
const SHORTENERS: [&str; 8] = [
    "bit.ly",
    "tinyurl.com",
    "t.co",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "buff.ly",
    "cutt.ly",
];

impl Template {
    /// What could be better in its texts, of all languages; each file is looked at once.
    #[must_use]
    pub fn lint(&self) -> Vec<TemplateFault> {
        let mut seen = BTreeSet::new();
        let mut pictures = BTreeSet::new();
        let mut found = Vec::new();
        let mut look = |part: &Part, lint: fn(&Part) -> Vec<TemplateFault>| {
            if seen.insert(part.file.clone()) {
                found.extend(lint(part));
            }
        };
        for edition in self.editions() {
            look(&edition.subject.part, |part| {
                subject(part).into_iter().collect()
            });
            let Some(body) = &edition.html else { continue };
            let layout = body.layout.as_ref().map(|it| &*it.part);
            let parts = || iter::once(&*body.page.part).chain(layout);
            parts().for_each(|part| look(part, html));
            if only_pictures(parts()) {
                pictures.insert(body.page.part.file.clone());
            }
        }
        let partials = self.source().partials.iter();
        partials
            .filter(|(name, _)| name.ends_with(".html"))
            .for_each(|(_, part)| look(part, html));
        found.extend(pictures.into_iter().map(|file| {
            let message = "this mail is hardly more than pictures".to_owned();
            let help = "many readers see none until they ask for them, and filters count it \
                        against the message: say it in words, too";
            TemplateFault::of_file("image-only", file, message).help(help)
        }));
        found
    }
}

/// What is amiss in the HTML of one file of a template, in the order of its places.
fn html(part: &Part) -> Vec<TemplateFault> {
    let markup = Markup::of(&part.content);
    let mut lint = Lint {
        part,
        markup: &markup,
        found: Vec::new(),
    };
    for (at, token) in markup.tokens.iter().enumerate() {
        if let Token::Open(open) = token {
            lint.element(at, open);
        }
    }
    let links = format::style_links(&part.content).into_iter();
    for link in links.filter(|link| link.file.is_none()) {
        let message = "most mail readers load no style sheet from a server".to_owned();
        let label = "name a copy in templates/: its rules are written into the message";
        lint.note("remote-style-sheet", link.range, message, label);
    }
    lint.found
}

/// Whether bodies like this one are nearly all picture: `parts` are the files that are shown
/// together.
fn only_pictures<'a>(parts: impl Iterator<Item = &'a Part>) -> bool {
    let (mut pictures, mut letters) = (0, 0);
    for part in parts {
        let markup = Markup::of(&part.content);
        for token in &markup.tokens {
            match token {
                Token::Open(open) if open.name == "img" => pictures += 1,
                Token::Text(range) => letters += letters_of(&part.content[range.clone()]),
                // Nobody knows what it will say, but that it says something.
                Token::Tag(_) => letters += 10,
                _ => {}
            }
        }
    }
    pictures > 0 && letters < FEW_LETTERS
}

/// A subject of which the fixed words alone are too long.
fn subject(part: &Part) -> Option<TemplateFault> {
    let text = part.content.trim();
    let tags = tags::scan(text);
    // In one of several branches, nobody knows how much is shown.
    if tags
        .iter()
        .any(|tag| !matches!(tag.kind, tags::Kind::Value))
    {
        return None;
    }
    let braces: usize = tags
        .iter()
        .map(|tag| text[tag.range.clone()].chars().count())
        .sum();
    let length = text.chars().count() - braces;
    (length > LONG_SUBJECT).then(|| {
        let message = format!("the subject has {length} characters, whatever is filled in");
        let help = "readers on a desktop show some 70, telephones 40: begin with what matters";
        TemplateFault::of_file("long-subject", &part.file, message).help(help)
    })
}

struct Lint<'a> {
    part: &'a Part,
    markup: &'a Markup<'a>,
    found: Vec<TemplateFault>,
}

impl Lint<'_> {
    fn element(&mut self, at: usize, open: &Open) {
        let name = open.name.as_str();
        let whole = open.range.clone();
        if DEAD.contains(&name) {
            let message = format!("mail readers take out <{name}>");
            self.note(
                "dead-html",
                whole.clone(),
                message,
                "and filters count it against the message",
            );
        } else if let Some(event) = open.attributes.iter().find(|it| it.name.starts_with("on")) {
            let message = format!("mail readers take out `{}`", event.name);
            self.note(
                "dead-html",
                event.range.clone(),
                message,
                "no script runs in a mail",
            );
        }
        if name == "img" && open.attribute("alt").is_none() {
            let message = "this image has no alternative text".to_owned();
            let label = r#"alt="…" says what it shows; alt="" that it is decoration"#;
            self.note("image-alt", whole, message, label);
        }
        if name == "a" && open.attribute("href").is_some() {
            self.link(at, open);
        }
    }

    fn link(&mut self, at: usize, open: &Open) {
        let place = open.attribute("href").and_then(|it| it.value.clone());
        let place = place.unwrap_or_else(|| open.range.clone());
        let target = self.part.content[place.clone()].trim();
        if target.starts_with("{{") {
            let name = target.trim_matches(['{', '}', ' ']);
            let is_field = name
                .chars()
                .all(|c| c.is_alphanumeric() || "_.@/[]-".contains(c));
            if is_field && name != "unsubscribe_url" && target.ends_with("}}") {
                let message = "a value alone decides where this link leads".to_owned();
                let label = format!(
                    "{{{{url {name}}}}} lets through https, http and mailto, and nothing else"
                );
                self.note("open-link", place, message, &label);
            }
        } else if let Some(host) = shortener(target) {
            let message = format!("{host} hides where this link leads, as spam does");
            self.note("short-link", place, message, "write the address itself");
        } else if let Some(scheme) = script(target) {
            let message = format!("mail readers take out `{scheme}:` links");
            self.note("dead-html", place, message, "begin with https://");
        } else if !is_absolute(target) {
            let message = format!("`{target}` leads nowhere from a mail");
            let label = "a mail has no place on the web: begin with https://";
            self.note("relative-link", place, message, label);
        }
        if self.is_empty(at) {
            let message = "this link has no text".to_owned();
            self.note("empty-link", open.range.clone(), message, "nobody sees it");
        }
    }

    /// Whether nothing can be seen between here and the end of the link.
    fn is_empty(&self, at: usize) -> bool {
        let within = self.markup.tokens[at + 1..].iter();
        let mut within =
            within.take_while(|it| !matches!(it, Token::Close(name, _) if name == "a"));
        within.all(|token| match token {
            Token::Text(range) => letters_of(&self.part.content[range.clone()]) == 0,
            Token::Tag(_) => false,
            Token::Open(open) => open.name != "img",
            _ => true,
        })
    }

    fn note(&mut self, code: &'static str, place: Range<usize>, message: String, label: &str) {
        let mut fault = TemplateFault::of_file(code, &self.part.file, message).label(label);
        if self.part.derived {
            return self.found.push(fault); // its places are those of another text
        }
        (fault.line, fault.column) = tags::place(&self.part.content, place.start);
        fault.span_len = self.part.content[place]
            .lines()
            .next()
            .map_or(1, |it| it.chars().count());
        self.found.push(fault);
    }
}

fn letters_of(text: &str) -> usize {
    text.replace("&nbsp;", " ")
        .chars()
        .filter(|it| !it.is_whitespace())
        .count()
}

/// `https:`, `mailto:` and their like; a place within the message, too.
fn is_absolute(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |it| it.0);
    let is_scheme = !scheme.is_empty()
        && scheme
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    is_scheme || (target.starts_with('#') && target.len() > 1)
}

/// What leads to no page, and is taken for an attack.
fn script(target: &str) -> Option<&'static str> {
    let (scheme, _) = target.split_once(':')?;
    let scheme = scheme.trim();
    ["javascript", "vbscript", "data", "file"]
        .into_iter()
        .find(|it| scheme.eq_ignore_ascii_case(it))
}

fn shortener(target: &str) -> Option<&'static str> {
    let (_, rest) = target.split_once("://")?;
    let host = rest
        .split(['/', '?', '#'])
        .next()?
        .trim_start_matches("www.");
    SHORTENERS
        .into_iter()
        .find(|it| host.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(content: &str) -> Part {
        serde_json::from_value(serde_json::json!({ "file": "x/body.html", "content": content }))
            .unwrap()
    }

    fn codes(content: &str) -> Vec<&'static str> {
        html(&part(content)).into_iter().map(|it| it.code).collect()
    }

    #[test]
    fn what_reads_well_is_left_alone() {
        for good in [
            r#"<p>Hello</p><a href="https://example.org/?a=1&amp;b=2">look</a>"#,
            r#"<a href="mailto:a@example.org">{{name}}</a><a href="tel:+49">call</a>"#,
            r##"<a href="#top">up</a><a name="top"></a>"##,
            r#"<a href="{{url link}}"><img alt="" src="x"></a>"#,
            r#"<a href="{{unsubscribe_url}}">no more</a><a href="https://x.example/{{id}}">x</a>"#,
            r#"<img src="logo.png" alt="Lindenhof">"#,
            r#"<link rel="stylesheet" href="style.css"><link rel=icon href=https://x.example>"#,
        ] {
            assert_eq!(codes(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn what_reads_badly_is_told_at_its_place() {
        for (bad, code) in [
            (r#"<img src="logo.png">"#, "image-alt"),
            (r#"<a href="/news">x</a>"#, "relative-link"),
            (r##"<a href="#">x</a>"##, "relative-link"),
            (r#"<a href="www.example.org">x</a>"#, "relative-link"),
            (r#"<a href="">x</a>"#, "relative-link"),
            (r#"<a href="https://bit.ly/x">x</a>"#, "short-link"),
            (r#"<a href="{{link}}">x</a>"#, "open-link"),
            (r#"<a href="{{data.items.0}}">x</a>"#, "open-link"),
            (
                r#"<a href="https://x.example"> &nbsp;<b></b></a>"#,
                "empty-link",
            ),
            ("<script>x</script>", "dead-html"),
            (r#"<p onclick="x">y</p>"#, "dead-html"),
            ("<form></form>", "dead-html"),
            (
                "<link rel=stylesheet href='https://x.example/a.css'>",
                "remote-style-sheet",
            ),
            (r#"<a href="JavaScript:x()">x</a>"#, "dead-html"),
            (r#"<a href="file:///x">x</a>"#, "dead-html"),
        ] {
            assert_eq!(codes(bad), [code], "{bad}");
        }
        let found = html(&part("<p>\n  <a href=\"/x\">y</a>"));
        assert_eq!(
            (found[0].line, found[0].column, found[0].span_len),
            (2, 12, 2)
        );
    }

    #[test]
    fn a_picture_with_few_words_is_a_picture() {
        let picture = part(r#"<img src="x" alt="Summer sale">Look!"#);
        assert!(only_pictures([&picture].into_iter()));
        let words = part(&"These are words. ".repeat(20));
        assert!(!only_pictures([&picture, &words].into_iter()));
        assert!(!only_pictures([&words].into_iter()));
    }

    #[test]
    fn a_subject_that_cannot_be_short_is_told() {
        assert!(subject(&part(&"word ".repeat(20))).is_some());
        assert!(subject(&part(&"{{field}} ".repeat(40))).is_none());
        let branches = format!("{{{{#if a}}}}{}{{{{/if}}}}", "word ".repeat(20));
        assert!(subject(&part(&branches)).is_none());
    }
}
