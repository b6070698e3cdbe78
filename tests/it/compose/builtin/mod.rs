//! What the helpers show, in which language, and what is said where a value is unfit.

mod customs;
mod unfit;

use postroom::compose::{Given, HELPERS};
use serde_json::{Value, json};

use super::{compile, fields, template};

fn locale(tag: &str) -> Given {
    Given {
        locale: Some(tag.to_owned()),
        ..Given::default()
    }
}

fn shown_given(body: &str, row: Value, given: &Given) -> Result<String, String> {
    let template = template(body, "<p>Hi</p>");
    let rendered = template.render_given(&fields(row), given);
    let text = rendered.map(|rendered| rendered.text.expect("there is a text"));
    text.map_err(|fault| fault.to_string())
}

fn shown(body: &str, row: Value, tag: &str) -> String {
    let shown = shown_given(body, row, &locale(tag)).unwrap_or_else(|fault| fault);
    shown.replace(['\u{a0}', '\u{202f}'], "~")
}

#[test]
fn texts_are_shaped() {
    let table = [
        ("{{truncate x 12}}", "Tea and ink and paper", "Tea and ink…"),
        ("{{truncate x 11}}", "Tea and ink", "Tea and ink"),
        ("{{truncate x 10}}", "Tea and ink", "Tea and…"),
        ("{{truncate x 8}}", "Donaudampfschiff", "Donauda…"),
        ("{{truncate x 9}}", "Hello, Bo and Cyn", "Hello…"),
        ("{{truncate x 4}}", "你好，世界和平", "你好，…"),
        ("{{truncate x 2}}", "e\u{301}e\u{301}e\u{301}", "e\u{301}…"),
        ("{{truncate x 2}}", "👩‍👩‍👧👍🏽🇩🇪", "👩‍👩‍👧…"),
        ("{{truncate x 2}}", "🇩🇪🇫🇷🇵🇱", "🇩🇪…"),
        ("{{truncate x 3}}", "👩‍👩‍👧👍🏽🇩🇪", "👩‍👩‍👧👍🏽🇩🇪"),
        ("{{truncate x 1}}", "한국어", "…"),
        ("[{{trim x}}]", " \t a b \n", "[a b]"),
        ("{{capitalize x}}", "straße in ulm", "Straße in ulm"),
        ("{{capitalize x locale=\"tr\"}}", "istanbul", "İstanbul"),
        ("{{upper x locale=\"tr\"}}", "iı", "İI"),
        ("{{lower x locale=\"tr\"}}", "İI", "iı"),
        ("{{upper x}}", "straße i", "STRASSE I"),
        ("{{replace x \"+\" \"00\"}}", "+49+1", "0049001"),
        ("{{concat x \"-\" 3}}", "a", "a-3"),
        ("{{len x}}", "张伟", "2"),
        ("{{join (split x \";\") \" + \"}}", "a; b ;;c", "a + b + c"),
        (
            "{{first (split x \";\")}}{{last (split x \";\")}}",
            "a;b;c",
            "ac",
        ),
        ("{{json x}}", "a\"b", r#""a\"b""#),
        ("{{csv x}},{{csv \"b\"}}", "a \"b\", c", r#""a ""b"", c",b"#),
        ("{{csv x}}", "a\nb", "\"a\nb\""),
        (
            "?q={{url_encode x}}",
            "Zürich & 1/2",
            "?q=Z%C3%BCrich%20%26%201%2F2",
        ),
    ];
    for (body, x, expected) in table {
        assert_eq!(shown(body, json!({ "x": x }), "en"), expected, "{body} {x}");
    }
}

#[test]
fn a_column_that_has_the_name_of_a_helper_is_still_a_field() {
    let row = json!({
        "date": "2026-11-03", "url": "https://example.org", "list": "A", "time": "09:05",
        "items": [{ "number": 1, "first": "x" }],
    });
    let body = "{{date}} {{date date \"long\"}} {{{url}}} {{list}} {{time}} \
                {{#each items}}{{number}}{{first}}{{number number digits=1}}{{../url}}{{/each}}";
    assert_eq!(
        shown(body, row, "en"),
        "2026-11-03 November 3, 2026 https://example.org A 09:05 1x1.0https://example.org"
    );
    assert_eq!(
        shown("a {{date}}", json!({}), "en"),
        "template `t` (body.txt:1:5): the field `date` is empty for this person"
    );
    let template = template("{{url}} {{len url}}", "<p>Hi</p>");
    assert_eq!(template.variables().len(), 2, "{:?}", template.variables());
}

#[test]
fn whatever_a_helper_returns_is_escaped_in_html_and_nowhere_else() {
    let hostile = "<b a='1' b=\"2\">`&</b>";
    let escaped = "&lt;b a&#x3D;&#x27;1&#x27; b&#x3D;&quot;2&quot;&gt;&#x60;&amp;&lt;/b&gt;";
    let bodies = [
        "{{x}}",
        "{{trim x}}",
        "{{default x \"y\"}}",
        "{{default none x}}",
        "{{concat x}}",
        "{{replace \"y\" \"y\" x}}",
        "{{join list \"\"}}",
        "{{list list}}",
        "{{first list}}",
        "{{last list}}",
        "{{truncate x 99}}",
        "{{lookup list 0}}",
        "{{plural 1 one=x other=x}}",
        "{{#each (split x \"|\")}}{{this}}{{/each}}",
        "{{date \"2026-11-03\" format=x}}",
    ];
    let row = || fields(json!({ "x": hostile, "list": [hostile] }));
    for body in bodies {
        let template = compile(&[
            ("t/subject.txt", body),
            ("t/body.txt", body),
            ("t/body.html", &format!("<p title=\"{body}\">{body}</p>")),
        ]);
        let rendered = template
            .expect("it compiles")
            .render(&row())
            .expect("it renders");
        assert_eq!(rendered.subject, hostile, "{body}");
        assert_eq!(rendered.text.as_deref(), Some(hostile), "{body}");
        let html = format!("<p title=\"{escaped}\">{escaped}</p>");
        assert_eq!(rendered.html, Some(html), "{body}");
    }
    let link = template("{{url x}}", "<a href=\"{{url x}}\">{{x}}</a>");
    let rendered = link.render(&fields(json!({ "x": "https://example.org/?a=1&b='2'" })));
    assert_eq!(
        rendered.expect("it renders").html.as_deref(),
        Some(
            "<a href=\"https://example.org/?a&#x3D;1&amp;b&#x3D;&#x27;2&#x27;\">\
             https://example.org/?a&#x3D;1&amp;b&#x3D;&#x27;2&#x27;</a>"
        )
    );
}

#[test]
fn only_whole_links_of_harmless_kinds_pass() {
    let good = [
        "https://example.org",
        "HTTP://example.org:8080/a?b=c#d",
        "https://münchen.example/ü",
        "mailto:ada@example.org?subject=Hi%20you",
        "tel:+49-30-1",
        " https://example.org/a ",
    ];
    for link in good {
        let shown = shown("{{url x}}", json!({ "x": link }), "en");
        assert_eq!(shown, link.trim());
    }
    let kinds = "only links to http, https, mailto and tel may stand in a mail";
    let whole = "a link in a mail needs all of its address";
    let holds = "a link holds no space, quote, bracket or backslash";
    let bad = [
        ("javascript:alert(1)", kinds),
        (" JaVaScRiPt:alert(1)", kinds),
        ("data:text/html,x", kinds),
        ("vbscript:x", kinds),
        ("file:///etc/passwd", kinds),
        ("java\nscript:alert(1)", whole),
        ("\u{1}javascript:alert(1)", whole),
        ("java\u{0}script:x", whole),
        ("/relative", whole),
        ("//example.org/a", whole),
        ("example.org", whole),
        ("https:example.org", whole),
        ("https:///path", whole),
        ("https:\\\\example.org", whole),
        ("mailto:", whole),
        ("https://example.org/a b", holds),
        ("https://example.org/\"onclick=x", holds),
        ("https://example.org/<b>", holds),
        ("https://example.org\\@evil.example", holds),
        ("https://example.org/\r\nBcc:x", holds),
        ("", "`x` is empty"),
    ];
    for (link, problem) in bad {
        let fault = shown("{{url x}}", json!({ "x": link }), "en");
        assert!(fault.contains(problem), "{link:?}: {fault}");
        assert!(
            fault.starts_with("template `t` (body.txt:1:7): `url` cannot"),
            "{fault}"
        );
    }
}

#[test]
fn every_helper_says_what_it_does() {
    for helper in HELPERS {
        assert!(helper.says.len() > 10, "{}", helper.name);
        assert!(
            helper.says.chars().next().is_some_and(char::is_uppercase),
            "{}",
            helper.name
        );
    }
}

/// `cargo test --test it compose::builtin -- --ignored --nocapture`
#[test]
#[ignore = "prints what each helper costs"]
fn what_each_helper_costs() {
    let row = fields(json!({
        "name": "Ada", "plan": "pro", "seats": 3, "is_paid": false, "orders": ["tea", "ink"],
        "address": { "city": "London" }, "due": "2026-11-23", "total": "1234.50", "nickname": "",
        "tags": "new; vip", "link": "https://example.org/a?b=1",
    }));
    let cost = |body: &str, times: usize| {
        let template = template(&format!("x{}", body.repeat(times)), "<p>Hi</p>");
        let once = || {
            template
                .render_given(&row, &locale("de"))
                .expect("it renders")
        };
        once();
        let tries = (0..20).map(|_| {
            let start = std::time::Instant::now();
            once();
            start.elapsed().as_nanos()
        });
        tries.min().expect("there are tries")
    };
    for helper in HELPERS {
        let (few, many) = (cost(helper.example, 1), cost(helper.example, 101));
        println!(
            "{:>10}  {:>7} ns",
            helper.name,
            many.saturating_sub(few) / 100
        );
    }
}
