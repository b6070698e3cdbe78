//! compose, from a folder of texts to bytes that Python's `email` package reads back.

mod builtin;
mod carried;
mod content;
mod editions;
mod faults;
mod formats;
mod given;
mod images;
mod message;
pub(crate) mod python;
mod render;
mod source;
mod style_sheets;
mod unicode;
mod variables;

use std::fs;

use lettre::message::Mailbox;
use postroom::compose::{
    Addressees, ComposeFault, Content, Enclosure, Identity, LayoutChoice, Mail, Manner, Rendered,
    Sender, Source, Template, TemplateFault, message,
};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A templates directory with these files; the paths are relative to it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    dir
}

fn compile(files: &[(&str, &str)]) -> Result<Template, Vec<TemplateFault>> {
    let dir = folder(files);
    Template::compile(Source::read(dir.path(), "t", LayoutChoice::Default)?)
}

/// A template of a plain subject, this text and this HTML.
fn template(text: &str, html: &str) -> Template {
    compile(&[
        ("t/subject.txt", "Hello"),
        ("t/body.txt", text),
        ("t/body.html", html),
    ])
    .expect("the template compiles")
}

fn fields(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(fields) => fields,
        _ => panic!("fields are an object"),
    }
}

fn rendered(subject: &str, text: &str, html: Option<&str>) -> Rendered {
    Rendered {
        subject: subject.to_owned(),
        text: Some(text.to_owned()),
        html: html.map(str::to_owned),
        language: "en".to_owned(),
        headers: Vec::new(),
        images: Vec::new(),
    }
}

fn named(name: &str) -> Mailbox {
    Mailbox::new(
        Some(name.to_owned()),
        "ada@example.org".parse().expect("an address"),
    )
}

fn sender() -> Sender {
    Sender {
        from: Mailbox::new(
            Some("Ops Team".to_owned()),
            "ops@example.org".parse().expect("an address"),
        ),
        reply_to: None,
        manner: Manner::default(),
    }
}

fn identity() -> Identity {
    Identity {
        message_id: "01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17@example.org".to_owned(),
        date: "2026-11-23T01:00:00Z".parse().expect("an instant"),
        utc_offset_seconds: 8 * 3600,
    }
}

/// The message to Ada as text.
fn written(rendered: &Rendered) -> String {
    let bytes = message(rendered, &sender(), &named("Ada"), &identity()).expect("a message");
    String::from_utf8(bytes).expect("messages are ASCII")
}

/// The message to Ada with these files.
fn carrying(rendered: &Rendered, enclosures: &[Enclosure]) -> Result<Vec<u8>, ComposeFault> {
    let desk = Desk::new(Manner::default());
    let mail = Mail {
        enclosures,
        ..desk.mail(rendered)
    };
    mail.compose()
}

/// All of a mail to Ada but what it says and carries.
struct Desk {
    sender: Sender,
    addressees: Addressees,
    identity: Identity,
}

impl Desk {
    fn new(manner: Manner) -> Self {
        let sender = Sender { manner, ..sender() };
        let to = vec![named("Ada")];
        let cc = Vec::new();
        Self {
            sender,
            addressees: Addressees { to, cc },
            identity: identity(),
        }
    }

    fn mail<'a>(&'a self, rendered: &'a Rendered) -> Mail<'a> {
        Mail {
            rendered,
            sender: &self.sender,
            addressees: &self.addressees,
            identity: &self.identity,
            enclosures: &[],
            unsubscribe_url: None,
            unsubscribe_mail: None,
        }
    }
}

fn file(name: &str, media_type: &str, content: &[u8]) -> Enclosure {
    Enclosure {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content: Content::new(content),
        content_id: None,
    }
}

fn image(id: &str, content: &[u8]) -> Enclosure {
    Enclosure {
        content_id: Some(id.to_owned()),
        ..file("logo.png", "image/png", content)
    }
}
