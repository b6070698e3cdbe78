//! Each reader gets the texts in their language, or those that are for everybody.

use postroom::compose::{Choices, Language, LayoutChoice, Rendered, Source, Template};
use serde_json::{Value, json};

use super::python::read_back;
use super::{compile, fields, folder, identity, named, sender};
use postroom::compose::message;

/// A greeting in English, German, Austrian German, Chinese in both scripts, and Arabic.
const MANY: &[(&str, &str)] = &[
    ("t/subject.txt", "News"),
    ("t/body.txt", "Hello {{name}}\n"),
    ("t/subject.de.txt", "Neues"),
    ("t/body.de.txt", "Hallo {{name}}\n"),
    ("t/body.de_at.txt", "Servus {{name}}\n"),
    ("t/subject.zh-hans.txt", "新闻"),
    ("t/body.zh-Hans.txt", "你好 {{name}}\n"),
    ("t/body.zh-TW.txt", "您好 {{name}}\n"),
    ("t/subject.ar.txt", "أخبار"),
    ("t/body.AR.txt", "مرحبا {{name}}\n"),
];

fn to(template: &Template, language: Value) -> Rendered {
    let fields = fields(json!({ "name": "Ada", "language": language }));
    template.check(&fields).expect("what renders passes");
    template.render(&fields).expect("it renders")
}

fn text(template: &Template, language: Value) -> String {
    let rendered = to(template, language);
    rendered.text.expect("a text").trim_end().to_owned()
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let faults = compile(files).err().unwrap_or_default();
    let said = faults
        .iter()
        .map(|fault| format!("{} {fault} [{}]", fault.code, fault.label));
    said.collect()
}

#[test]
fn readers_get_the_nearest_language_and_everybody_else_the_texts_without_one() {
    let template = compile(MANY).expect("it compiles");
    for (language, hello) in [
        ("de", "Hallo Ada"),
        ("DE_ch", "Hallo Ada"),
        ("de-AT", "Servus Ada"),
        ("de-at-1996", "Servus Ada"),
        ("de_AT.UTF-8", "Servus Ada"),
        ("zh-CN", "你好 Ada"),
        ("zh", "你好 Ada"),
        ("zh-Hant-TW", "您好 Ada"),
        ("zh-TW", "您好 Ada"),
        ("ar-EG", "مرحبا Ada"),
        ("en-GB", "Hello Ada"),
        ("fr", "Hello Ada"),
        ("", "Hello Ada"),
        ("Klingon, please", "Hello Ada"),
        ("xx", "Hello Ada"),
    ] {
        assert_eq!(text(&template, json!(language)), hello, "{language}");
    }
    for nothing in [json!(null), json!(7), json!(["de"])] {
        assert_eq!(text(&template, nothing), "Hello Ada");
    }
    let without = fields(json!({ "name": "Ada" }));
    assert_eq!(template.edition(&without).tag(), "");
}

#[test]
fn what_an_edition_lacks_comes_from_the_shorter_tag_and_then_from_the_texts_without_one() {
    let layouts = [
        ("layout.txt", "{{{body}}}\nEN {{> foot}}"),
        ("layout.de.txt", "{{{body}}}\nDE {{> foot}}"),
        ("partials/foot.txt", "bye"),
        ("partials/foot.de-AT.txt", "pfiat di"),
    ];
    let template = compile(&[MANY, &layouts].concat()).expect("it compiles");
    let whole = |language: &str| {
        let rendered = to(&template, json!(language));
        (
            rendered.subject,
            rendered.text.expect("a text"),
            rendered.language,
        )
    };
    let of = |subject: &str, text: &str, language: &str| {
        (subject.to_owned(), text.to_owned(), language.to_owned())
    };
    assert_eq!(whole("fr"), of("News", "Hello Ada\nEN bye", "en"));
    assert_eq!(whole("de"), of("Neues", "Hallo Ada\nDE bye", "de"));
    assert_eq!(
        whole("de-AT"),
        of("Neues", "Servus Ada\nDE pfiat di", "de-AT")
    );
    assert_eq!(whole("zh-TW"), of("News", "您好 Ada\nEN bye", "zh-TW"));
}

#[test]
fn a_body_is_never_one_of_another_language() {
    let english = [("t/subject.txt", "News"), ("t/body.txt", "Hello {{name}}")];
    let subject = |tag: &'static str| [&english[..], &[(tag, "x")]].concat();
    assert_eq!(
        faults(&subject("t/subject.de.txt")),
        ["missing-body t/subject.de.txt:1:1: template `t` has a subject in `de` and no body []"]
    );
    // This is English as well.
    let template = compile(&subject("t/subject.en-GB.txt")).expect("it compiles");
    assert_eq!(text(&template, json!("en-GB")), "Hello Ada");
    assert_eq!(to(&template, json!("en-GB")).subject, "x");
    assert_eq!(to(&template, json!("en-US")).subject, "News");
    let none = [("t/subject.txt", "News"), ("t/body.de.txt", "Hallo")];
    assert_eq!(
        faults(&none),
        ["missing-body t/body.txt:1:1: template `t` has no body for readers of other languages []"]
    );
}

