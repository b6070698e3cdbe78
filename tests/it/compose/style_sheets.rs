//! Style sheets of a template's folder: their rules are written into the message.

use std::os::unix::fs::symlink;

use postroom::compose::{LayoutChoice, Source, Template, TemplateFault};
use serde_json::json;

use super::{compile, fields, folder};

const LINK: &str = "<link rel=\"stylesheet\" href=\"style.css\">";

fn with(html: &str, files: &[(&str, &str)]) -> Result<Template, Vec<TemplateFault>> {
    let own = [("t/subject.txt", "Hello"), ("t/body.html", html)];
    compile(&[&own, files].concat())
}

fn html(template: &Template) -> String {
    let rendered = template.render(&fields(json!({ "c": "a" })));
    let html = rendered.expect("a message").html;
    html.expect("HTML")
}

fn faults(template: Result<Template, Vec<TemplateFault>>) -> Vec<String> {
    let faults = template.expect_err("a fault").into_iter();
    faults
        .map(|it| format!("{} {it} [{}] {}", it.code, it.label, it.span_len))
        .collect()
}

#[test]
fn the_rules_of_a_sheet_are_written_into_the_elements() {
    let body = "<p class='a'>x</p>";
    let dark = "@media (prefers-color-scheme: dark) { .a { color: white } }";
    let sheet = format!(".a {{ color: red }}\n{dark}");
    let layout = format!("<html><head>{LINK}</head><body>{{{{{{body}}}}}}</body></html>");
    let files = [("layout.html", layout.as_str()), ("style.css", &sheet)];
    let said = html(&with(body, &files).expect("it compiles"));
    assert!(said.contains("<p style=\"color: red"), "{said}");
    assert!(said.contains("prefers-color-scheme"), "{said}");
    assert!(!said.contains("<link"), "{said}");
    // Where a value decides, each message is styled by itself.
    let body = "<p class='{{c}}'>x</p>";
    let said = html(&with(body, &files).expect("it compiles"));
    assert!(
        said.contains("color: red") && !said.contains("<link"),
        "{said}"
    );
}

#[test]
fn a_sheet_beside_the_text_goes_before_one_in_the_templates_directory() {
    let body = format!("{LINK}<p>x</p>");
    let files = [
        ("style.css", "p { color: red }"),
        ("t/style.css", "p { color: blue }"),
    ];
    let said = html(&with(&body, &files).expect("it compiles"));
    assert!(said.contains("blue") && !said.contains("red"), "{said}");
}

#[test]
fn a_run_is_frozen_with_its_sheets() {
    let body = format!("{LINK}<p>x</p>");
    let of = |css| with(&body, &[("style.css", css)]).expect("it compiles");
    let (red, blue) = (of("p { color: red }"), of("p { color: blue }"));
    assert!(red != blue);
    let contents: Vec<_> = red.source().contents().collect();
    assert!(contents.contains(&("style.css", b"p { color: red }".as_slice())));
    let frozen = serde_json::to_string(red.source()).expect("JSON");
    let thawed: Source = serde_json::from_str(&frozen).expect("a source");
    let again = Template::compile(thawed).expect("it compiles");
    assert_eq!(html(&again), html(&red));
}

#[test]
fn what_is_wrong_with_a_sheet_is_told_where_it_is_named() {
    let body = format!("<p>x</p>\n{LINK}");
    let expected = "missing-style-sheet t/body.html:2:30: there is no style sheet style.css [did \
                    you mean `styles.css`?] 9";
    assert_eq!(faults(with(&body, &[("styles.css", "")])), [expected]);
    for (css, found) in [("p { color: {{c}} }", "{{"), ("p {}</STYLE>", "</style")] {
        let told = format!(
            "bad-style-sheet t/body.html:2:30: the style sheet style.css has {found} in it [] 9"
        );
        assert_eq!(faults(with(&body, &[("style.css", css)])), [told]);
    }
    let leading_out = body.replace("style.css", "../../style.css");
    let told = "outside t/body.html:2:30: ../../style.css is not in the templates directory [] 15";
    assert_eq!(faults(with(&leading_out, &[])), [told]);
}

#[test]
fn no_sheet_is_read_from_elsewhere() {
    let outside = folder(&[("style.css", "p { color: red }")]);
    let body = format!("<p>x</p>\n{LINK}");
    let dir = folder(&[("t/subject.txt", "Hello"), ("t/body.html", &body)]);
    let link = dir.path().join("t/style.css");
    symlink(outside.path().join("style.css"), link).expect("a link");
    let read = Source::read(dir.path(), "t", LayoutChoice::Default);
    assert_eq!(read.expect_err("a fault")[0].code, "outside");
}

#[test]
fn a_link_to_a_server_stays_and_is_told_of() {
    let body = "<p>x</p>\n<link rel='stylesheet' href='https://example.org/a.css'>";
    let template = with(body, &[]).expect("it compiles");
    assert_eq!(html(&template), body);
    let lint = template.lint().into_iter();
    let found: Vec<_> = lint.map(|it| (it.code, it.line, it.column)).collect();
    assert_eq!(found, [("remote-style-sheet", 2, 1)]);
}
