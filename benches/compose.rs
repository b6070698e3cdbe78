//! What a message costs before it is sent, on one core:
//!
//! ```text
//! cargo bench --bench compose
//! ```
//!
//! It prints what rendering a template and writing the message take, for one of 4 KB in text and
//! HTML, for the same with a shared attachment of 100 KB, and for one in Chinese; beside each what
//! lettre's builder takes to write the same texts, without a look at its result; and how fast a
//! file is encoded, which happens once for a run. It fails where the first message costs more than
//! postroom promises.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Body, Mailbox, MultiPart};
use postroom::compose::{
    Addressees, Content, Enclosure, Identity, LayoutChoice, Mail, Manner, Rendered, Sender, Source,
    Template,
};
use serde_json::{Map, Value, json};

/// What postroom promises for rendering and writing a message of 4 KB.
const PROMISED: Duration = Duration::from_micros(50);
const ATTACHED: usize = 100 << 10;
const FILE: usize = 10 << 20;
/// Messages in a try, and tries: a busy machine adds to a figure and never takes away from it.
const MESSAGES: u32 = 2000;
const TRIES: usize = 9;

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::print_stderr, reason = "for whoever runs it")]
fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("a message of 4 KB costs more than {PROMISED:?}");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn run() -> Result<bool, Failure> {
    let english = Bench::new(
        "Dear {{name}}, this is what was backed up in the night:",
        "All of it can be restored.",
    )?;
    let chinese = Bench::new(
        "{{name}}，您好：以下是昨夜备份的内容：",
        "全部内容都可以恢复。",
    )?;
    println!(
        "{:24} {:>8} {:>10} {:>10} {:>8}",
        "", "bytes", "render", "compose", "sum"
    );
    let sum = english.report("text and HTML", &[])?;
    english.report("with 100 KB attached", &[attachment()])?;
    chinese.report("in Chinese", &[])?;
    let bytes: Vec<u8> = (0..FILE).map(|n| (n * 31 % 251) as u8).collect();
    let took = best(1, || {
        black_box(Content::new(black_box(&bytes)));
    });
    println!(
        "a file of 10 MB is encoded in {:.1} ms, {:.0} MB/s",
        took.as_secs_f64() * 1e3,
        FILE as f64 / took.as_secs_f64() / 1e6
    );
    Ok(sum <= PROMISED)
}

fn attachment() -> Enclosure {
    let bytes: Vec<u8> = (0..ATTACHED).map(|n| (n * 31 % 251) as u8).collect();
    Enclosure {
        name: "report.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        content: Content::new(&bytes),
        content_id: None,
    }
}

/// A template, and everything of a message but what it says.
struct Bench {
    template: Template,
    fields: Map<String, Value>,
    sender: Sender,
    addressees: Addressees,
    identity: Identity,
}

impl Bench {
    fn new(opening: &str, closing: &str) -> Result<Self, Failure> {
        let ada: Mailbox = "Ada Lovelace <ada@example.org>".parse()?;
        let Value::Object(fields) = json!({
            "name": "Ada",
            "volumes": (0..20).map(|n| json!({
                "name": format!("volume-{n}"), "files": 1000 + n, "size": format!("{n}.5 GB"),
            })).collect::<Vec<_>>(),
        }) else {
            return Err("fields are an object".into());
        };
        Ok(Self {
            template: template(opening, closing)?,
            fields,
            sender: Sender {
                from: "Ops Team <ops@example.org>".parse()?,
                reply_to: None,
                manner: Manner::default(),
            },
            addressees: Addressees {
                to: vec![ada],
                cc: Vec::new(),
            },
            identity: Identity {
                message_id: "01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17@example.org".to_owned(),
                date: "2026-11-23T01:00:00Z".parse()?,
                utc_offset_seconds: 8 * 3600,
            },
        })
    }

