//! Files and headers in any script, as Python's `email` package reads them.

use std::collections::BTreeMap;

use postroom::compose::{Enclosure, Mail, Manner, Rendered};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::python::{body, canonical, in_base64, line, read_back};
use super::{Desk, carrying, file, image, rendered};

/// A message with all that it may carry.
#[derive(Debug, Clone)]
struct Parcel {
    rendered: Rendered,
    files: Vec<Enclosure>,
    /// What is in them.
    contents: Vec<Vec<u8>>,
    manner: Manner,
    token: Option<String>,
}

impl Parcel {
    fn bytes(&self) -> Vec<u8> {
        let url = self
            .token
            .as_ref()
            .map(|it| format!("https://x.example/{it}"));
        let desk = Desk::new(self.manner.clone());
        let mail = Mail {
            enclosures: &self.files,
            unsubscribe_url: url.as_deref(),
            unsubscribe_mail: self
                .token
                .as_ref()
                .map(|it| ("off@example.org", it.as_str())),
            ..desk.mail(&self.rendered)
        };
        mail.compose().expect("a message")
    }

    fn structure(&self) -> String {
        let images = |it: &&Enclosure| self.rendered.html.is_some() && it.content_id.is_some();
        let (images, attached): (Vec<_>, Vec<_>) = self.files.iter().partition(images);
        let within = |kind: &str, first: String, rest: &[&Enclosure]| {
            let rest: String = rest
                .iter()
                .map(|it| format!(", {}", it.media_type))
                .collect();
            match rest.as_str() {
                "" => first,
                rest => format!("multipart/{kind}({first}{rest})"),
            }
        };
        let texts = match (&self.rendered.text, &self.rendered.html) {
            (Some(_), Some(_)) => "multipart/alternative(text/plain, text/html)",
            (Some(_), None) => "text/plain",
            _ => "text/html",
        };
        within(
            "mixed",
            within("related", texts.to_owned(), &images),
            &attached,
        )
    }
}

/// A name that a file may be saved under as it is.
fn name() -> impl Strategy<Value = String> {
    let ending = prop_oneof![Just(""), Just(".pdf"), Just(".tar.gz"), Just(".文")];
    (line("\\PC{1,80}"), ending)
        .prop_map(|(stem, ending)| {
            let fit = |c: &char| !"/\\:\u{2028}\u{2029}\u{61c}".contains(*c);
            let stem: String = stem.chars().filter(fit).take(60).collect();
            let idle = |c: char| c == '.' || c.is_whitespace();
            stem.trim_matches(idle).to_owned() + ending
        })
        .prop_filter("a name is one", |name| {
            // Python takes a pair of these from around any name, even a decoded one.
            let is_bare = !name.starts_with(['"', '<']);
            is_bare && !name.is_empty() && !name.starts_with('.') && name.len() <= 240
        })
}

