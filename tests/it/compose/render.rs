//! What one person gets, or why they get nothing.

use postroom::compose::Template;
use serde_json::{Value, json};

use super::{compile, fields, template, written};

fn text(body: &str, values: Value) -> Result<String, String> {
    let template = template(body, "<p>Hi</p>");
    let fields = fields(values);
    let rendered = template.render(&fields).map_err(|fault| fault.to_string());
    let checked = template.check(&fields).map_err(|fault| fault.to_string());
    assert_eq!(
        rendered.as_ref().err(),
        checked.as_ref().err(),
        "check says what render says"
    );
    rendered.map(|rendered| rendered.text.expect("there is a text"))
}

fn said(body: &str, values: Value) -> String {
    text(body, values).expect_err("it cannot be rendered")
}

#[test]
fn values_are_escaped_in_html_and_nowhere_else() {
    let template = compile(&[
        ("t/subject.txt", "Re: {{name}}\n"),
        ("t/body.txt", "{{name}}"),
        (
            "t/body.html",
            "{{name}} {{upper name}} {{default x name}} {{{name}}}",
        ),
    ]);
    let fields = fields(json!({ "name": "<A> & \"B\"" }));
    let rendered = template
        .expect("it compiles")
        .render(&fields)
        .expect("it renders");
    assert_eq!(rendered.subject, "Re: <A> & \"B\"");
    assert_eq!(rendered.text.as_deref(), Some("<A> & \"B\""));
    let escaped = "&lt;A&gt; &amp; &quot;B&quot;";
    let expected = format!("{escaped} {escaped} {escaped} <A> & \"B\"");
    assert_eq!(rendered.html, Some(expected));
}

#[test]
fn names_in_any_script_and_with_spaces_work_and_so_do_lists() {
    assert_eq!(
        text("你好，{{姓名}}！", json!({ "姓名": "张伟" })),
        Ok("你好，张伟！".to_owned())
    );
    let values = json!({ "First Name": "Ada", "len": "5", "raw": "r" });
    assert_eq!(
        text(
            "{{[First Name]}} {{[len]}} {{this.raw}} {{#if len}}y{{/if}}",
            values
        ),
        Ok("Ada 5 r y".to_owned())
    );
    let values = json!({ "items": [{ "n": 1 }, { "n": 2 }], "tags": ["a", "b"], "me": "x" });
    assert_eq!(
        text(
            "{{#each items}}{{n}}{{../me}} {{/each}}{{#each tags}}{{this}}{{/each}}",
            values
        ),
        Ok("1x 2x ab".to_owned())
    );
}

#[test]
fn the_helpers_do_what_they_say() {
    let hello = "Hello {{default first_name \"there\"}}";
    assert_eq!(text(hello, json!({})), Ok("Hello there".to_owned()));
    assert_eq!(
        text(hello, json!({ "first_name": " " })),
        Ok("Hello there".to_owned())
    );
    assert_eq!(
        text(hello, json!({ "first_name": null })),
        Ok("Hello there".to_owned())
    );
    assert_eq!(
        text(hello, json!({ "first_name": "Ada" })),
        Ok("Hello Ada".to_owned())
    );
    assert_eq!(
        text("{{default n \"none\"}}", json!({ "n": 0 })),
        Ok("0".to_owned())
    );
    assert_eq!(
        text("{{upper a}} {{lower a}}", json!({ "a": "Straße" })),
        Ok("STRASSE straße".to_owned())
    );
    let nested = "{{upper (default a \"x\")}}{{#if (eq (lower b) \"pro\")}}!{{/if}}";
    assert_eq!(text(nested, json!({ "b": "PRO" })), Ok("X!".to_owned()));
}

#[test]
fn a_blank_where_a_field_should_be_is_a_fault_with_its_place() {
    let empty = "the field `first_name` is empty for this person";
    let table = [
        ("Hi\n\nHello {{first_name}},", "3:9"),
        ("Hello {{#if true}}\n {{ upper first_name }}{{/if}}", "2:11"),
        (
            "{{#if false}}{{else if (eq 1 1)}}{{first_name}}{{/if}}",
            "1:36",
        ),
        ("{{#if (eq first_name \"x\")}}{{/if}}", "1:11"),
        (
            "{{#if false}}{{else if (eq first_name \"x\")}}{{/if}}",
            "1:28",
        ),
        ("{{#if false}}{{else if (upper first_name)}}{{/if}}", "1:31"),
        ("{{#each first_name}}x{{/each}}", "1:9"),
        ("{{#with first_name}}x{{/with}}", "1:9"),
        ("{{default last first_name}}", "1:16"),
        ("{{this.first_name}}", "1:3"),
    ];
    for (body, place) in table {
        assert_eq!(
            said(body, json!({})),
            format!("template `t` (body.txt:{place}): {empty}")
        );
    }
    assert_eq!(
        said("x {{first_name}}", json!({ "first_name": null })),
        format!("template `t` (body.txt:1:5): {empty}")
    );
    assert_eq!(
        text("a{{#if first_name}}{{first_name}}{{/if}}", json!({})),
        Ok("a".to_owned())
    );
}

