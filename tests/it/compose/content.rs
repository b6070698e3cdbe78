//! What values from lists and files may try: one test for each fault of content, named after its
//! number in the catalogue. Templates (D10, D11), files that change (D12) and advice (D15) have
//! theirs elsewhere.

use lettre::Address;
use lettre::message::Mailbox;
use postroom::audience;
use postroom::compose::{
    Addressees, Class, ComposeFault, Mail, Manner, Rendered, Sender, WireFault, message,
};
use postroom::sandbox::Options;
use serde_json::{Value, json};

use super::python::{canonical, read_back};
use super::{Desk, carrying, file, identity, image, named, rendered, sender};
use crate::world::office::{Office, Plan};
use crate::world::skip::lacks_python;

const HOSTILE: [&str; 6] = [
    "x\r\nBcc: eve@example.org",
    "x\nBcc: eve@example.org",
    "x\rBcc: eve@example.org",
    "x\r\n\r\nbody",
    "x\0",
    "ü\r\n =?utf-8?q?=0D=0A?=",
];

fn plain() -> Rendered {
    rendered("x", "x", None)
}

/// Nothing that a value brought became a line of the header.
fn assert_no_bcc(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n").expect("a header");
    assert!(!head.to_lowercase().contains("\nbcc"), "{head}");
    assert!(
        !head.replace("\r\n", "").contains(['\r', '\n', '\0']),
        "{head:?}"
    );
}

#[test]
fn d1_a_line_break_from_a_value_ends_no_header() {
    let identity = identity();
    for hostile in HOSTILE {
        let refused = |result: Result<Vec<u8>, ComposeFault>, what: &str| match result {
            Err(ComposeFault::Wire(fault)) => panic!("{what} got as far as the gate: {fault}"),
            Err(_) => (),
            Ok(bytes) => panic!("{what}: {}", String::from_utf8_lossy(&bytes)),
        };
        let to = |to: Mailbox, sender: &Sender| message(&plain(), sender, &to, &identity);
        let subject = rendered(hostile, "x", None);
        refused(
            message(&subject, &sender(), &named("Ada"), &identity),
            "subject",
        );
        refused(to(named(hostile), &sender()), "name");
        let address = Address::new_dangerous(hostile, "example.org");
        refused(to(Mailbox::new(None, address), &sender()), "address");
        let from = Sender {
            from: named(hostile),
            ..sender()
        };
        refused(to(named("Ada"), &from), "from");
        let replies = Sender {
            reply_to: Some(named(hostile)),
            ..sender()
        };
        refused(to(named("Ada"), &replies), "reply-to");
        let mut header = plain();
        header.headers = vec![("X-A".to_owned(), hostile.to_owned())];
        refused(
            message(&header, &sender(), &named("Ada"), &identity),
            "header value",
        );
        let html = rendered("x", "x", Some("<p>"));
        refused(carrying(&html, &[image(hostile, b"x")]), "cid");
        refused(
            carrying(&plain(), &[file("a", hostile, b"x")]),
            "media type",
        );
        let list = Desk::new(Manner {
            list_id: Some(hostile.to_owned()),
            ..Manner::default()
        });
        refused(list.mail(&plain()).compose(), "list-id");
        let feedback = Desk::new(Manner {
            feedback_id: Some(hostile.to_owned()),
            ..Manner::default()
        });
        refused(feedback.mail(&plain()).compose(), "feedback-id");
        let desk = Desk::new(Manner::default());
        let url = Mail {
            unsubscribe_url: Some(hostile),
            ..desk.mail(&subject)
        };
        refused(url.compose(), "unsubscribe url");
        let by_mail = |mail| Mail {
            unsubscribe_mail: Some(mail),
            ..desk.mail(&header)
        };
        refused(by_mail((hostile, "x")).compose(), "unsubscribe mail");
        // These are made harmless.
        let said = carrying(&plain(), &[file(hostile, "text/plain", b"x")]);
        assert_no_bcc(&said.expect("a message"));
    }
}

#[test]
fn d2_a_header_name_is_a_name() {
    for name in [
        "",
        "X A",
        "X:A",
        "X-A\r\nBcc",
        "X-\u{e4}",
        "X-A ",
        "X\0",
        "Bcc",
        "subject",
    ] {
        let mut letter = plain();
        letter.headers = vec![(name.to_owned(), "x".to_owned())];
        let refused = message(&letter, &sender(), &named("Ada"), &identity());
        let Err(ComposeFault::Header(said, _)) = refused else {
            panic!("{name:?}: {refused:?}");
        };
        assert_eq!(said, name.escape_debug().to_string());
    }
}