#[test]
fn a_text_that_would_never_be_read_is_told_with_the_name_it_should_have() {
    let with = |name: &'static str| {
        let files = [("t/subject.txt", "x"), ("t/body.txt", "x"), (name, "x")];
        let faults = compile(&files).err().unwrap_or_default();
        let said = faults.iter().map(|fault| {
            let help = fault.help.as_deref().unwrap_or_default();
            format!("{} {} {help}", fault.code, fault.label)
        });
        said.collect::<Vec<_>>().join("; ")
    };
    for (name, meant) in [
        ("t/Body.html", "body.html"),
        ("t/body.htm", "body.html"),
        ("t/body.html.hbs", "body.html"),
        ("t/body.text", "body.txt"),
        ("t/body.de.htm", "body.de.html"),
        ("t/body.markdown", "body.md"),
        ("t/subject.html", "subject.txt"),
        ("t/SUBJECT.DE.TXT", "subject.de.txt"),
    ] {
        assert_eq!(
            with(name),
            format!("stray-file  call it {meant}, or take it away"),
            "{name}"
        );
    }
    let tags = "tags are like de, pt-BR or zh-Hant; rename the file, or take it away";
    assert_eq!(
        with("t/body.jp.html"),
        format!("bad-language did you mean `ja`? {tags}")
    );
    for name in [
        "t/body.foo.html",
        "t/subject.german.txt",
        "t/body.x.md",
        "layout.zz.txt",
    ] {
        assert_eq!(with(name), format!("bad-language  {tags}"), "{name}");
    }
    for name in [
        "t/sample.csv",
        "t/logo.png",
        "t/body.html.bak",
        "t/body.html~",
        "t/body-notes.md",
        "t/body2.html",
        "t/invoice.txt",
        "t/.body.html.swp",
        "layout.html~",
        "partials/foot.zz.txt",
    ] {
        assert_eq!(with(name), "", "{name}");
    }
    // Without a body, the slip is what explains it.
    let slip = [("t/subject.txt", "x"), ("t/bdoy.txt", "x")];
    assert!(faults(&slip)[0].starts_with("stray-file t/bdoy.txt:1:1"));
}

#[test]
fn a_partial_in_no_language_is_told_where_its_name_is_used() {
    let files = [
        ("t/subject.txt", "x"),
        ("t/body.txt", "{{> foot}}"),
        ("partials/foot.txt", "x"),
        ("partials/foot.cn.txt", "x"),
    ];
    assert_eq!(
        faults(&files),
        [
            "bad-language partials/foot.cn.txt:1:1: `cn` in the name foot.cn.txt is not the tag of \
             a language [did you mean `zh`?]"
        ]
    );
}

#[test]
fn two_files_of_one_language_are_told() {
    let twice = [("t/body.DE-at.txt", "x")];
    let said = faults(&[MANY, &twice].concat());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("stray-file t/body.de"), "{said:?}");
}

#[test]
fn markdown_and_html_of_one_language_are_told() {
    let markdown = [("t/body.ar.md", "x"), ("t/body.ar.html", "x")];
    assert_eq!(
        faults(&[MANY, &markdown].concat()),
        ["only-one-of t/body.ar.md:1:1: t/body.ar.md and t/body.ar.html are both for HTML []"]
    );
}

#[test]
fn faults_are_told_at_their_own_file_and_those_that_editions_share_once() {
    let tags = "de fr es it pt nl sv da nb fi pl cs sk hu ro bg el tr ru uk ja ko zh ar he";
    let own: Vec<(String, String)> = tags
        .split(' ')
        .map(|tag| (format!("t/body.{tag}.txt"), format!("{{{{nme}}}} in {tag}")))
        .collect();
    let mut files = vec![
        ("t/subject.txt", "x"),
        ("t/body.txt", "{{> foot}}"),
        ("layout.txt", "{{body}}{{uppr name}}{{> foot}}"),
        ("partials/foot.txt", "{{#if}}x{{/if}}"),
    ];
    files.extend(
        own.iter()
            .map(|(file, text)| (file.as_str(), text.as_str())),
    );
    let wrong = [&files[..], &[("t/body.pt-BR.txt", "{{lowr name}}")]].concat();
    let said = faults(&wrong);
    assert_eq!(
        said,
        [
            "unknown-helper layout.txt:1:11: no template helper is called `uppr` \
             [did you mean `upper`?]",
            "helper-values partials/foot.txt:1:4: `if` needs a value [none is given]",
            "unknown-helper t/body.pt-BR.txt:1:3: no template helper is called `lowr` \
             [did you mean `lower`?]",
        ]
    );
}

