//! The bytes of a message, looked at without a parser.

use lettre::Address;
use lettre::message::Mailbox;
use postroom::compose::{ComposeFault, Identity, Manner, Rendered, Sender, WireFault, message};

use super::{identity, named, rendered, sender, written};

#[test]
fn a_message_has_its_headers_once_and_looks_like_this() {
    let said = written(&rendered(
        "每周摘要",
        "Hello Ada,\n.\nbye \n",
        Some("<p>你好，张伟</p>"),
    ));
    insta::assert_snapshot!(said.replace("\r\n", "\n"), @r#"
    Date: Mon, 23 Nov 2026 09:00:00 +0800
    From: Ops Team <ops@example.org>
    To: Ada <ada@example.org>
    Subject: =?utf-8?b?5q+P5ZGo5pGY6KaB?=
    Message-ID: <01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17@example.org>
    X-Postroom-Id: 01JD8Z5Y3K8Q2V6T0W9X1R4M7N.17
    Auto-Submitted: auto-generated
    X-Auto-Response-Suppress: All
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="=_b21b24a42a9863504ad2b4da9fa16563"

    --=_b21b24a42a9863504ad2b4da9fa16563
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    Hello Ada,
    .
    bye=20

    --=_b21b24a42a9863504ad2b4da9fa16563
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: base64

    PHA+5L2g5aW977yM5byg5LyfPC9wPg0K
    --=_b21b24a42a9863504ad2b4da9fa16563--
    "#);
}

#[test]
fn a_text_alone_is_no_multipart_and_ends_with_one_line_break() {
    let text = written(&rendered("Hi", "one line", None));
    assert!(
        text.ends_with("quoted-printable\r\n\r\none line\r\n"),
        "{text}"
    );
    assert_eq!(text, written(&rendered("Hi", "one line\n", None)));
    let chinese = written(&rendered("Hi", "你好", None));
    assert!(
        chinese.ends_with("base64\r\n\r\n5L2g5aW9DQo=\r\n"),
        "{chinese}"
    );
}

#[test]
fn the_same_message_is_written_twice_alike_and_another_differs() {
    let rendered = rendered("Hi", "text", Some("<p>x</p>"));
    let first = written(&rendered);
    assert_eq!(first, written(&rendered));
    let other = Identity {
        message_id: "02.1@example.org".to_owned(),
        ..identity()
    };
    let other = message(&rendered, &sender(), &named("Ada"), &other).expect("a message");
    let boundary = |text: &str| {
        text.split("boundary=")
            .nth(1)
            .map(|rest| rest[..36].to_owned())
    };
    assert_ne!(boundary(&first), boundary(&String::from_utf8_lossy(&other)));
}

#[test]
fn the_date_is_written_with_the_offset_it_is_given() {
    let dated = |seconds| {
        let identity = Identity {
            utc_offset_seconds: seconds,
            ..identity()
        };
        let said = message(
            &rendered("x", "x", None),
            &sender(),
            &named("Ada"),
            &identity,
        );
        let said = String::from_utf8(said.expect("a message")).expect("ASCII");
        said.lines().next().expect("a line").to_owned()
    };
    assert_eq!(dated(8 * 3600), "Date: Mon, 23 Nov 2026 09:00:00 +0800");
    assert_eq!(dated(0), "Date: Mon, 23 Nov 2026 01:00:00 +0000");
    assert_eq!(
        dated(-(5 * 3600 + 1800)),
        "Date: Sun, 22 Nov 2026 19:30:00 -0530"
    );
}

#[test]
fn what_would_break_a_header_is_refused_and_named() {
    let to = |name: &str| {
        message(
            &rendered("x", "x", None),
            &sender(),
            &named(name),
            &identity(),
        )
        .map_err(|fault| fault.to_string())
    };
    for hostile in [
        "A\r\nBcc: x@example.org",
        "A\nB",
        "A\rB",
        "A\0",
        "\u{1b}[2J",
        "A\u{85}",
    ] {
        assert_eq!(
            to(hostile),
            Err(
                "the recipient's name or address has a control character in it, such as a line \
                 break"
                    .to_owned()
            )
        );
        let subject = rendered(hostile, "x", None);
        let refused = message(&subject, &sender(), &named("A"), &identity());
        assert_eq!(refused, Err(ComposeFault::ControlCharacter("subject")));
        let reply_to = Some(named(hostile));
        let sender = Sender {
            reply_to,
            manner: Manner::default(),
            ..sender()
        };
        let refused = message(&rendered("x", "x", None), &sender, &named("A"), &identity());
        assert!(matches!(refused, Err(ComposeFault::ControlCharacter(_))));
    }
    for id in [
        "", "a@", "@b", "a@b@c", "a b@c", "a>@c", "a\r\n@c", "nothing",
    ] {
        let identity = Identity {
            message_id: id.to_owned(),
            ..identity()
        };
        let refused = message(&rendered("x", "x", None), &sender(), &named("A"), &identity);
        assert!(
            matches!(refused, Err(ComposeFault::Identity("id", _))),
            "{id:?}"
        );
    }
}

/// RFC 6532: nothing but the addresses themselves, and the same bytes each time.
#[test]
fn an_address_beyond_ascii_stands_in_its_header_as_it_is() {
    let mailbox = |name: &str, address: &str| {
        let (local, domain) = address.split_once('@').expect("an address");
        let address = Address::new_dangerous(local, domain);
        Mailbox::new(Some(name.to_owned()).filter(|it| !it.is_empty()), address)
    };
    let sender = Sender {
        from: mailbox("收发室", "收发室@xn--fsqu00a.example"),
        reply_to: Some(mailbox("", "jürgen@example.org")),
        manner: Manner::default(),
    };
    let to = mailbox("हिन्दी, भाषा", "हिन्दी@example.org");
    let write = || message(&rendered("Grüße", "你好", None), &sender, &to, &identity());
    let bytes = write().expect("a message");
    assert_eq!(write(), Ok(bytes.clone()));
    let text = String::from_utf8(bytes).expect("UTF-8");
    let head = "Date: Mon, 23 Nov 2026 09:00:00 +0800\r\n\
                From: =?utf-8?b?5pS25Y+R5a6k?= <收发室@xn--fsqu00a.example>\r\n\
                Reply-To: jürgen@example.org\r\n\
                To: =?utf-8?b?4KS54KS/4KSo4KWN4KSm4KWALCDgpK3gpL7gpLfgpL4=?=\r\n \
                <हिन्दी@example.org>\r\n";
    assert!(text.starts_with(head), "{text}");
    assert!(text[head.len()..].is_ascii(), "{text}");
}

#[test]
fn an_address_that_hides_another_or_whose_domain_is_not_ascii_is_refused() {
    let to = |address: Address| {
        let to = Mailbox::new(None, address);
        message(&rendered("x", "x", None), &sender(), &to, &identity())
    };
    let unicode = to("ada@例子.测试".parse().expect("lettre takes it"));
    assert!(
        matches!(unicode, Err(ComposeFault::Domain("To", _))),
        "{unicode:?}"
    );
    let smuggled = to(Address::new_dangerous("a@b\r\nBcc: c", "example.org"));
    assert!(
        matches!(smuggled, Err(ComposeFault::ControlCharacter(_))),
        "{smuggled:?}"
    );
}

#[test]
fn the_wire_gate_stands_behind_everything_else() {
    let endless = Address::new_dangerous("a".repeat(1200), "example.org");
    let to = Mailbox::new(None, endless);
    let refused = message(&rendered("x", "x", None), &sender(), &to, &identity());
    assert_eq!(refused, Err(ComposeFault::Wire(WireFault::LongLine(3))));
}

#[test]
fn a_message_without_a_body_is_refused() {
    let nothing = Rendered {
        subject: "x".to_owned(),
        text: None,
        html: None,
        language: "en".to_owned(),
        headers: Vec::new(),
        images: Vec::new(),
    };
    let refused = message(&nothing, &sender(), &named("A"), &identity());
    assert_eq!(refused, Err(ComposeFault::NoBody));
}

#[test]
fn no_line_is_long_and_no_byte_needs_a_clever_server() {
    let long = "x".repeat(5000) + " " + &"摘要".repeat(900) + "\n.\n\r.\r\n" + &" ".repeat(200);
    for (subject, name) in [(long.as_str(), "n"), ("s", long.as_str()), ("s", "n")] {
        let subject: String = subject.chars().filter(|c| !c.is_control()).collect();
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let said = message(
            &rendered(&subject, &long, Some(&long)),
            &sender(),
            &named(&name),
            &identity(),
        );
        let said = String::from_utf8(said.expect("a message")).expect("ASCII");
        assert!(said.is_ascii());
        assert!(
            said.split("\r\n")
                .all(|line| line.len() <= 78 && !line.contains(['\r', '\n']))
        );
    }
}
