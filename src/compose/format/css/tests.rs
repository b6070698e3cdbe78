//! Which styles elements get, and when.

use super::*;

fn part(content: &str) -> Part {
    Part {
        file: "x".to_owned(),
        content: content.to_owned(),
        derived: false,
    }
}

fn page(layout: &str, body: &str, partials: &[(&str, &str)]) -> Page {
    let partials = partials.iter();
    Page {
        body: part(body),
        layout: Some(part(layout)),
        partials: partials
            .map(|(name, text)| ((*name).to_owned(), part(text)))
            .collect(),
    }
}

fn once(page: &Page) -> Page {
    match style(page) {
        Styled::Once(styled) => *styled,
        other => panic!("{other:?}"),
    }
}

const LAYOUT: &str = "<html><head><style>
    .card p { color: red } td { padding: 0 } a:hover { color: blue }
    @media (prefers-color-scheme: dark) { .card { color: white !important } }
    </style></head><body class=\"{{x}}\"><table>{{#each rows}}<tr><td style=\"top: 0\">{{this}}</td>
    </tr>{{/each}}</table><div class=card>{{{body}}}</div></body></html>";

#[test]
fn rules_become_styles_across_texts_and_nothing_else_changes() {
    let page = page(
        LAYOUT,
        "<p>Hi {{name}}</p>{{> note kind=\"a > b\"}}",
        &[("note", "<p title='{{kind}}'>&copy; <br/></p>")],
    );
    assert!(
        matches!(style(&page), Styled::EachMessage),
        "any class may fit"
    );
    let plain = Page {
        layout: Some(part(&LAYOUT.replace(" class=\"{{x}}\"", ""))),
        ..page
    };
    let styled = once(&plain);
    assert_eq!(
        styled.body.content,
        "<p style=\"color: red;\">Hi {{name}}</p>{{> note kind=\"a > b\"}}"
    );
    let note = "<p style=\"color: red;\" title='{{kind}}'>&copy; <br/></p>";
    assert_eq!(styled.partials["note"].content, note);
    let layout = styled.layout.expect("there is one").content;
    assert!(
        layout.contains("{{#each rows}}<tr><td style=\"padding: 0;top: 0\">"),
        "{layout}"
    );
    assert!(
        layout.contains("a:hover") && layout.contains("@media"),
        "{layout}"
    );
    assert!(
        !layout.contains("padding: 0 }") && layout.contains("<div class=card>"),
        "{layout}"
    );
}

#[test]
fn a_partial_looks_as_its_place_wants() {
    let page = page(
        "<style>.a b { color: red }</style>{{{body}}}",
        "<div class=a>{{> x}}</div>{{> x}}<div class=a>{{> x}}</div>",
        &[("x", "<b>{{y}}</b>")],
    );
    let styled = once(&page);
    let red = "<b style=\"color: red;\">{{y}}</b>";
    let texts: Vec<(&str, &str)> = styled
        .partials
        .iter()
        .map(|(name, it)| (name.as_str(), it.content.as_str()))
        .collect();
    assert_eq!(texts, [("x", red), ("x--1", "<b>{{y}}</b>")]);
    let body = "<div class=a>{{> x}}</div>{{> x--1}}<div class=a>{{> x}}</div>";
    assert_eq!(styled.body.content, body);
}

#[test]
fn only_what_depends_on_values_is_left_to_each_message() {
    let of = |css: &str, body: &str| {
        style(&page(
            &format!("<style>{css}</style>{{{{{{body}}}}}}"),
            body,
            &[],
        ))
    };
    let depends = |css, body| matches!(of(css, body), Styled::EachMessage);
    assert!(depends(".ok { color: red }", "<p class=\"{{status}}\">"));
    assert!(depends(
        ".s-ok { color: red }",
        "<p class=\"a s-{{status}}\">"
    ));
    assert!(!depends(
        ".t-ok { color: red }",
        "<p class=\"a s-{{status}}\">"
    ));
    assert!(depends(
        ".b { color: red }",
        "<p class=\"a {{#if x}}b{{/if}}\">"
    ));
    assert!(depends(
        "tr:nth-child(2) { color: red }",
        "{{#each x}}<tr>{{/each}}"
    ));
    assert!(depends("p { color: {{brand}} }", "<p>"));
    assert!(depends(
        "[dir=rtl] { color: red }",
        "<p dir=\"{{text_direction}}\">"
    ));
    assert!(depends(
        "p { top: 0 }",
        "{{#if a}}<div>{{else}}<b>{{/if}}<p>"
    ));
    assert!(!depends("p { top: 0 }", "<p style=\"color: {{color}}\">"));
    assert!(matches!(
        style(&page("{{{body}}}", "<p class=a>", &[])),
        Styled::AsWritten
    ));
}

#[test]
fn a_style_of_values_stays_after_that_of_the_rules() {
    let page = page(
        "<style>p { top: 0 }</style>{{{body}}}",
        "<p style='left:{{x}}'>",
        &[],
    );
    assert_eq!(once(&page).body.content, "<p style=\"top: 0; left:{{x}}\">");
}

#[test]
fn a_message_is_styled_by_itself() {
    let html = "<style>.ok { color: green }</style><p class=\"ok\">{{x}} &amp; y</p>";
    let styled = "<p style=\"color: green;\" class=\"ok\">{{x}} &amp; y</p>";
    assert_eq!(style_message(html), styled);
}

#[test]
fn what_is_too_deep_for_the_stack_is_not_styled() {
    let deep = |tag: &str, times| format!("<style>p{{top:0}}</style>{}<p>x", tag.repeat(times));
    for html in [
        deep("<div>", 100_000),
        deep("<div><td></div>", 100_000),
        deep("<b></i>", 600),
    ] {
        assert!(style_message(&html) == html);
        assert!(matches!(style(&page(&html, "", &[])), Styled::EachMessage));
    }
    let flat = [
        "<p>x",
        "<br><li>x",
        "<div><p>x</div>",
        "<table><tr><td>x</table>",
    ];
    let flat = flat.map(|part| deep(part, 2000));
    for html in flat.into_iter().chain([deep("<div>", 300)]) {
        assert!(style_message(&html).contains("<p style=\"top: 0;\">"));
    }
}
