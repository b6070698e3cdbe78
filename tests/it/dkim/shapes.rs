//! Messages of every shape that leave here, and some that leave elsewhere.

use lettre::message::Mailbox;
use postroom::compose::dkim::sign;
use postroom::compose::{Identity, Rendered, Sender, message};

use super::{both, date, python_with_dkimpy, records, signed, signer, verify};

const HEAD: &str = "Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nFrom: Ops <ops@example.org>\r\n\
                    To: ada@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\
                    MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";

fn composed(subject: &str, text: Option<&str>, html: Option<&str>) -> Vec<u8> {
    let rendered = Rendered {
        subject: subject.to_owned(),
        text: text.map(str::to_owned),
        html: html.map(str::to_owned),
        headers: Vec::new(),
        images: Vec::new(),
        language: "en".to_owned(),
    };
    let sender = Sender {
        from: "\"Zoë, of the Ops\" <ops@example.org>".parse().unwrap(),
        reply_to: Some("help@example.org".parse().unwrap()),
        manner: postroom::compose::Manner::default(),
    };
    let to = Mailbox::new(Some("阿达".repeat(30)), "ada@example.org".parse().unwrap());
    let identity = Identity {
        message_id: "01J.1@example.org".to_owned(),
        date: date(),
        utc_offset_seconds: 3600,
    };
    message(&rendered, &sender, &to, &identity).unwrap()
}

fn raw(head: &str, body: &str) -> Vec<u8> {
    format!("{HEAD}{head}\r\n{body}").into_bytes()
}

fn shapes() -> Vec<Vec<u8>> {
    let long = "A line of a report, and one of many that are all like it.\n".repeat(17_500);
    let attached = "--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--b\r\nContent-Type: \
                    application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
    vec![
        composed("Hello", Some("Hello!\n"), None),
        composed(
            "Grüße",
            Some("Hello!\n\n.\nA dot.\n"),
            Some("<p>\tHello  <b>you</b> </p>\n"),
        ),
        composed(
            &"Ein langer Betreff ".repeat(12),
            Some("Größe 10 €\n"),
            None,
        ),
        composed("中文", Some(&"中文正文\n".repeat(40)), Some("<p>中文</p>")),
        composed("Long", Some(&long), None),
        raw("Content-Transfer-Encoding: 7bit\r\n", attached),
        raw(
            "List-Unsubscribe: <https://example.org/u/1>\r\nList-Unsubscribe-Post: \
             List-Unsubscribe=One-Click\r\nList-Id: <news.example.org>\r\nFeedback-ID: 1:2:3\r\n\
             X-Postroom-Id: 01J.1\r\nAuto-Submitted: auto-generated\r\n",
            "Hello\r\n",
        ),
        raw(
            "Reply-To: a@example.org,\r\n\tb@example.org,\r\n   c@example.org\r\n",
            "Hello\r\n",
        ),
        raw("CC:    \r\n\tspaces@example.org   \r\n \r\n", "Hello\r\n"),
        raw("", ""),
        raw("", "\r\n"),
        raw("", "\r\n\r\n\r\n"),
        raw("", " \t \r\n \r\n"),
        raw("", "Hello\r\n\r\n\r\n \r\n"),
        raw("", "Hello \t \r\n\tto  \t you \r\nall"),
        raw("To: second@example.org\r\n", "Two fields of one name.\r\n"),
        raw(
            "From: Zoë <zoë@example.org>\r\n",
            "An address beyond ASCII.\r\n",
        ),
    ]
}

