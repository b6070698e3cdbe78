//! One cell of text: a mailbox, or the reason why not.

use lettre::Address;
use postroom::audience::{key, mailbox, mask};
use proptest::prelude::*;

use super::Csv;

fn read(text: &str) -> (Option<String>, String) {
    let mailbox = mailbox(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
    (mailbox.name, mailbox.email.to_string())
}

#[test]
fn an_address_comes_out_as_it_is_mailed() {
    for (text, mailed) in [
        ("ada@example.org", "ada@example.org"),
        ("  ada@example.org\t", "ada@example.org"),
        ("\u{a0}ada@example.org\u{3000}", "ada@example.org"),
        ("Ada.Lovelace@EXAMPLE.Org", "Ada.Lovelace@example.org"),
        ("ada+news@example.org", "ada+news@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("<ada@example.org>", "ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@例子。测试", "ada@xn--fsqu00a.xn--0zwm56d"),
        ("ada@ｅｘａｍｐｌｅ．org", "ada@example.org"),
        ("ada@💌.example", "ada@xn--rr8h.example"),
        ("ada@localhost", "ada@localhost"),
        ("ada@r3---sn.example.org", "ada@r3---sn.example.org"),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("ada@[ipv6:2001:DB8:0::1]", "ada@[IPv6:2001:db8::1]"),
        (
            "\"ada lovelace\"@example.org",
            "\"ada lovelace\"@example.org",
        ),
        ("\"a@b, c\"@example.org", "\"a@b, c\"@example.org"),
        ("\"ada\"@example.org", "ada@example.org"),
    ] {
        assert_eq!(read(text), (None, mailed.to_owned()), "{text}");
    }
}

#[test]
fn a_name_before_the_address_is_kept() {
    for (text, name) in [
        ("Ada Lovelace <ada@example.org>", "Ada Lovelace"),
        ("Ada Lovelace<ada@example.org>", "Ada Lovelace"),
        ("  Ada Lovelace  < ada@example.org > ", "Ada Lovelace"),
        ("\"Lovelace, Ada\" <ada@example.org>", "Lovelace, Ada"),
        ("Lovelace, Ada <ada@example.org>", "Lovelace, Ada"),
        (
            r#""Ada \"the first\" L\\" <ada@example.org>"#,
            r#"Ada "the first" L\"#,
        ),
        (
            "Ada \"Countess\" Lovelace <ada@example.org>",
            "Ada \"Countess\" Lovelace",
        ),
        ("张三 <ada@example.org>", "张三"),
        ("שׁלום\u{200f} <ada@example.org>", "שׁלום\u{200f}"),
        ("👩‍💻 <ada@example.org>", "👩‍💻"),
        ("ada@example.org <ada@example.org>", "ada@example.org"),
        ("\"ada, ada@work\" <ada@example.org>", "ada, ada@work"),
        ("=?utf-8?q?Ada?= <ada@example.org>", "=?utf-8?q?Ada?="),
    ] {
        assert_eq!(
            read(text),
            (Some(name.to_owned()), "ada@example.org".to_owned()),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_one_address_is_refused_with_the_reason() {
    let long = format!("{}@example.org", "a".repeat(65));
    let label = format!("ada@{}.org", "a".repeat(64));
    let many = format!("{}@{}org", "a".repeat(64), "abcdefgh.".repeat(21));
    let name = format!("{} <ada@example.org>", "n".repeat(256));
    for (text, reason) in [
        ("", "the address is empty"),
        (" \t ", "the address is empty"),
        ("Ada <>", "the address is empty"),
        ("Ada Lovelace", "no @ in the address"),
        ("ada(at)example.org", "no @ in the address"),
        ("ada＠example.org", "a full-width @ (U+FF20) in the address"),
        (
            "a＠da@example.org",
            "a full-width @ (U+FF20) in the address",
        ),
        ("ada@bo@example.org", "more than one @ in the address"),
        (
            "ada@example.org,bo@example.org",
            "two addresses in one cell",
        ),
        (
            "ada@example.org; bo@example.org",
            "two addresses in one cell",
        ),
        (
            "ada@example.org bo@example.org",
            "two addresses in one cell",
        ),
        (
            "bo@example.org, Ada <ada@example.org>",
            "two addresses in one cell",
        ),
        (
            "Bo <bo@example.org>, Ada <ada@example.org>",
            "the angle brackets are not of the form: Name <address>",
        ),
        (
            "team: ada@example.org, bo@example.org;",
            "two addresses in one cell",
        ),
        (
            "team: ada@example.org;",
            "`:` cannot stand before the @ of an address",
        ),
        (
            "mailto:ada@example.org",
            "`:` cannot stand before the @ of an address",
        ),
        (
            "<<ada@example.org>>",
            "the angle brackets are not of the form: Name <address>",
        ),
        (
            "ada@example.org>",
            "the angle brackets are not of the form: Name <address>",
        ),
        (
            "<ada@example.org",
            "the angle brackets are not of the form: Name <address>",
        ),
        (
            "Ada <ada@example.org> x",
            "the angle brackets are not of the form: Name <address>",
        ),
        (
            "A<b>c <ada@example.org>",
            "the angle brackets are not of the form: Name <address>",
        ),
        ("ada@example.org\n", "line break in the address"),
        (
            "ada@example.org\r\nBcc: eve@example.org",
            "line break in the address",
        ),
        ("ada\r\n@example.org", "line break in the address"),
        ("ada@example.org\u{2028}", "line break in the address"),
        (
            "Ada\r\nBcc: eve@example.org <ada@example.org>",
            "line break in the name",
        ),
        ("Ada\u{2029}L <ada@example.org>", "line break in the name"),
        ("Ada\u{85}L <ada@example.org>", "line break in the name"),
        (
            "Ada\0 <ada@example.org>",
            "control character U+0000 in the name",
        ),
        (
            "Ada\tL <ada@example.org>",
            "control character U+0009 in the name",
        ),
        (
            "\u{1b}[2J <ada@example.org>",
            "control character U+001B in the name",
        ),
        (
            "\"Ada\r\nBcc: x\" <ada@example.org>",
            "line break in the name",
        ),
        (
            "a\0da@example.org",
            "control character U+0000 in the address",
        ),
        (
            "ada@exa\u{7f}mple.org",
            "control character U+007F in the address",
        ),
        (
            "Ada\u{202e}gro.knab <ada@example.org>",
            "invisible character U+202E in the name",
        ),
        (
            "Ada\u{2066} <ada@example.org>",
            "invisible character U+2066 in the name",
        ),
        (
            "a\u{200b}da@example.org",
            "invisible character U+200B in the address",
        ),
        (
            "\u{feff}ada@example.org",
            "invisible character U+FEFF in the address",
        ),
        ("ada lovelace@example.org", "a space in the address"),
        ("ada\u{a0}lovelace@example.org", "a space in the address"),
        ("ada@exam ple.org", "a space in the address"),
        ("@example.org", "nothing before the @"),
        (
            "ada(work)@example.org",
            "`(` cannot stand before the @ of an address",
        ),
        (
            "ada\"l\"@example.org",
            "`\"` cannot stand before the @ of an address",
        ),
        (
            "\"ada\" bo@example.org",
            "`\"` cannot stand before the @ of an address",
        ),
        (
            "\"a\"@example.org,\"b\"@example.org",
            "two addresses in one cell",
        ),
        (
            ".ada@example.org",
            "a dot at the start or the end of the part before the @, or two in a row",
        ),
        (
            "ada..l@example.org",
            "a dot at the start or the end of the part before the @, or two in a row",
        ),
        (&long, "the part before the @ has 65 bytes, 64 are allowed"),
        (&many, "the address has 257 bytes, 254 are allowed"),
        (&label, "the domain is not one that can exist"),
        ("ada@", "nothing after the @"),
        ("ada@example", "the domain has no dot"),
        ("ada@example.org.", "the domain ends with a dot"),
        (
            "ada@192.0.2.1",
            "an IP address as domain is written in brackets: [192.0.2.1] or [IPv6:2001:db8::1]",
        ),
        (
            "ada@[example]",
            "an IP address as domain is written in brackets: [192.0.2.1] or [IPv6:2001:db8::1]",
        ),
        ("ada@-example.org", "the domain is not one that can exist"),
        ("ada@exa_mple.org", "the domain is not one that can exist"),
        ("ada@example..org", "the domain is not one that can exist"),
        ("ada@.example.org", "the domain is not one that can exist"),
        ("ada@example.org,", "the domain is not one that can exist"),
        ("ada@example.org (Ada)", "a space in the address"),
        (
            "ada@xn--zzzzzzz99999.org",
            "the domain is not one that can exist",
        ),
        (&name, "the name has more than 255 characters"),
    ] {
        match mailbox(text) {
            Ok(mailbox) => panic!("{text:?} was read as {mailbox:?}"),
            Err(fault) => assert_eq!(fault.to_string(), reason, "{text:?}"),
        }
    }
}

/// RFC 6531: D9, where the server can take it.
#[test]
fn the_part_before_the_at_may_be_of_any_script() {
    for text in [
        "jürgen@example.org",
        "张三@example.org",
        "二〇〇八@example.org",
        "やまだ.たろう@example.org",
        "пётр+news@example.org",
        "παράδειγμα_1@example.org",
        "אבי@example.org",
        "مثال٣@example.org",
        "संपर्क@example.org",
        "น้ำ@example.org",
        "և@example.org",
        "김민준@example.org",
        "Straße@example.org",
        "q\u{323}@example.org",
    ] {
        assert_eq!(read(text), (None, text.to_owned()), "{text}");
    }
    // Two spellings of one text are one, and quotes that are not needed go.
    for text in [
        "ju\u{308}rgen@example.org",
        "\"jürgen\"@example.org",
        " Jürgen <jürgen@example.org> ",
    ] {
        let mailbox = mailbox(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
        assert_eq!(mailbox.email.to_string(), "jürgen@example.org", "{text}");
    }
    let decomposed = "\u{1100}\u{1161}\u{11a8}@BÜCHER.example";
    assert_eq!(read(decomposed).1, "각@xn--bcher-kva.example");
}

#[test]
fn what_is_no_letter_or_not_the_one_it_looks_like_is_refused_with_the_reason() {
    let long = format!("{}@example.org", "张".repeat(22));
    let longest = format!("{}x@example.org", "张".repeat(21));
    assert_eq!(read(&longest).1, longest);
    for (text, reason) in [
        (
            "ａｄａ@example.org",
            "`ａ` before the @ only looks like `a`: type that instead",
        ),
        (
            "张７@example.org",
            "`７` before the @ only looks like `7`: type that instead",
        ),
        (
            "𝐚da@example.org",
            "`𝐚` before the @ only looks like `a`: type that instead",
        ),
        (
            "ﬁn@example.org",
            "`ﬁ` before the @ only looks like `fi`: type that instead",
        ),
        (
            "\u{212a}ate@example.org",
            "`\u{212a}` before the @ only looks like `K`: type that instead",
        ),
        (
            "ｶﾅ@example.org",
            "`ｶ` before the @ only looks like `カ`: type that instead",
        ),
        (
            "\u{fef1}@example.org",
            "`\u{fef1}` before the @ only looks like `ي`: type that instead",
        ),
        (
            "张\u{200b}三@example.org",
            "invisible character U+200B in the address",
        ),
        (
            "علی\u{200c}رضا@example.org",
            "invisible character U+200C in the address",
        ),
        (
            "张\u{fe00}@example.org",
            "invisible character U+FE00 in the address",
        ),
        (
            "\u{3164}@example.org",
            "invisible character U+3164 in the address",
        ),
        (
            "אבי\u{200f}@example.org",
            "invisible character U+200F in the address",
        ),
        (
            "\u{202e}ada@example.org",
            "invisible character U+202E in the address",
        ),
        (
            "\u{61c}علی@example.org",
            "invisible character U+061C in the address",
        ),
        ("张\u{3000}三@example.org", "a space in the address"),
        ("\"张 三\"@example.org", "a space in the address"),
        (
            "张＠三@example.org",
            "a full-width @ (U+FF20) in the address",
        ),
        (
            "张三@example.org,李四@example.org",
            "two addresses in one cell",
        ),
        (
            "张·三@example.org",
            "`·` cannot stand before the @ of an address",
        ),
        (
            "张，三@example.org",
            "`，` cannot stand before the @ of an address",
        ),
        (
            "张(三)@example.org",
            "`(` cannot stand before the @ of an address",
        ),
        (
            "💌@example.org",
            "`💌` cannot stand before the @ of an address",
        ),
        (
            "ada½@example.org",
            "`½` cannot stand before the @ of an address",
        ),
        (
            "ada=\u{338}@example.org",
            "`≠` cannot stand before the @ of an address",
        ),
        (
            "\u{37e}da@example.org",
            "`\u{37e}` cannot stand before the @ of an address",
        ),
        (
            "ㅋㅋ@example.org",
            "`ㅋ` cannot stand before the @ of an address",
        ),
        (
            "\u{1100}@example.org",
            "`\u{1100}` cannot stand before the @ of an address",
        ),
        (
            "\u{301}da@example.org",
            "the mark U+0301 before the @ stands on no letter",
        ),
        (
            "张.\u{301}da@example.org",
            "the mark U+0301 before the @ stands on no letter",
        ),
        (
            "\u{e000}@example.org",
            "unknown character U+E000 in the address",
        ),
        (
            "\u{378}@example.org",
            "unknown character U+0378 in the address",
        ),
        (
            ".张三@example.org",
            "a dot at the start or the end of the part before the @, or two in a row",
        ),
        (&long, "the part before the @ has 66 bytes, 64 are allowed"),
    ] {
        match mailbox(text) {
            Ok(mailbox) => panic!("{text:?} was read as {mailbox:?}"),
            Err(fault) => assert_eq!(fault.to_string(), reason, "{text:?}"),
        }
    }
}

#[test]
fn the_key_folds_case_and_spelling_in_every_script_and_merges_no_two_letters() {
    let key = |local: &str| key(&Address::new_dangerous(local, "example.org"));
    for (one, other) in [
        ("JÜRGEN", "ju\u{308}rgen"),
        ("ПЁТР", "пётр"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσεύς"),
        ("ÅSA", "A\u{30a}sa"),
        ("ԵՐԵՎԱՆ", "երեվան"),
        ("各", "各"),
        ("Ḍ\u{307}", "d\u{307}\u{323}"),
    ] {
        assert_eq!(key(one), key(other), "{one} {other}");
    }
    for (one, other) in [
        ("jürgen", "jurgen"),
        ("straße", "strasse"),
        ("ılgın", "ilgin"),
        ("張", "张"),
        ("и", "й"),
        ("ада", "ada"),
    ] {
        assert_ne!(key(one), key(other), "{one} {other}");
    }
}

#[test]
fn two_spellings_of_one_address_have_one_key_and_tags_tell_apart() {
    let csv = Csv::new(
        "email\nAda@Example.org\nADA@EXAMPLE.ORG\nAda L <ada@example.org>\n  ada@example.org \n\
         ada+news@example.org\nada@bücher.example\nada@XN--BCHER-KVA.example\nada@BÜCHER.example\n",
    );
    let keys: Vec<String> = csv.people().into_iter().map(|person| person.key).collect();
    assert!(
        keys[..4].iter().all(|key| key == "ada@example.org"),
        "{keys:?}"
    );
    assert_eq!(keys[4], "ada+news@example.org");
    assert!(
        keys[5..]
            .iter()
            .all(|key| key == "ada@xn--bcher-kva.example"),
        "{keys:?}"
    );
}

#[test]
fn a_masked_address_shows_one_character_and_the_domain() {
    for (text, masked) in [
        ("ada@example.org", "a***@example.org"),
        ("a@example.org", "a***@example.org"),
        ("Ada Lovelace <ada@example.org>", "a***@example.org"),
        ("张三@例子.测试", "张***@例子.测试"),
        ("@example.org", "***@example.org"),
        ("", "***"),
        ("Ada Lovelace", "A***"),
        ("ada@example.org,bo@example.com", "a***@example.com"),
        ("ada@example.org\nBcc: eve@evil\n", "a***"),
        ("\u{1b}[2Jada@exa mple.org", "2***"),
        ("\"ada l\"@[192.0.2.1]", "a***@[192.0.2.1]"),
    ] {
        assert_eq!(mask(text), masked, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_cannot_forge_a_header(
        text in r#"(\PC|[\p{L}\p{M}\p{Nd}]|[@<>",;.\\\r\n\t\x00 a-c]){0,40}(@a.example)?"#,
    ) {
        let masked = mask(&text);
        prop_assert!(!masked.contains(char::is_control));
        if let Ok(mailbox) = mailbox(&text) {
            let address = mailbox.email.to_string();
            prop_assert!(!address.contains(|c: char| c.is_control()));
            prop_assert!(mailbox.email.domain().is_ascii());
            let name = mailbox.name.as_deref().unwrap_or_default();
            prop_assert!(!name.contains(char::is_control));
            // Reading what came out changes nothing.
            let again = postroom::audience::mailbox(&address).unwrap();
            prop_assert_eq!(again.email.as_ref() as &str, &address);
            // Its key is an address with the same key, unless small letters take more room.
            let folded = key(&mailbox.email);
            if folded.len() <= address.len() {
                let again = postroom::audience::mailbox(&folded).unwrap();
                prop_assert_eq!(key(&again.email), folded);
            }
        }
    }
}