fn enclosure() -> impl Strategy<Value = (Enclosure, Vec<u8>)> {
    let kind = prop_oneof![
        Just("application/pdf"),
        Just("text/csv"),
        Just("text/calendar"),
        Just("image/png"),
        Just("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ];
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        body().prop_map(String::into_bytes),
    ];
    let id = proptest::option::of("[a-z0-9]{1,20}@[a-z]{1,9}\\.example");
    (name(), kind, content, id).prop_map(|(name, kind, content, content_id)| {
        let file = file(&name, kind, &content);
        (Enclosure { content_id, ..file }, content)
    })
}

fn parcel() -> impl Strategy<Value = Parcel> {
    let texts = prop_oneof![
        (body(), body()).prop_map(|(text, html)| (Some(text), Some(html))),
        body().prop_map(|text| (Some(text), None)),
        body().prop_map(|html| (None, Some(html))),
    ];
    let value = prop_oneof![
        3 => line("\\PC{1,200}"),
        1 => "[!-~]{900}".prop_filter("it is no encoded word", |it| !it.contains("=?")),
        1 => "[!-~]{1000}",
    ];
    let headers = proptest::collection::btree_map("X-[A-Za-z0-9-]{1,48}", value, 0..4);
    let manner = (any::<bool>(), proptest::option::of("[a-z.-]{1,60}"));
    let token = proptest::option::of("[A-Za-z0-9_.-]{1,200}");
    let files = proptest::collection::vec(enclosure(), 0..4);
    (texts, files, headers, manner, token).prop_map(
        |((text, html), files, headers, (bulk, list_id), token)| {
            let (files, contents) = files.into_iter().unzip();
            // Names are compared without case.
            let mut once = BTreeMap::new();
            for (name, value) in headers {
                once.insert(name.to_lowercase(), (name, value));
            }
            let rendered = Rendered {
                text,
                html,
                headers: once.into_values().collect(),
                images: Vec::new(),
                ..rendered("Files", "", None)
            };
            let class = serde_json::from_value(json!(if bulk { "bulk" } else { "notice" }));
            let manner = Manner {
                class: class.expect("a class"),
                feedback_id: list_id.clone().map(|id| format!("a:b:{id}")),
                list_id,
                ..Manner::default()
            };
            Parcel {
                rendered,
                files,
                contents,
                manner,
                token,
            }
        },
    )
}

/// What Python is to read of a file.
fn expected(file: &Enclosure, content: &[u8], shown: bool) -> Value {
    let is_text = file.media_type.starts_with("text/") && str::from_utf8(content).is_ok();
    json!({
        "name": file.name,
        "older_name": file.name,
        "type": file.media_type,
        "charset": is_text.then_some("utf-8"),
        "method": null,
        "id": file.content_id.as_ref().map(|id| format!("<{id}>")),
        "disposition": if shown { "inline" } else { "attachment" },
        "content": in_base64(content),
    })
}

fn compare(parcel: &Parcel, read: &Value) {
    assert_eq!(read["defects"], json!([]));
    assert_eq!(read["structure"], parcel.structure());
    let texts = [&parcel.rendered.text, &parcel.rendered.html];
    let texts: Vec<_> = texts
        .into_iter()
        .flatten()
        .map(|it| canonical(it))
        .collect();
    let got = read["bodies"].as_array().expect("bodies").iter();
    let got: Vec<_> = got
        .map(|it| it.as_str().expect("text").to_owned())
        .collect();
    assert_eq!(got, texts);

    let with_html = parcel.rendered.html.is_some();
    let files = parcel.files.iter().zip(&parcel.contents);
    let files = files.map(|(file, content)| {
        let shown = with_html && file.content_id.is_some();
        (!shown, expected(file, content, shown))
    });
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(attached, _)| *attached); // images come first
    let files: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
    let mut got = read["files"].clone();
    for file in got.as_array_mut().expect("files") {
        let file = file.as_object_mut().expect("a file");
        let ascii = file.remove("ascii_name").expect("a name");
        assert!(ascii.as_str().expect("text").is_ascii());
    }
    assert_eq!(got, Value::Array(files));

    let field = |name: &str| read["fields"].get(name).cloned().unwrap_or(Value::Null);
    for (name, value) in &parcel.rendered.headers {
        assert_eq!(field(&name.to_lowercase()), value.as_str(), "{name}");
    }
    let list_id = parcel.manner.list_id.as_ref();
    assert_eq!(field("list-id"), json!(list_id.map(|id| format!("<{id}>"))));
    assert_eq!(field("feedback-id"), json!(parcel.manner.feedback_id));
    let token = parcel.token.as_ref();
    let off = |it| format!("<https://x.example/{it}>, <mailto:off@example.org?subject={it}>");
    assert_eq!(field("list-unsubscribe"), json!(token.map(off)));
    let one_click = token.map(|_| "List-Unsubscribe=One-Click");
    assert_eq!(field("list-unsubscribe-post"), json!(one_click));
}

#[test]
fn any_file_and_any_header_come_back_equal() {
    let mut runner = TestRunner::default();
    let strategy = parcel();
    let parcels: Vec<Parcel> = (0..400)
        .map(|_| strategy.new_tree(&mut runner).expect("a parcel").current())
        .collect();
    let messages: Vec<Vec<u8>> = parcels.iter().map(Parcel::bytes).collect();
    let Some(read) = read_back(&messages) else {
        return;
    };
    for ((parcel, bytes), read) in parcels.iter().zip(&messages).zip(&read) {
        let compared = std::panic::catch_unwind(|| compare(parcel, read));
        let shown = || format!("{parcel:?}\n{}\n{read:#}", String::from_utf8_lossy(bytes));
        assert!(compared.is_ok(), "{}", shown());
    }
}

#[test]
fn a_subject_or_a_list_beside_files_is_read_as_without() {
    let letter = rendered(
        "每周摘要",
        "Hello",
        Some("<img src=\"cid:logo@x.example\">"),
    );
    let files = [
        image("logo@x.example", b"png"),
        file("报告.pdf", "application/pdf", b"%PDF"),
    ];
    let bytes = carrying(&letter, &files).expect("a message");
    let Some(read) = read_back(&[bytes]) else {
        return;
    };
    assert_eq!(read[0]["subject"], "每周摘要");
    assert_eq!(read[0]["to"], json!(["Ada", "ada@example.org"]));
    assert_eq!(
        read[0]["structure"],
        "multipart/mixed(multipart/related(multipart/alternative(text/plain, text/html), \
         image/png), application/pdf)"
    );
    assert_eq!(read[0]["files"][1]["ascii_name"], "attachment.pdf");
}