#[test]
fn values_that_are_no_text_are_not_shown_as_if_they_were() {
    assert_eq!(
        said("x {{tags}}", json!({ "tags": ["a"] })),
        "template `t` (body.txt:1:5): the field `tags` is a list: write {{#each tags}}"
    );
    assert_eq!(
        said("{{at}}", json!({ "at": { "city": "Jena" } })),
        "template `t` (body.txt:1:3): the field `at` is a group: write {{at.…}} for one of it"
    );
    assert_eq!(
        said("{{#each tags}}x{{/each}}", json!({ "tags": "a,b" })),
        "template `t` (body.txt:1:9): the field `tags` is neither a list nor a group"
    );
    let blank = json!({ "tags": "" });
    assert_eq!(
        text(
            "a{{#each tags}}x{{/each}}{{#each @root.tags}}x{{else}}none{{/each}}",
            blank
        ),
        Ok("anone".to_owned()),
        "what may be blank is a list of nothing"
    );
    assert_eq!(
        said("{{#each tags}}x{{/each}}", json!({})),
        "template `t` (body.txt:1:9): the field `tags` is empty for this person"
    );
    assert_eq!(
        said("{{lookup tags \"a\"}}", json!({ "tags": {} })),
        "template `t` (body.txt:1:1): {{lookup tags \"a\"}} cannot be shown \
         with this person's values"
    );
}

#[test]
fn a_fault_in_a_partial_names_the_partial() {
    let template = compile(&[
        ("t/subject.txt", "Hello"),
        ("t/body.txt", "Hi\n{{> sign}}"),
        ("partials/sign.txt", "bye\n{{team}}"),
    ]);
    let fault = template
        .expect("it compiles")
        .render(&fields(json!({})))
        .expect_err("no team");
    assert_eq!(
        fault.to_string(),
        "template `t` (partials/sign.txt:2:3): the field `team` is empty for this person"
    );
    assert_eq!(
        (fault.variable.as_deref(), fault.at),
        (Some("team"), Some((2, 3)))
    );
}

fn subject(template: &str, value: &str) -> Result<String, String> {
    compile(&[("t/subject.txt", template), ("t/body.txt", "text")])
        .expect("it compiles")
        .render(&fields(json!({ "v": value })))
        .map(|rendered| rendered.subject)
        .map_err(|fault| fault.to_string())
}

#[test]
fn a_subject_is_one_line_and_not_empty() {
    assert_eq!(
        subject("\n  Hello {{v}} \r\n", "Ada"),
        Ok("Hello Ada".to_owned())
    );
    assert_eq!(
        subject("Hi {{v}}", "a\r\nBcc: all@example.org"),
        Err(
            "template `t` (subject.txt:1:6): the subject has a line break in it; a value may have \
             brought it"
                .to_owned()
        )
    );
    for hostile in [
        "a\nb",
        "a\rb",
        "a\u{b}b",
        "a\u{1b}[31m",
        "a\u{85}b",
        "a\tb",
        "a\u{7f}",
    ] {
        assert!(subject("{{v}}x", hostile).is_err(), "{hostile:?}");
    }
    assert!(
        subject("{{v}}", "a\0b")
            .expect_err("NUL")
            .contains("NUL character")
    );
    assert_eq!(
        subject(" {{v}}\n", ""),
        Err("template `t` (subject.txt): the subject is empty".to_owned())
    );
    assert!(
        subject("{{v}}", &"x".repeat(5000))
            .expect_err("long")
            .contains("longer than 4 KiB")
    );
}

#[test]
fn an_empty_or_endless_body_is_a_fault() {
    assert_eq!(
        said(" {{a}}\n", json!({ "a": "" })),
        "template `t` (body.txt): the body is empty"
    );
    assert!(said("{{a}}", json!({ "a": "x\0" })).contains("(body.txt:1:1): a value holds a NUL"));
    let body = "{{#each a}}{{#each ../a}}{{#each ../../a}}0123456789{{/each}}{{/each}}{{/each}}";
    let list = json!({ "a": vec![1; 100] });
    assert_eq!(
        said(body, list),
        "template `t` (body.txt:1:43): with this, it is longer than 8192 KiB"
    );
}

fn with_layout() -> Template {
    let compiled = compile(&[
        ("t/subject.txt", "Hello"),
        ("t/body.txt", "Dear {{name}}\n"),
        ("t/body.html", "<p>{{name}}</p>\n"),
        ("layout.txt", "== {{team}} ==\n\n{{body}}\n-- \n{{> foot}}"),
        ("layout.html", "<html>{{> foot}}{{{body}}}</html>"),
        ("partials/foot.txt", "{{team}} & co"),
        ("partials/foot.html", "<i>{{team}} &amp; co</i>"),
    ]);
    compiled.expect("it compiles")
}

#[test]
fn a_layout_goes_around_the_bodies() {
    let rendered = with_layout().render(&fields(json!({ "name": "<Ada>", "team": "Ops" })));
    let rendered = rendered.expect("it renders");
    assert_eq!(
        rendered.text.as_deref(),
        Some("== Ops ==\n\nDear <Ada>\n-- \nOps & co")
    );
    assert_eq!(
        rendered.html.as_deref(),
        Some("<html><i>Ops &amp; co</i><p>&lt;Ada&gt;</p></html>")
    );
}

#[test]
fn a_template_from_the_frozen_copy_gives_the_same_bytes() {
    let template = with_layout();
    let json = serde_json::to_string(template.source()).expect("it serialises");
    let again = serde_json::from_str(&json).expect("it parses");
    let again = Template::compile(again).expect("it compiles");
    let fields = fields(json!({ "name": "张伟", "team": "Ops" }));
    let bytes = |template: &Template| written(&template.render(&fields).expect("it renders"));
    assert_eq!(bytes(&template), bytes(&again));
    assert_eq!(
        serde_json::to_string(again.source()).expect("it serialises"),
        json
    );
    assert_eq!(template, again);
}

#[test]
fn a_template_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Template>();
}