#[test]
fn both_signatures_of_every_shape_are_good_and_rsa_is_first() {
    const UNTRIED: &str = "no signature was verified";
    let (Some(signers), Some(python)) = (both(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let all: Vec<_> = shapes().iter().map(|it| signed(&signers, it)).collect();
    for (at, judged) in verify(python, &records(&signers), &all).iter().enumerate() {
        assert_eq!(
            judged,
            &[true, true],
            "{}",
            String::from_utf8_lossy(&all[at])
        );
    }
    let text = String::from_utf8_lossy(&all[0]);
    let algorithms: Vec<_> = text
        .match_indices("; a=")
        .map(|(at, _)| &text[at + 4..at + 7])
        .collect();
    assert_eq!(algorithms, ["rsa", "ed2"]);
}

#[test]
fn what_servers_on_the_way_do_to_white_space_does_no_harm() {
    const UNTRIED: &str = "no changed message was verified";
    let (Some(signers), Some(python)) = (both(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let message = signed(&signers, &raw("", "Hello to  you\r\nall\r\n"));
    let message = String::from_utf8(message).unwrap();
    let changes = [
        ("Subject: Hello", "subject:\r\n\t Hello "),
        ("to  you\r\n", "to you \t\r\n"),
        ("all\r\n", "all\r\n\r\n\r\n"),
        ("DKIM-Signature:", "Received: from a\r\nDKIM-Signature:"),
    ];
    let all: Vec<_> = changes
        .map(|(old, new)| message.replacen(old, new, 1).into_bytes())
        .into();
    assert_eq!(
        verify(python, &records(&signers), &all),
        vec![vec![true; 2]; changes.len()]
    );
}

/// Every byte of the body, and of every field that is signed.
#[test]
fn a_byte_that_was_changed_anywhere_is_found() {
    const UNTRIED: &str = "no changed message was verified";
    let (Some(signers), Some(python)) = (both(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let message = raw(
        "List-Id: <news.example.org>\r\n",
        "Hello to you\r\n\r\nall\r\n",
    );
    let signatures = sign(&signers, &message, date()).unwrap();
    let changed = (0..message.len()).map(|at| {
        let mut message = message.clone();
        message[at] ^= 0b11; // no letter becomes itself in the other case
        [&signatures[..], &message].concat()
    });
    let all: Vec<_> = changed.collect();
    for (at, judged) in verify(python, &records(&signers), &all).iter().enumerate() {
        let around = String::from_utf8_lossy(&message[at.saturating_sub(9)..=at]);
        assert!(
            !judged.contains(&true),
            "the byte behind {around:?}: {judged:?}"
        );
    }
}

#[test]
fn nobody_adds_a_second_sender_subject_or_way_out() {
    const UNTRIED: &str = "no message with a field more was verified";
    let (Some(signers), Some(python)) = (both(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let message = raw(
        "List-Unsubscribe: <https://example.org/u/1>\r\n",
        "Hello\r\n",
    );
    let message = String::from_utf8(signed(&signers, &message)).unwrap();
    let more = [
        "From: Eve <eve@example.com>",
        "To: eve@example.com",
        "Cc: eve@example.com",
        "Reply-To: eve@example.com",
        "Subject: Pay at once",
        "Date: Wed, 25 Nov 2026 09:00:00 +0000",
        "Message-ID: <2@example.com>",
        "Content-Type: text/html",
        "MIME-Version: 2.0",
        "List-Unsubscribe: <https://example.com/>",
    ];
    let above = more.map(|it| format!("{it}\r\n{message}"));
    let below = more.map(|it| message.replacen("\r\n\r\n", &format!("\r\n{it}\r\n\r\n"), 1));
    let all: Vec<_> = above
        .into_iter()
        .chain(below)
        .map(String::into_bytes)
        .collect();
    assert_eq!(
        verify(python, &records(&signers), &all),
        vec![vec![false; 2]; all.len()]
    );
}

#[test]
fn a_signature_has_lines_of_at_most_78_and_says_what_it_must() {
    let signers = [signer(
        "a-selector-of-some-length.and-a-second-label",
        super::SEED,
    )];
    let header = sign(&signers, &shapes()[1], date()).unwrap();
    let header = String::from_utf8(header).unwrap();
    assert!(header.lines().all(|line| line.len() <= 78), "{header}");
    assert!(header.ends_with("\r\n") && !header.contains("\r\n\r\n"));
    let tags = header.replace("\r\n ", "").replace(' ', "");
    for tag in [
        "v=1;",
        "c=relaxed/relaxed;",
        "d=example.org;",
        "t=1795510800;",
    ] {
        assert!(tags.contains(tag), "{tag}: {tags}");
    }
    assert!(
        tags.contains("h=from:from:to:to:cc:subject:subject:date:date:"),
        "{tags}"
    );
    assert!(!tags.contains(";l=") && !tags.contains(";x="), "{tags}");
    assert_eq!(
        header,
        String::from_utf8(sign(&signers, &shapes()[1], date()).unwrap()).unwrap()
    );
}