    /// Measures and prints; returns what rendering and writing take together.
    #[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
    fn report(&self, what: &str, enclosures: &[Enclosure]) -> Result<Duration, Failure> {
        let rendered = self.template.render(&self.fields)?;
        let mail = Mail {
            rendered: &rendered,
            sender: &self.sender,
            addressees: &self.addressees,
            identity: &self.identity,
            enclosures,
            unsubscribe_url: None,
            unsubscribe_mail: None,
        };
        let bytes = mail.compose()?.len();
        let render = best(MESSAGES, || {
            black_box(self.template.render(black_box(&self.fields))).expect("it rendered before");
        });
        let compose = best(MESSAGES, || {
            black_box(black_box(&mail).compose()).expect("it was composed before");
        });
        let attached = enclosures.first().map(|_| {
            Body::new(vec![7; ATTACHED]) // encoded once, as here
        });
        let lettre = best(MESSAGES, || {
            black_box(self.by_lettre(black_box(&rendered), attached.as_ref()));
        });
        let sum = render + compose;
        let us = |took: Duration| took.as_secs_f64() * 1e6;
        println!(
            "{what:24} {bytes:8} {:7.1} us {:7.1} us {:5.1} us   lettre's builder takes {:.1} us, \
             {:.1} times as long",
            us(render),
            us(compose),
            us(sum),
            us(lettre),
            us(lettre) / us(compose),
        );
        Ok(sum)
    }

    /// The same texts by lettre, which chooses the encodings itself.
    fn by_lettre(&self, rendered: &Rendered, attached: Option<&Body>) -> Vec<u8> {
        let text = rendered.text.clone().unwrap_or_default();
        let html = rendered.html.clone().unwrap_or_default();
        let texts = MultiPart::alternative_plain_html(text, html);
        let body = match attached {
            Some(body) => {
                let pdf = ContentType::parse("application/pdf").expect("a type");
                let file = Attachment::new("report.pdf".to_owned()).body(body.clone(), pdf);
                MultiPart::mixed().multipart(texts).singlepart(file)
            }
            None => texts,
        };
        Message::builder()
            .date(std::time::UNIX_EPOCH + Duration::from_secs(1_795_395_600))
            .from(self.sender.from.clone())
            .to(self.addressees.to[0].clone())
            .subject(&rendered.subject)
            .message_id(Some(format!("<{}>", self.identity.message_id)))
            .multipart(body)
            .expect("a message")
            .formatted()
    }
}

/// A report with a table, whose message has some 4 KB in English.
fn template(opening: &str, closing: &str) -> Result<Template, Failure> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("report");
    std::fs::create_dir(&folder)?;
    let mut html = String::from(
        "<!doctype html>\n<html><head><title>Backup</title></head>\n\
         <body style=\"font: 16px sans-serif; color: #222222\">\n",
    );
    write!(
        html,
        "<p>{opening}</p>\n<table role=\"presentation\">\n{{{{#each volumes}}}}\n\
         <tr><td style=\"padding: 4px 8px\">{{{{name}}}}</td><td align=\"right\">{{{{files}}}}</td>\
         <td align=\"right\">{{{{size}}}}</td></tr>\n{{{{/each}}}}\n</table>\n<p>{closing}</p>\n\
         </body></html>\n"
    )?;
    let text = format!(
        "{opening}\n\n{{{{#each volumes}}}}\n- {{{{name}}}}: {{{{files}}}} files, {{{{size}}}}\n\
         {{{{/each}}}}\n\n{closing}\n"
    );
    for (file, content) in [
        ("subject.txt", "Backup report for {{name}}"),
        ("body.txt", &text),
        ("body.html", &html),
    ] {
        std::fs::write(folder.join(file), content)?;
    }
    let faults = |faults: Vec<_>| format!("{faults:?}");
    let source = Source::read(dir.path(), "report", LayoutChoice::Default).map_err(faults)?;
    Ok(Template::compile(source).map_err(faults)?)
}

/// What the work takes once, at best.
fn best(times: u32, mut work: impl FnMut()) -> Duration {
    let tries = (0..TRIES).map(|_| {
        let begun = Instant::now();
        for _ in 0..times {
            work();
        }
        begun.elapsed() / times
    });
    tries.min().expect("it was tried")
}
