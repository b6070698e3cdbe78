//! `explain`: what is found under a word.

use postroom::config::key::KEYS;
use postroom::config::manual::{Explained, TOPICS, codes, contents, explain};

fn keys(word: &str) -> Vec<&'static str> {
    match explain(word) {
        Ok(Explained::Keys(keys, _)) => keys.iter().map(|key| key.path).collect(),
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn a_key_is_found_by_its_name_by_its_place_and_by_the_place_in_somebodys_file() {
    assert_eq!(keys("port"), ["account.*.port"]);
    for word in [
        "account.port",
        "account.main.port",
        "account.*.port",
        "account.<name>.port",
    ] {
        assert_eq!(keys(word), ["account.*.port"]);
    }
    assert_eq!(
        keys("connections"),
        ["account.*.connections", "account.*.domain.*.connections"]
    );
    for word in [
        "account.domain.connections",
        "account.main.domain.\"gmail.com\".connections",
    ] {
        assert_eq!(keys(word), ["account.*.domain.*.connections"]);
    }
    assert_eq!(
        keys("schedule.weekly.canary.people"),
        ["schedule.*.canary.people"]
    );
    assert_eq!(keys("daemon.state"), ["daemon.state"]);
    assert_eq!(
        keys("reply"),
        ["account.*.reply_to", "account.*.rule.reply"]
    );
    for key in KEYS {
        assert!(keys(key.path).contains(&key.path));
    }
}

#[test]
fn a_page_says_what_a_key_wants_and_what_holds_without_it() {
    let page = explain("account.port").unwrap().text();
    assert_eq!(
        page,
        "account.<name>.port\n  Its port.\n  wants     a number from 1 to 65535\n  left out  465, \
         or 587 with starttls, or 25 without TLS\n  example   port = 587\n"
    );
    let page = explain("state").unwrap().text();
    assert!(page.contains("need a restart"), "{page}");
    let page = explain("send").unwrap().text();
    assert!(page.contains("left out  an error"), "{page}");
    let page = explain("url").unwrap().text();
    assert!(page.contains("does not have it"), "{page}");
    let page = explain("account").unwrap().text();
    assert!(
        page.starts_with("[account.<name>]\n") && page.contains("connection_idle"),
        "{page}"
    );
}

#[test]
fn a_code_and_a_topic_have_their_pages() {
    let page = explain("unknown-key").unwrap().text();
    assert!(page.contains("form = \"news@example.org\""), "{page}");
    let page = explain("provider").unwrap().text();
    assert!(page.contains("account.<name>.provider"), "{page}");
    for word in ["smtp.gmail.com", "eu-west-1", "app password", "授权码"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let page = explain("helpers").unwrap().text();
    assert!(
        page.contains("{{upper plan}}") && page.contains("PRO"),
        "{page}"
    );
    let page = explain("secrets").unwrap().text();
    assert!(page.contains("LoadCredential"), "{page}");
}

#[test]
fn a_strange_word_is_answered_with_what_was_most_likely_meant() {
    for (word, meant) in [
        ("prot", "port"),
        ("account.prot", "port"),
        ("unknwon-key", "unknown-key"),
        ("smtp_port", "port"),
        ("helprs", "helpers"),
    ] {
        assert_eq!(explain(word).unwrap_err().suggestion, Some(meant));
    }
    assert_eq!(explain("banana").unwrap_err().suggestion, None);
}

#[test]
fn the_contents_name_everything_once_and_no_line_is_wider_than_a_terminal() {
    let contents = contents();
    for key in KEYS.iter().filter(|key| key.is_built()) {
        assert!(contents.contains(key.name()), "{}", key.path);
    }
    let words = codes()
        .map(|it| it.code)
        .chain(TOPICS.iter().map(|it| it.names[0]));
    for word in words {
        let lines = contents
            .lines()
            .filter(|line| line.split_whitespace().next() == Some(word));
        assert!(lines.count() >= 1, "{word}");
    }
    let pages = codes().map(|it| explain(it.code).unwrap().text());
    let pages = pages.chain(KEYS.iter().map(|key| explain(key.path).unwrap().text()));
    for page in pages.chain([contents]) {
        let wide = page.lines().find(|line| line.chars().count() > 100);
        assert_eq!(wide, None);
    }
}
