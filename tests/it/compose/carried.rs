//! Messages with files in them and headers about them, looked at without a parser.

use std::process::Command;

use postroom::compose::{Class, ComposeFault, Content, Enclosure, Mail, Manner};

use super::{Desk, carrying, file, image, rendered};

fn text(bytes: Result<Vec<u8>, ComposeFault>) -> String {
    String::from_utf8(bytes.expect("a message")).expect("ASCII")
}

/// A message with all there is.
fn everything() -> Vec<u8> {
    let mut letter = rendered("Hi", "Hello", Some("<img src=\"cid:logo@x.example\">"));
    letter.headers = vec![("X-Campaign".to_owned(), "Frühling".to_owned())];
    let files = [
        file("Preise.csv", "text/csv", b"a,b\n1,2\n"),
        image("logo@x.example", b"\x89PNG"),
        file("每周报告.pdf", "application/pdf", &[7; 100]),
        file(
            "invite.ics",
            "text/calendar",
            b"BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\n",
        ),
    ];
    let manner = Manner {
        class: Class::Bulk,
        list_id: Some("news.example.org".to_owned()),
        feedback_id: Some("spring:news:postroom".to_owned()),
        ..Manner::default()
    };
    let desk = Desk::new(manner);
    let mail = Mail {
        enclosures: &files,
        unsubscribe_url: Some("https://example.org/off?t=abc"),
        unsubscribe_mail: Some(("off@example.org", "abc")),
        ..desk.mail(&letter)
    };
    mail.compose().expect("a message")
}

#[test]
fn a_message_with_files_looks_like_this() {
    let said = String::from_utf8(everything()).expect("ASCII");
    assert_eq!(said.replace("\r\n", "\n"), include_str!("everything.eml"));
}

#[test]
fn each_level_is_only_there_where_it_holds_something() {
    let kinds = |html: Option<&str>, files: &[Enclosure]| {
        let said = text(carrying(&rendered("Hi", "Hello", html), files));
        let kinds = said
            .lines()
            .filter_map(|line| line.strip_prefix("Content-Type: "));
        kinds
            .map(|kind| kind.split(';').next().expect("a type").to_owned())
            .collect::<Vec<_>>()
    };
    let pdf = file("a.pdf", "application/pdf", b"x");
    let logo = image("logo@x", b"x");
    assert_eq!(kinds(None, &[]), ["text/plain"]);
    assert_eq!(
        kinds(None, std::slice::from_ref(&pdf)),
        ["multipart/mixed", "text/plain", "application/pdf"]
    );
    assert_eq!(
        kinds(Some("<p>"), &[pdf, logo.clone()]),
        [
            "multipart/mixed",
            "multipart/related",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "image/png",
            "application/pdf",
        ]
    );
    // Nothing shows it, so it is a file like any other.
    assert_eq!(
        kinds(None, std::slice::from_ref(&logo)),
        ["multipart/mixed", "text/plain", "image/png"]
    );
    let said = text(carrying(&rendered("Hi", "Hello", None), &[logo]));
    assert!(said.contains("Content-Disposition: attachment;"), "{said}");
}

#[test]
fn the_class_says_what_kind_of_mail_it_is() {
    let said = |class: Class| {
        let manner = Manner {
            class,
            ..Manner::default()
        };
        text(
            Desk::new(manner)
                .mail(&rendered("Hi", "Hello", None))
                .compose(),
        )
    };
    let notice = said(Class::Notice);
    assert!(
        notice.contains("\r\nAuto-Submitted: auto-generated\r\n"),
        "{notice}"
    );
    assert!(!notice.contains("Precedence"), "{notice}");
    let bulk = said(Class::Bulk);
    assert!(bulk.contains("\r\nPrecedence: bulk\r\n"), "{bulk}");
    assert!(!bulk.contains("Auto-Submitted"), "{bulk}");
    for said in [notice, bulk] {
        assert!(
            said.contains("\r\nX-Auto-Response-Suppress: All\r\n"),
            "{said}"
        );
        assert!(!said.contains("List-"), "{said}");
    }
}

/// It would be read as text in another encoding than it is in.
#[test]
fn a_text_is_only_called_utf_8_if_it_is() {
    let kind = |content: &[u8]| {
        let said = text(carrying(
            &rendered("Hi", "Hello", None),
            &[file("a.csv", "text/csv", content)],
        ));
        let kind = said
            .lines()
            .find(|line| line.starts_with("Content-Type: text/csv"));
        kind.expect("it is there").to_owned()
    };
    assert_eq!(
        kind("ä".as_bytes()),
        "Content-Type: text/csv; charset=utf-8;"
    );
    assert_eq!(kind(b"\xe4"), "Content-Type: text/csv;");
}

