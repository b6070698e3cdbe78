//! What Python's `email` package reads, with every defect an error, is what was meant.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::message::Mailbox;
use postroom::compose::{Manner, Rendered, Sender, message};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::{identity, named, rendered, sender};
use crate::world::skip::lacks_python;

/// Reads messages in base64, one a line, and writes what it found as JSON, one a line.
///
/// Python before 3.12.9 keeps the space between two encoded words of a display name (gh-128110),
/// and merges two spaces within one; its older `decode_header` does neither, so encoded names are
/// read with that. From bytes it takes all that is not ASCII for a defect, so it gets text.
const READER: &str = r#"
import base64, email, email.header, email.policy, email.utils, json, sys
policy = email.policy.SMTPUTF8.clone(raise_on_defect=True)
def name(msg, header):
    if msg[header] is None:
        return None
    raw = dict(msg.raw_items())[header]
    (modern,) = msg[header].addresses
    if str(raw).count("=?") == 0:
        return [modern.display_name, modern.addr_spec]
    legacy, _ = email.utils.parseaddr(str(raw).replace("\r\n", ""))
    words = email.header.decode_header(legacy)
    return [str(email.header.make_header(words)), modern.addr_spec]
def structure(part):
    inner = [structure(p) for p in part.iter_parts()] if part.is_multipart() else []
    return part.get_content_type() + (f"({', '.join(inner)})" if inner else "")
def file(part, older):
    return {
        # get_filename would take quotes off that are a part of the name.
        "name": part["Content-Disposition"].params["filename"],
        "older_name": older.get_filename(),
        "ascii_name": part["Content-Type"].params["name"],
        "type": part.get_content_type(), "charset": part.get_content_charset(),
        "method": part["Content-Type"].params.get("method"),
        "id": part["Content-ID"] and str(part["Content-ID"]),
        "disposition": part.get_content_disposition(),
        "content": base64.b64encode(part.get_payload(decode=True)).decode(),
    }
for line in sys.stdin:
    raw = base64.b64decode(line)
    if raw.isascii():
        strict = email.policy.SMTP.clone(raise_on_defect=True)
        msg = email.message_from_bytes(raw, policy=strict)
    else:
        msg = email.message_from_string(raw.decode(), policy=policy)
    leaves = [p for p in msg.walk() if not p.is_multipart()]
    older = [p for p in email.message_from_bytes(raw).walk() if not p.is_multipart()]
    files = [file(*both) for both in zip(leaves, older) if both[0].get_filename()]
    parts = [p for p in leaves if not p.get_filename()]
    defects = [f"{k}: {d!r}" for p in msg.walk() for k in p.keys() for d in p[k].defects]
    print(json.dumps({
        "subject": msg["Subject"], "from": name(msg, "From"), "to": name(msg, "To"),
        "reply_to": name(msg, "Reply-To"), "date": msg["Date"].datetime.isoformat(),
        "id": msg["Message-ID"], "type": msg.get_content_type(),
        "headers": sorted(msg.keys()), "types": [p.get_content_type() for p in parts],
        "bodies": [p.get_content().replace("\r\n", "\n") for p in parts],
        "structure": structure(msg),
        "files": files, "fields": {k.lower(): str(v) for k, v in msg.items()},
        "defects": defects,
    }))
"#;

/// What Python reads in each message; none where there is no Python.
pub(crate) fn read_back(messages: &[Vec<u8>]) -> Option<Vec<Value>> {
    if lacks_python("no message was read back") {
        return None;
    }
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let lines: Vec<String> = messages
        .iter()
        .map(|bytes| STANDARD.encode(bytes) + "\n")
        .collect();
    let mut stdin = python.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(lines.concat().as_bytes()));
    let output = python.wait_with_output().expect("python ran");
    writer
        .join()
        .expect("no panic")
        .expect("python read everything");
    assert!(output.status.success(), "python found a defect");
    let output = String::from_utf8(output.stdout).expect("JSON");
    let read: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(read.len(), messages.len());
    Some(read)
}

#[derive(Debug, Clone)]
struct Letter {
    rendered: Rendered,
    name: String,
    address: Address,
    sender: Sender,
}

impl Letter {
    fn to(&self) -> Mailbox {
        Mailbox::new(Some(self.name.clone()), self.address.clone())
    }

    fn bytes(&self) -> Vec<u8> {
        message(&self.rendered, &self.sender, &self.to(), &identity()).expect("a message")
    }
}

/// Any line of text that has no control character and does not begin or end with white space.
pub(super) fn line(pattern: &'static str) -> impl Strategy<Value = String> {
    let any = prop_oneof![
        pattern.prop_map(|text: String| text),
        "[ -~]{1,120}",
        "([a-z]{1,12} ){1,30}x",
        "[\\p{Han}\\p{Cyrillic}\\p{Arabic} ]{1,60}",
        "(=\\?utf-8\\?[bq]\\?[A-Za-z0-9=_]{0,8}\\?= ?){1,3}",
        "([😀👩‍👩‍👧🇩🇪é] ?){1,40}",
        "[\"\\\\(),.:;<>@\\[\\] a-c]{1,30}",
    ];
    any.prop_map(|text| {
        text.chars()
            .filter(|c| !c.is_control())
            .collect::<String>()
            .trim()
            .to_owned()
    })
    .prop_filter("a line is not empty", |text| !text.is_empty())
}

