//! Bodies that are made of others, and styles in the elements of HTML.

use postroom::compose::Template;
use serde_json::json;

use super::{compile, fields};

const SUBJECT: (&str, &str) = ("t/subject.txt", "Hello");

fn text_and_html(template: &Template, values: serde_json::Value) -> (String, String) {
    let rendered = template.render(&fields(values)).expect("it renders");
    let (text, html) = (rendered.text, rendered.html);
    (text.expect("a text"), html.expect("HTML"))
}

#[test]
fn html_alone_gets_a_text_with_its_layout_and_partials() {
    let template = compile(&[
        SUBJECT,
        (
            "t/body.html",
            "<p>Hi {{name}}</p>{{#if late}}<p>Late!</p>{{/if}}",
        ),
        ("layout.html", "<h1>Post</h1>{{{body}}}<hr>{{> footer}}"),
        (
            "partials/footer.html",
            "<p><a href=\"{{url}}\">Bye</a></p>\n",
        ),
    ])
    .expect("it compiles");
    let text = |late| {
        let values = json!({"name": "<Ada>", "late": late, "url": "https://x.org/?a&b"});
        text_and_html(&template, values).0
    };
    let after = "\n\n---\n\nBye <https://x.org/?a&b>\n";
    assert_eq!(text(false), format!("Post\n\nHi <Ada>{after}"));
    assert_eq!(text(true), format!("Post\n\nHi <Ada>\n\nLate!{after}"));
    let again = Template::compile(template.source().clone()).expect("a copy compiles");
    assert_eq!(again, template);
}

#[test]
fn markdown_gives_both_bodies_and_values_are_never_markdown() {
    let markdown = "# Report\n\n{{#if url}}\nSee [it]({{url}}), **{{name}}**.\n{{/if}}\n\n\
        | Host | Used |\n|---|--:|\n{{#each hosts}}\n| {{name}} | {{used}} |\n{{/each}}\n\n\
        {{#each steps}}\n- {{this}}\n{{/each}}\n";
    let template = compile(&[SUBJECT, ("t/body.md", markdown)]).expect("it compiles");
    let values = json!({
        "url": "https://x.org", "name": "*<b>*",
        "hosts": [{"name": "a", "used": 1}, {"name": "b|c", "used": 2}],
        "steps": ["one", "two"],
    });
    let (text, html) = text_and_html(&template, values);
    let shown =
        "Report\n\nSee it <https://x.org>, *<b>*.\n\nHost  Used\na  1\nb|c  2\n\n- one\n- two\n";
    assert_eq!(text, shown);
    assert_eq!(html.matches("<table>").count(), 1, "{html}");
    assert_eq!(html.matches("<ul>").count(), 1, "{html}");
    assert_eq!(html.matches("<tr>").count(), 3, "{html}");
    assert!(html.contains("<strong>*&lt;b&gt;*</strong>"), "{html}");
    assert!(!html.contains("<p></p>"), "{html}");
}

#[test]
fn styles_are_written_into_elements_and_faults_keep_their_places() {
    let layout = "<html><head><style>p { color: red }\n@media print { p { color: black } }</style>\
        </head><body>{{{body}}}</body></html>";
    let body = "<p>\n  {{name}}\n</p>";
    let template = compile(&[SUBJECT, ("t/body.html", body), ("layout.html", layout)]);
    let template = template.expect("it compiles");
    let (_, html) = text_and_html(&template, json!({"name": "Ada"}));
    assert!(
        html.contains("<p style=\"color: red;\">\n  Ada\n</p>"),
        "{html}"
    );
    assert!(
        html.contains("@media print") && !html.contains("<style>p {"),
        "{html}"
    );
    let fault = template.render(&fields(json!({}))).expect_err("no name");
    assert_eq!(
        (fault.file.as_str(), fault.at),
        ("t/body.html", Some((2, 5)))
    );
}

#[test]
fn rules_that_depend_on_a_value_are_written_for_each_message() {
    let html = "<style>.ok { color: green }</style><p class=\"{{state}}\">x</p>";
    let template = compile(&[SUBJECT, ("t/body.html", html)]).expect("it compiles");
    let of = |state: &str| text_and_html(&template, json!({"state": state})).1;
    assert_eq!(of("ok"), "<p style=\"color: green;\" class=\"ok\">x</p>");
    assert!(
        of("bad").ends_with("<p class=\"bad\">x</p>"),
        "{}",
        of("bad")
    );
}

#[test]
fn html_without_rules_stays_as_it_is() {
    let html = "<P class=a>&copy; <br/>\r\n<td>{{x}}</P>";
    let template = compile(&[SUBJECT, ("t/body.txt", "x"), ("t/body.html", html)]);
    let template = template.expect("it compiles");
    let (_, shown) = text_and_html(&template, json!({"x": 1}));
    assert_eq!(shown, html.replace("{{x}}", "1"));
}