#[test]
fn d3_what_looks_encoded_shows_literally() {
    let literal = "=?utf-8?q?=41?= and =?utf-8?b?QQ==?=";
    let mut letter = rendered(literal, literal, Some(literal));
    letter.headers = vec![("X-A".to_owned(), literal.to_owned())];
    let desk = Desk {
        addressees: Addressees {
            to: vec![named(literal)],
            cc: Vec::new(),
        },
        ..Desk::new(Manner::default())
    };
    let files = [file(literal, "text/plain", literal.as_bytes())];
    let mail = Mail {
        enclosures: &files,
        ..desk.mail(&letter)
    };
    let Some(read) = read_back(&[mail.compose().expect("a message")]) else {
        return;
    };
    assert_eq!(read[0]["subject"], literal);
    assert_eq!(read[0]["to"][0], literal);
    assert_eq!(read[0]["fields"]["x-a"], literal);
    assert_eq!(read[0]["files"][0]["name"], literal);
    assert_eq!(
        read[0]["bodies"],
        json!([format!("{literal}\n"), format!("{literal}\n")])
    );
}

/// Every text of up to four of these pieces.
fn mixes() -> Vec<String> {
    let mut mixes = vec![String::new()];
    for start in 0.. {
        let Some(mix) = mixes.get(start).cloned() else {
            break;
        };
        if mix.chars().count() < 4 {
            mixes.extend(["\r", "\n", ".", "x"].map(|piece| mix.clone() + piece));
        }
    }
    mixes
}

#[test]
fn d4_every_mix_of_line_ends_and_dots_comes_back_as_lines() {
    let mixes = mixes();
    assert_eq!(mixes.len(), 1 + 4 + 16 + 64 + 256);
    let chinese = |mix: &String| format!("你好{mix}世界{mix}");
    let texts: Vec<String> = mixes.iter().map(|mix| format!("a{mix}b")).collect();
    let texts: Vec<String> = texts.into_iter().chain(mixes.iter().map(chinese)).collect();
    let messages: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| {
            let letter = rendered("x", text, Some(text));
            let files = [file("a.csv", "text/csv", text.as_bytes())];
            carrying(&letter, &files).expect("a message")
        })
        .collect();
    for bytes in &messages {
        let text = str::from_utf8(bytes).expect("ASCII");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    }
    let Some(read) = read_back(&messages) else {
        return;
    };
    for (text, read) in texts.iter().zip(&read) {
        for body in read["bodies"].as_array().expect("bodies") {
            assert_eq!(body.as_str().expect("text"), canonical(text), "{text:?}");
        }
        let expected = super::python::in_base64(text.as_bytes());
        assert_eq!(read["files"][0]["content"], expected, "{text:?}");
    }
}

/// Through the queue, the session and a server, by a socket.
#[tokio::test]
async fn d5_dots_arrive_as_they_were() {
    if lacks_python("no mailbox was read") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let body = format!(
        ".\n..\n.leading\n\n.\r\n...\nlong {}.\n.\n{}\n.\n",
        "x".repeat(70),
        ".".repeat(5000),
    );
    let server = Options {
        dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let office = Office::new(Plan {
        body: Some(&body),
        server,
        ..Plan::default()
    });
    let office = office.await;
    office.send(&["ada@example.org"]).await;
    office.until_states(&["accepted"]).await;
    let sandbox = office.sandbox.as_ref().expect("it runs");
    let new = sandbox.maildir().expect("it keeps mail").join("new");
    let kept = std::fs::read_dir(new).expect("a Maildir").next();
    let kept = kept.expect("a message").expect("a file").path();
    let kept = std::fs::read_to_string(kept).expect("ASCII");
    // Before the date stands what the server wrote.
    let own = kept.find("Date: ").expect("a message");
    let read = read_back(&[kept[own..].to_owned().into_bytes()]).expect("there is Python");
    assert_eq!(read[0]["bodies"][0], canonical(&body));
    assert_eq!(read[0]["defects"], json!([]));
}

#[test]
fn d6_no_line_is_too_long() {
    for long in [
        "x".repeat(5000),
        "摘".repeat(5000),
        "https://x.example/".to_owned() + &"y".repeat(2000),
    ] {
        let mut letter = rendered(&long, &long, Some(&long));
        letter.headers = vec![("X-A".to_owned(), long.clone())];
        let files = [file("a.txt", "text/plain", long.as_bytes())];
        let bytes = carrying(&letter, &files).expect("a message");
        let text = str::from_utf8(&bytes).expect("ASCII");
        assert!(text.split("\r\n").all(|line| line.len() <= 78));
        let Some(read) = read_back(&[bytes]) else {
            return;
        };
        assert_eq!(read[0]["subject"], long.as_str());
        assert_eq!(read[0]["fields"]["x-a"], long.as_str());
    }
    // What may not be folded is refused.
    let url = "https://x.example/".to_owned() + &"y".repeat(1000);
    let desk = Desk::new(Manner::default());
    let letter = plain();
    let mail = Mail {
        unsubscribe_url: Some(&url),
        ..desk.mail(&letter)
    };
    assert!(matches!(mail.compose(), Err(ComposeFault::Header(..))));
}

#[test]
fn d7_what_is_no_letter_is_encoded_or_refused() {
    let odd = "a\u{2028}b\u{2029}c\u{feff}d\u{fffd}e\u{fffe}f\u{e000}g\u{10ffff}h\u{ad}";
    let in_texts = "\u{1}\u{8}\u{b}\u{c}\u{1b}[2J\u{7f}\u{85}\u{9b}\t";
    let text = format!("\u{feff}{odd}{in_texts}x");
    let mut letter = rendered(odd, &text, Some(&text));
    letter.headers = vec![("X-A".to_owned(), odd.to_owned())];
    let files = [file(
        &format!("{odd}\u{b}\u{9b}"),
        "text/plain",
        text.as_bytes(),
    )];
    let bytes = carrying(&letter, &files).expect("a message");
    assert!(
        bytes
            .iter()
            .all(|b| matches!(b, b'\r' | b'\n' | b' '..=b'~'))
    );
    if let Some(read) = read_back(&[bytes]) {
        assert_eq!(read[0]["subject"], odd);
        assert_eq!(read[0]["fields"]["x-a"], odd);
        assert_eq!(
            read[0]["bodies"],
            json!([canonical(&text), canonical(&text)])
        );
        let name = odd
            .replace(['\u{2028}', '\u{2029}'], " ")
            .replace('\u{feff}', "");
        assert_eq!(read[0]["files"][0]["name"], name);
    }
    for c in [
        '\0', '\u{1}', '\t', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}',
    ] {
        let refused = message(
            &rendered(&format!("a{c}b"), "x", None),
            &sender(),
            &named("Ada"),
            &identity(),
        );
        assert_eq!(
            refused,
            Err(ComposeFault::ControlCharacter("subject")),
            "{c:?}"
        );
    }
}