fn address() -> impl Strategy<Value = Address> {
    let local = prop_oneof![
        3 => Just("ada".to_owned()),
        1 => "[a-z\\p{Han}\\p{Cyrillic}\\p{Arabic}]{1,10}",
        1 => Just("jürgen+हिन्दी.각".to_owned()),
    ];
    local.prop_map(|local| Address::new_dangerous(local, "example.org"))
}

pub(super) fn body() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,60}",
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just("\n.\n".to_owned()),
        Just("\r.\r".to_owned()),
        Just("\n.\r\n".to_owned()),
        Just(".".to_owned()),
        Just(" \n\t\n".to_owned()),
        Just("\nFrom here\n".to_owned()),
        Just("=20=\n--=_".to_owned()),
        Just("你好，世界".repeat(30)),
        Just("x".repeat(1200)),
        Just("\u{1b}[31m\u{85}\u{2028}\u{202e}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn letters() -> impl Strategy<Value = Letter> {
    let html = proptest::option::of(body());
    let texts = (line("\\PC{1,80}"), body(), html);
    let person = || (line("\\PC{1,40}"), address());
    let reply_to = proptest::option::of(person());
    (texts, person(), person(), reply_to).prop_map(
        |((subject, text, html), (name, address), (from, email), reply_to)| Letter {
            rendered: rendered(&subject, &text, html.as_deref()),
            name,
            address,
            sender: Sender {
                from: Mailbox::new(Some(from), email),
                reply_to: reply_to.map(|(name, email)| Mailbox::new(Some(name), email)),
                manner: Manner::default(),
            },
        },
    )
}

/// Line ends as Python gives them back, with one at the end.
pub(super) fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

#[test]
fn any_text_comes_back_equal() {
    let mut runner = TestRunner::default();
    let strategy = letters();
    let letters: Vec<Letter> = (0..600)
        .map(|_| strategy.new_tree(&mut runner).expect("a letter").current())
        .collect();
    let messages: Vec<Vec<u8>> = letters.iter().map(Letter::bytes).collect();
    let Some(read) = read_back(&messages) else {
        return;
    };
    for ((letter, bytes), read) in letters.iter().zip(&messages).zip(&read) {
        let shown = || format!("{letter:?}\n{}\n{read:#}", String::from_utf8_lossy(bytes));
        let mailbox = |it: &Mailbox| serde_json::json!([it.name, it.email.to_string()]);
        assert_eq!(
            read["subject"],
            letter.rendered.subject.as_str(),
            "{}",
            shown()
        );
        assert_eq!(read["to"], mailbox(&letter.to()), "{}", shown());
        assert_eq!(read["from"], mailbox(&letter.sender.from), "{}", shown());
        let reply_to = letter.sender.reply_to.as_ref();
        let reply_to = reply_to.map_or(Value::Null, mailbox);
        assert_eq!(read["reply_to"], reply_to, "{}", shown());
        let bodies: Vec<String> = [&letter.rendered.text, &letter.rendered.html]
            .into_iter()
            .flatten()
            .map(|body| canonical(body))
            .collect();
        let got: Vec<String> = read["bodies"]
            .as_array()
            .expect("bodies")
            .iter()
            .map(|body| body.as_str().expect("text").to_owned())
            .collect();
        assert_eq!(got, bodies, "{}", shown());
    }
}

#[test]
fn the_frame_of_a_message_is_what_python_expects() {
    let text = Letter {
        rendered: rendered("Hi", "text", None),
        name: "Ada".to_owned(),
        address: named("Ada").email,
        sender: sender(),
    };
    let both = Letter {
        rendered: rendered("Hi", "text", Some("<p>x</p>")),
        ..text.clone()
    };
    let Some(read) = read_back(&[text.bytes(), both.bytes()]) else {
        return;
    };
    assert_eq!(read[0]["type"], "text/plain");
    assert_eq!(read[1]["type"], "multipart/alternative");
    assert_eq!(
        read[1]["types"],
        serde_json::json!(["text/plain", "text/html"])
    );
    for read in &read {
        assert_eq!(read["date"], "2026-11-23T09:00:00+08:00");
        assert_eq!(read["id"], "<01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17@example.org>");
        let headers: Vec<&str> = read["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for once in [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "MIME-Version",
            "X-Postroom-Id",
        ] {
            assert_eq!(
                headers.iter().filter(|name| **name == once).count(),
                1,
                "{once}"
            );
        }
    }
}

/// As the reader gives contents back.
pub(super) fn in_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