/// RFC 2046, section 5.2.1: these may not be encoded, and here everything is.
#[test]
fn a_message_within_a_message_is_a_file() {
    for kind in ["message/rfc822", "Multipart/mixed"] {
        let said = text(carrying(
            &rendered("Hi", "Hello", None),
            &[file("a.eml", kind, b"Subject: x\r\n\r\ny")],
        ));
        assert!(said.contains("Content-Type: application/octet-stream;\r\n name=\"a.eml\""));
    }
}

#[test]
fn what_cannot_stand_in_the_header_of_a_part_is_refused_by_name() {
    let letter = rendered("Hi", "Hello", Some("<p>"));
    let refused = |file: Enclosure| carrying(&letter, &[file]).expect_err("refused").to_string();
    for kind in ["", "pdf", "a/b; c=d", "a/b\r\nBcc: x", "a/", "a/b/c", "ä/b"] {
        let said = refused(file("a.pdf", kind, b"x"));
        assert!(
            said.starts_with("the file `a.pdf` cannot be enclosed: `"),
            "{said}"
        );
        assert!(
            said.ends_with("is no media type such as application/pdf"),
            "{said}"
        );
    }
    for id in ["", "a b", "a>b", "a\r\nBcc: x", "ä", &"x".repeat(201)] {
        let said = refused(image(id, b"x"));
        assert!(said.contains("cannot be its Content-ID"), "{said}");
        assert!(!said.contains(['\r', '\n']), "{said}");
    }
}

#[test]
fn an_empty_file_is_one() {
    let said = text(carrying(
        &rendered("Hi", "Hello", None),
        &[file("a.txt", "text/plain", b"")],
    ));
    assert!(
        said.contains("filename=\"a.txt\"\r\n\r\n\r\n--=_m"),
        "{said}"
    );
    assert!(Content::new(b"").is_empty() && Content::new(b"x").len() == 1);
}

#[test]
fn a_template_adds_headers_and_takes_none_over() {
    let with = |name: &str, value: &str| {
        let mut letter = rendered("Hi", "Hello", None);
        letter.headers = vec![(name.to_owned(), value.to_owned())];
        Desk::new(Manner::default()).mail(&letter).compose()
    };
    let long = format!("X-Long: {} {}", "x".repeat(300), "y".repeat(80));
    for (name, value, line) in [
        ("X-Campaign", "spring 2026", "X-Campaign: spring 2026"),
        ("X-Campaign", "  spring ", "X-Campaign: spring"),
        (
            "X-Campaign",
            "Frühling",
            "X-Campaign: =?utf-8?q?Fr=C3=BChling?=",
        ),
        (
            "X-Long",
            &long["X-Long: ".len()..],
            &long.replace(" y", "\r\n y"),
        ),
    ] {
        let said = text(with(name, value));
        assert!(said.contains(&format!("\r\n{line}\r\n")), "{said}");
    }
    assert!(!text(with("X-Empty", " ")).contains("X-Empty"));
    let name = "X-".to_owned() + &"n".repeat(48);
    assert!(
        text(with(&name, &"ü".repeat(400)))
            .lines()
            .all(|line| line.len() <= 78)
    );
    for name in [
        "subject",
        "BCC",
        "To",
        "Sender",
        "content-type",
        "List-Id",
        "Resent-To",
        "DKIM-Signature",
        "X-Postroom-Id",
        "",
        "X Y",
        "X:Y",
        "X-\r\nBcc",
        "X-Ü",
        &"X".repeat(51),
    ] {
        assert!(
            matches!(with(name, "x"), Err(ComposeFault::Header(..))),
            "{name}"
        );
    }
}

/// Decisions: the same delivery composed in two processes has the same bytes.
#[test]
fn the_same_message_has_the_same_bytes_in_another_process() {
    let tests = std::env::current_exe().expect("this is a program");
    let other = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(tests)
        .args([
            "--ignored",
            "--exact",
            "compose::carried::in_another_process",
        ])
        .env("POSTROOM_TEST_MESSAGE", other.path())
        .output()
        .expect("it runs again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let theirs = std::fs::read(other.path()).expect("a message");
    assert!(theirs == everything() && theirs.len() > 2000);
}

#[test]
#[ignore = "is run by the_same_message_has_the_same_bytes_in_another_process"]
fn in_another_process() {
    let path = std::env::var_os("POSTROOM_TEST_MESSAGE").expect("where to");
    std::fs::write(path, everything()).expect("it is written");
}