#[test]
fn d8_a_name_that_poses_as_another_address_is_a_name() {
    for name in [
        "\u{202e}gro.elpmaxe@eve",
        "support@bank.example",
        "Eve <eve@example.org>",
        "eve@example.org>, <ada@example.com",
        "Аda", // the first letter is Cyrillic
        "\u{2066}Ada\u{2069}",
    ] {
        let bytes = message(&plain(), &sender(), &named(name), &identity()).expect("a message");
        assert!(bytes.is_ascii());
        let Some(read) = read_back(&[bytes]) else {
            return;
        };
        assert_eq!(read[0]["to"], json!([name, "ada@example.org"]));
    }
}

#[test]
fn d9_an_address_is_one_address() {
    let long = format!("{}@{}.example", "l".repeat(64), "d".repeat(60));
    let mut messages = Vec::new();
    let mut addresses = Vec::new();
    for text in [
        "ada@example.org",
        "jürgen@example.org",
        "ada@bücher.example",
        "ada@xn--bcher-kva.example",
        "ada@💌.example",
        "ada@[192.0.2.1]",
        "ada@[IPv6:2001:db8::1]",
        "ada@localhost",
        "\"a da\"@example.org",
        "\"a, b\"@example.org",
        "a, b@example.org",
        "a@example.org, b@example.org",
        "a@example.org;b@example.org",
        "Friends: a@example.org, b@example.org;",
        "ada@example.org (a comment)",
        "ada(comment)@example.org",
        "Ada <ada@example.org>",
        "<ada@example.org>",
        "@a,@b:ada@example.org",
        "ada@@example.org",
        "ada",
        "@",
        "",
        &long,
        &format!("l{long}"),
        &format!("ada@{}", "d.".repeat(150)),
    ] {
        // Lists refuse most of them; what they take goes out as one address.
        let Ok(to) = audience::mailbox(text) else {
            continue;
        };
        match message(&plain(), &sender(), &to, &identity()) {
            Ok(bytes) => {
                addresses.push(to.email.to_string());
                messages.push(bytes);
            }
            Err(fault) => assert!(matches!(fault, ComposeFault::Domain(..)), "{fault}"),
        }
    }
    assert!(addresses.len() > 4, "{addresses:?}");
    let Some(read) = read_back(&messages) else {
        return;
    };
    for (address, read) in addresses.iter().zip(&read) {
        // Python fails on more than one.
        assert_eq!(read["to"][1], address.as_str());
    }
}