#[test]
fn the_fields_of_all_languages_are_needed_and_each_row_is_held_against_its_own_texts() {
    let files = [
        ("t/subject.txt", "x"),
        ("t/body.txt", "{{name}}"),
        ("t/body.de.txt", "{{anrede}}"),
    ];
    let template = compile(&files).expect("it compiles");
    let names: Vec<_> = template.variables().iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["anrede", "name"]);
    let checked = |row: Value| {
        template
            .check(&fields(row))
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(checked(json!({ "language": "en", "name": "Ada" })), Ok(()));
    assert_eq!(
        checked(json!({ "language": "de", "anrede": "Frau" })),
        Ok(())
    );
    assert_eq!(
        checked(json!({ "language": "de", "name": "Ada" })),
        Err("template `t` (body.de.txt:1:3): the field `anrede` is empty for this person".into())
    );
    // A list where a text is wanted matters to those alone who would read it.
    assert_eq!(checked(json!({ "name": "Ada", "anrede": ["x"] })), Ok(()));
}

#[test]
fn texts_know_their_language_and_which_way_it_runs() {
    let html = r#"<html lang="{{text_language}}" dir="{{text_direction}}">{{{body}}}</html>"#;
    let files = [
        ("layout.html", html),
        ("t/subject.txt", "{{text_language}}"),
        ("t/body.txt", "{{text_direction}}"),
        ("t/body.html", "<p>Hi</p>"),
        ("t/body.ar.txt", "{{text_direction}}"),
        ("t/body.ar.html", "<p>مرحبا</p>"),
        ("t/body.zh-Hant.txt", "{{text_direction}}"),
    ];
    let dir = folder(&files);
    let choices = Choices {
        language: Language::parse("de").expect("German"),
        ..Choices::default()
    };
    let source = Source::read(dir.path(), "t", choices).expect("it is read");
    let template = Template::compile(source).expect("it compiles");
    assert_eq!(template.variables(), []);
    for (reader, tag, direction) in [
        ("de-CH", "de-CH", "ltr"),
        ("he", "de", "ltr"),
        ("", "de", "ltr"),
        ("ar_EG", "ar-EG", "rtl"),
        ("zh-HK", "zh-HK", "ltr"),
        ("zh-CN", "de", "ltr"),
    ] {
        let rendered = to(&template, json!(reader));
        assert_eq!(rendered.subject, tag, "{reader}");
        assert_eq!(rendered.text.as_deref(), Some(direction), "{reader}");
        if let Some(html) = rendered.html.filter(|it| it.contains("<p>")) {
            let start = format!(r#"<html lang="{tag}" dir="{direction}">"#);
            assert!(html.starts_with(&start), "{html}");
        }
    }
    // What a list says of these names is not asked.
    let row = fields(json!({ "text_language": "<b>", "text_direction": "up" }));
    assert_eq!(template.render(&row).expect("it renders").subject, "de");
}

#[test]
fn another_field_may_name_the_language() {
    let dir = folder(MANY);
    let choices = Choices {
        language_field: Some("locale".to_owned()),
        ..Choices::default()
    };
    let source = Source::read(dir.path(), "t", choices).expect("it is read");
    let template = Template::compile(source).expect("it compiles");
    let row = fields(json!({ "name": "Ada", "language": "ar", "locale": "de" }));
    let text = template.render(&row).expect("it renders").text;
    assert_eq!(text.as_deref(), Some("Hallo Ada\n"));
}

#[test]
fn python_reads_texts_that_run_from_right_to_left_as_they_are() {
    let files = [
        ("t/subject.txt", "News"),
        ("t/body.txt", "Hello {{name}}"),
        ("t/subject.ar.txt", "أخبار لـ {{name}} (رقم 7)"),
        ("t/body.ar.txt", "مرحبا {{name}}،\nلديك 3 رسائل.\n"),
        (
            "t/body.ar.html",
            r#"<p dir="{{text_direction}}">مرحبا {{name}}</p>"#,
        ),
        ("t/subject.he.txt", "חדשות עבור {{name}}"),
        ("t/body.he.txt", "שלום {{name}},\nיש לך 3 הודעות.\n"),
        (
            "t/body.he.html",
            r#"<p dir="{{text_direction}}">שלום {{name}}</p>"#,
        ),
    ];
    let template = compile(&files).expect("it compiles");
    let rendered = ["ar-SA", "he"].map(|language| {
        let row = fields(json!({ "name": "דנה / ليلى & <Co>", "language": language }));
        template.render(&row).expect("it renders")
    });
    assert!(
        rendered
            .iter()
            .all(|it| it.html.as_ref().expect("HTML").contains("\"rtl\""))
    );
    let messages = rendered
        .each_ref()
        .map(|it| message(it, &sender(), &named("דנה"), &identity()).expect("a message"));
    let Some(read) = read_back(&messages) else {
        return;
    };
    for (read, meant) in read.iter().zip(&rendered) {
        assert_eq!(read["subject"], meant.subject);
        let body = |at: usize| {
            let body = read["bodies"][at].as_str().unwrap_or_default();
            body.replace("\r\n", "\n")
        };
        assert_eq!(Some(body(0)), meant.text);
        assert_eq!(Some(body(1).trim_end()), meant.html.as_deref());
        assert_eq!(read["to"][0], "דנה");
    }
}

#[test]
fn a_run_that_was_frozen_before_there_were_languages_renders_as_it_did() {
    let part = |file: &str, content: &str| json!({ "file": file, "content": content });
    let frozen = json!({
        "name": "digest",
        "subject": part("digest/subject.txt", "Hello {{name}}"),
        "text": part("digest/body.txt", "Dear {{name}}{{> foot}}"),
        "html": null,
        "layout_text": part("layout.txt", "<< {{{body}}} >>"),
        "layout_html": null,
        "partials": { "foot.txt": part("partials/foot.txt", "!") },
    });
    let source: Source = serde_json::from_value(frozen.clone()).expect("it parses");
    assert_eq!(
        serde_json::to_value(&source).expect("it serialises"),
        frozen
    );
    let template = Template::compile(source).expect("it compiles");
    let row = fields(json!({ "name": "Ada", "language": "de" }));
    let rendered = template.render(&row).expect("it renders");
    assert_eq!(rendered.subject, "Hello Ada");
    assert_eq!(rendered.text.as_deref(), Some("<< Dear Ada! >>"));
}

#[test]
fn a_frozen_run_keeps_all_languages_and_what_they_share_once() {
    let shared = [
        ("layout.txt", "{{{body}}} the layout {{> foot}}"),
        ("layout.fr.txt", "{{{body}}} en français"),
        ("partials/foot.txt", "the foot"),
        ("partials/foot.de.txt", "der Fuß"),
        ("partials/other.txt", "the other"),
    ];
    let template = compile(&[MANY, &shared].concat()).expect("it compiles");
    let json = serde_json::to_string(template.source()).expect("it serialises");
    assert_eq!(json.matches("the layout").count(), 1);
    assert_eq!(json.matches("the foot").count(), 1);
    assert_eq!(json.matches("der Fuß").count(), 1);
    // Nobody would read these.
    assert!(
        !json.contains("the other") && !json.contains("en français"),
        "{json}"
    );
    let again = serde_json::from_str(&json).expect("it parses");
    let again = Template::compile(again).expect("it compiles");
    assert_eq!(again, template);
    for language in ["de-AT", "zh-TW", "ar", "fr"] {
        let language = json!(language);
        assert_eq!(to(&again, language.clone()), to(&template, language));
    }
}

#[test]
fn a_mark_goes_before_the_subjects_of_all_languages() {
    let template = compile(MANY).expect("it compiles");
    let mut source = template.source().clone();
    source.mark_subjects(|subject| format!("[test] {subject}"));
    let marked = Template::compile(source).expect("it compiles");
    for (language, subject) in [("fr", "[test] News"), ("de-AT", "[test] Neues")] {
        assert_eq!(to(&marked, json!(language)).subject, subject);
    }
}

#[test]
fn a_subject_of_a_key_is_everybody_s_and_has_its_faults_under_its_name() {
    let dir = folder(&[
        ("t/body.txt", "x"),
        ("t/body.de.txt", "x"),
        ("t/subject.de.txt", "Neu"),
    ]);
    let read = |subject: &str| {
        let choices = Choices {
            subject: Some(subject.to_owned()),
            layout: LayoutChoice::None,
            ..Choices::default()
        };
        Source::read(dir.path(), "t", choices).and_then(Template::compile)
    };
    let template = read("For {{name}}").expect("it compiles");
    assert_eq!(to(&template, json!("fr")).subject, "For Ada");
    assert_eq!(to(&template, json!("de")).subject, "Neu");
    let nobody = template.render(&fields(json!({}))).expect_err("no name");
    assert_eq!(
        nobody.to_string(),
        "template `t` (template.t.subject:1:7): the field `name` is empty for this person"
    );
    let fault = read("For {{nme").expect_err("it is cut off").remove(0);
    assert_eq!(
        fault.to_string(),
        "template.t.subject:1:5: these braces are never closed"
    );

    std::fs::write(dir.path().join("t/subject.txt"), "two").expect("a file");
    let fault = read("one").expect_err("there are two").remove(0);
    assert_eq!(
        fault.to_string(),
        "template.t.subject:1:1: template `t` has a subject here and in t/subject.txt"
    );
}
