//! The HTML of a mail as a document of its own that can do nothing: no script, no form, and nothing
//! from elsewhere unless somebody asks for it.
//!
//! A browser takes light or dark from the person's settings. To show a mail in both, what it says
//! of the one is made true and what it says of the other false, as on a device that is set so.

use std::borrow::Cow;

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What a mail may do.
pub(super) fn policy(remote: bool) -> &'static str {
    match remote {
        false => {
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups \
             allow-popups-to-escape-sandbox"
        }
        true => {
            "default-src 'none'; style-src 'unsafe-inline' https: http:; img-src data: https: \
             http:; font-src data: https: http:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
        }
    }
}

/// The mail as a document in that scheme. Its links open beside the page.
pub(super) fn document(html: &str, scheme: Scheme) -> String {
    let html = in_scheme(html, scheme);
    let mut head = String::from("<base target=\"_blank\">");
    if knows_dark(&html) {
        // It stands before the mail's own rules, so it has to be important.
        let word = scheme.word();
        head.push_str(&format!(
            "<style>:root{{color-scheme:{word} !important}}</style>"
        ));
    }
    let at = head_start(&html);
    let mut document = String::with_capacity(html.len() + head.len());
    document.push_str(&html[..at]);
    document.push_str(&head);
    document.push_str(&html[at..]);
    document
}

/// Whether a mail says that it can be dark. Of one that does not, most readers leave the colours as
/// they are, and some turn them around as they like.
pub(super) fn knows_dark(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    html.contains("color-scheme")
}

/// How many things a mail would fetch from elsewhere.
pub(super) fn remote_parts(html: &str) -> usize {
    let html = html.to_ascii_lowercase();
    let attributes = ["src=", "srcset=", "background=", "url("];
    let fetched = |mark: &str| {
        let rest = html.match_indices(mark);
        let rest = rest.map(|(at, _)| html[at + mark.len()..].trim_start_matches(['"', '\'', ' ']));
        let remote = |it: &&str| {
            ["http:", "https:", "//"]
                .iter()
                .any(|to| it.starts_with(to))
        };
        rest.filter(remote).count()
    };
    attributes.into_iter().map(fetched).sum()
}

/// Every `(prefers-color-scheme: …)` as a question whose answer is known.
fn in_scheme(html: &str, scheme: Scheme) -> Cow<'_, str> {
    const FEATURE: &[u8] = b"(prefers-color-scheme";
    let bytes = html.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'(', &bytes[from..]).map(|it| from + it) {
        from = at + 1;
        let is_it = bytes
            .get(at..at + FEATURE.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(FEATURE));
        if !is_it {
            continue;
        }
        let Some(end) = html[at..].find(')') else {
            break; // nor does any behind it end
        };
        let value = html[at + FEATURE.len()..at + end]
            .trim()
            .trim_start_matches(':')
            .trim();
        let holds = value.eq_ignore_ascii_case(scheme.word());
        out.push_str(&html[copied..at]);
        out.push_str(if holds {
            "(min-width:0)"
        } else {
            "(max-width:0)"
        });
        copied = at + end + 1;
    }
    match copied {
        0 => Cow::Borrowed(html),
        _ => Cow::Owned(out + &html[copied..]),
    }
}

/// Where the inner of `<head>` begins; else after the doctype and `<html>`, as there is none.
fn head_start(html: &str) -> usize {
    let small = html.to_ascii_lowercase();
    let end_of = |tag: &str| {
        let at = small.match_indices(tag).map(|it| it.0).find(|at| {
            let next = small.as_bytes().get(at + tag.len());
            next.is_some_and(|it| it.is_ascii_whitespace() || *it == b'>')
        })?;
        small[at..].find('>').map(|it| at + it + 1)
    };
    let places = ["<head", "<html", "<!doctype"];
    places.iter().find_map(|tag| end_of(tag)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "<!DOCTYPE html><html><head>\n<meta name=\"color-scheme\" content=\"light \
        dark\"><style>@media screen and (Prefers-Color-Scheme: dark) {p{color:red}} \
        @media (prefers-color-scheme:light) {p{color:blue}}</style></head><header>(x)</header>";

    #[test]
    fn a_mail_is_asked_for_one_scheme_alone() {
        let dark = document(MAIL, Scheme::Dark);
        assert!(
            dark.contains("screen and (min-width:0) {p{color:red}}"),
            "{dark}"
        );
        assert!(
            dark.contains("@media (max-width:0) {p{color:blue}}"),
            "{dark}"
        );
        assert!(dark.contains("<head><base target=\"_blank\"><style>:root{color-scheme:dark"));
        let light = document(MAIL, Scheme::Light);
        assert!(
            light.contains("screen and (max-width:0) {p{color:red}}"),
            "{light}"
        );
        assert!(light.ends_with("<header>(x)</header>"), "{light}");
    }

    #[test]
    fn one_that_knows_nothing_of_dark_is_left_as_it_is() {
        let plain = document("<p>(hi", Scheme::Dark);
        assert_eq!(plain, "<base target=\"_blank\"><p>(hi");
    }

    #[test]
    fn brackets_that_never_close_are_looked_at_once() {
        let html = "(".repeat(1 << 20) + "(prefers-color-scheme: dark";
        assert_eq!(in_scheme(&html, Scheme::Dark), html);
    }

    #[test]
    fn what_would_be_fetched_is_counted() {
        let html = "<img src=\"https://a.example/x\"><img src=data:,><td background='//b/x'>\
                    <a href=\"https://c.example\"> <p style=\"background:url( 'http://d/x')\">";
        assert_eq!(remote_parts(html), 3);
    }
}