#[test]
fn d13_a_file_is_saved_under_a_name_that_is_safe_and_says_what_it_is() {
    let long = "x".repeat(300) + ".pdf";
    let shortened = "x".repeat(236) + ".pdf";
    let names = [
        ("报告 Übersicht.pdf", "报告 Übersicht.pdf"),
        ("a \"quoted\" 'name'.txt", "a \"quoted\" 'name'.txt"),
        ("100% *=utf-8''x;y.txt", "100% *=utf-8''x;y.txt"),
        (
            "a\r\nContent-Type: text/html\r\n\r\n<b>",
            "a  Content-Type_ text_html    <b>",
        ),
        (long.as_str(), shortened.as_str()),
        ("setup.exe", "setup.exe"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("../../etc/shadow", "_.._etc_shadow"),
        ("..\\..\\x.txt", "_.._x.txt"),
        (".htaccess", "htaccess"),
        ("NUL.txt", "_NUL.txt"),
        ("", "attachment"),
    ];
    let files = names.map(|(name, _)| file(name, "application/octet-stream", b"x"));
    let bytes = carrying(&plain(), &files).expect("a message");
    assert!(
        str::from_utf8(&bytes)
            .expect("ASCII")
            .lines()
            .all(|line| line.len() <= 78)
    );
    let Some(read) = read_back(&[bytes]) else {
        return;
    };
    assert_eq!(read[0]["defects"], json!([]));
    let files = read[0]["files"].as_array().expect("files");
    let read = |key: &str| {
        files
            .iter()
            .map(|file| file[key].clone())
            .collect::<Vec<Value>>()
    };
    let saved: Vec<Value> = names.iter().map(|(_, saved)| json!(saved)).collect();
    assert_eq!(read("name"), saved);
    assert_eq!(read("older_name"), saved);
    for name in read("ascii_name") {
        let name = name.as_str().expect("a name");
        assert!(
            name.is_ascii() && !name.contains(['"', '/', '\\', '%']),
            "{name}"
        );
    }
}

#[test]
fn d14_a_message_has_a_text_of_whatever_length() {
    let nothing = Rendered {
        text: None,
        ..plain()
    };
    let refused = message(&nothing, &sender(), &named("Ada"), &identity());
    assert_eq!(refused, Err(ComposeFault::NoBody));
    let huge = "<p>A paragraph, é, of many.</p>\n".repeat((5 << 20) / 32);
    let only_html = Rendered {
        html: Some(huge.clone()),
        ..nothing
    };
    let both = rendered("x", "short", Some(&huge));
    let messages = [&only_html, &both, &rendered("x", "", None)]
        .map(|it| message(it, &sender(), &named("Ada"), &identity()).expect("a message"));
    let Some(read) = read_back(&messages) else {
        return;
    };
    assert!(read[0]["bodies"] == json!([huge]));
    assert!(read[1]["bodies"] == json!(["short\n", huge]));
    assert_eq!(read[2]["bodies"], json!([""]));
}

#[test]
fn d16_nobody_is_named_who_is_not_addressed() {
    let bytes = message(&plain(), &sender(), &named("Ada"), &identity()).expect("a message");
    let Some(read) = read_back(std::slice::from_ref(&bytes)) else {
        return;
    };
    assert_eq!(read[0]["to"], json!(["Ada", "ada@example.org"]));
    let text = str::from_utf8(&bytes).expect("ASCII");
    let addresses: Vec<&str> = text.lines().filter(|line| line.contains('@')).collect();
    assert_eq!(
        addresses,
        [
            "From: Ops Team <ops@example.org>",
            "To: Ada <ada@example.org>",
            "Message-ID: <01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17@example.org>",
        ]
    );
    let desk = Desk {
        addressees: Addressees::default(),
        ..Desk::new(Manner::default())
    };
    let letter = plain();
    let bytes = desk.mail(&letter).compose().expect("a message");
    assert!(
        str::from_utf8(&bytes)
            .expect("ASCII")
            .contains("\r\nTo: undisclosed-recipients:;\r\n")
    );
    assert_eq!(
        WireFault::Forbidden("Bcc")
            .to_string()
            .matches("Bcc")
            .count(),
        1
    );
}

/// RFC 3834: who answers automatically does not answer these, so that no loop begins.
#[test]
fn d17_no_automatic_answer_is_asked_for() {
    for (class, wanted) in [
        (Class::Notice, "\r\nAuto-Submitted: auto-generated\r\n"),
        (Class::Bulk, "\r\nPrecedence: bulk\r\n"),
    ] {
        let desk = Desk::new(Manner {
            class,
            ..Manner::default()
        });
        let letter = plain();
        let bytes = desk.mail(&letter).compose().expect("a message");
        let text = String::from_utf8(bytes).expect("ASCII");
        assert!(text.contains(wanted), "{text}");
        assert!(
            text.contains("\r\nX-Auto-Response-Suppress: All\r\n"),
            "{text}"
        );
    }
}
