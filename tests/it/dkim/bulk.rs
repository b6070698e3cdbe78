//! All that bulk mail says in its header, in one message, from the real binary to a server: read by
//! Python, verified by dkimpy.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use postroom::compose::{TokenKey, read_token};
use postroom::outbox::RunRow;
use postroom::outbox::state::State;
use serde_json::Value;

use super::{SEED, python_with_dkimpy, records, signer, verify};
use crate::compose::python::read_back;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const KEY: &str = "a key that stands in a file of its own";
const URL: &str = "https://example.org/u/";
/// Whose headers are plain, encoded, and left out where they are optional.
const PEOPLE: [(&str, &str, &str); 3] = [
    ("ada@example.org", "ops", "en"),
    (
        "जय@example.org",
        "Büro für 发票, Prüfung & \"mehr\" von allem, was zu lesen ist",
        "de",
    ),
    ("bob@example.com", "=?utf-8?q?no_word?= <x@example.org>", ""),
];

fn workspace(catcher: &Catcher) -> Workspace {
    let account = catcher.account();
    let workspace = Workspace::new(&format!(
        r#"
[account.main]
host = "localhost"
from = "Postbüro <post@example.org>"
postal_address = "1 High Street, London"
feedback_id = "exampleltd"
dkim = {{ selector = "ed", key = {{ file = "dkim" }} }}
{account}

[list.people]
csv = "people.csv"
optional = ["language"]

[template.news]
attachments = ["terms.txt"]

[template.news.headers]
X-Team = "{{{{team}}}}"
X-Priority = "5"
X-Tongue = "{{{{#if language}}}}{{{{upper language}}}}{{{{/if}}}}"

[schedule.news]
send = "news"
to = "people"
via = "main"
class = "bulk"
list_id = "news.example.org"
reply_to = "Editors <editors@example.org>"

[unsubscribe]
url = "{URL}{{{{token}}}}"
mailto = "leave@example.org"
key = {{ file = "key" }}
"#
    ));
    let rows = PEOPLE.map(|(to, team, language)| {
        let team = team.replace('"', "\"\"");
        format!("{to},\"{team}\",{language}\n")
    });
    workspace.write(
        "people.csv",
        format!("email,team,language\n{}", rows.concat()),
    );
    workspace.write("terms.txt", "Terms\n");
    workspace.write("templates/news/subject.txt", "News for {{team}}\n");
    let text = "News.\n\nLeave: {{unsubscribe_url}}\n{{postal_address}}\n";
    workspace.write("templates/news/body.txt", text);
    let html = "<p><a href=\"{{unsubscribe_url}}\">Leave</a> {{postal_address}}</p>\n";
    workspace.write("templates/news/body.html", html);
    for (name, secret) in [
        ("password", Catcher::PASSWORD),
        ("key", KEY),
        ("dkim", SEED),
    ] {
        workspace.write(name, secret);
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(workspace.path(name), private).unwrap();
    }
    workspace
}

/// What stands in a header between two texts.
fn between<'t>(text: &'t str, before: &str, after: char) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split(after).next().unwrap()
}

fn assert_is_for(read: &Value, (to, team, language): (&str, &str, &str)) {
    let field = |name: &str| read["fields"][name].as_str();
    let defects: Vec<String> = serde_json::from_value(read["defects"].clone()).unwrap();
    // RFC 6532 allows letters beyond ASCII before the @.
    let mut defects = defects
        .iter()
        .filter(|it| !it.contains("NonASCIILocalPart"));
    assert_eq!(defects.next(), None, "{to}");
    assert_eq!(field("x-team"), Some(team));
    assert_eq!(field("subject"), Some(&*format!("News for {team}")));
    assert_eq!(field("x-priority"), Some("5"));
    let upper = language.to_uppercase();
    assert_eq!(field("x-tongue"), Some(&*upper).filter(|it| !it.is_empty()));
    for (name, value) in [
        ("list-id", "<news.example.org>"),
        ("list-unsubscribe-post", "List-Unsubscribe=One-Click"),
        ("feedback-id", "news:news:bulk:exampleltd"),
        ("precedence", "bulk"),
        ("reply-to", "Editors <editors@example.org>"),
        ("from", "Postbüro <post@example.org>"),
    ] {
        assert_eq!(field(name), Some(value), "{to}");
    }
    let leave = field("list-unsubscribe").unwrap();
    let token = between(leave, &format!("<{URL}"), '>');
    assert_eq!(
        between(leave, "<mailto:leave@example.org?subject=", '>'),
        token
    );
    let said = read_token(token, &[TokenKey::new(KEY.as_bytes()).unwrap()]).unwrap();
    assert_eq!((said.address.as_str(), said.scope.as_str()), (to, "news"));
    let alternative = "multipart/alternative(text/plain, text/html)";
    let whole = format!("multipart/mixed({alternative}, text/plain)");
    assert_eq!(read["structure"], whole);
    for body in read["bodies"].as_array().unwrap() {
        let body = body.as_str().unwrap();
        assert!(body.contains(&format!("{URL}{token}")), "{body}");
        assert!(body.contains("1 High Street, London"), "{body}");
    }
    let names: Vec<String> = serde_json::from_value(read["headers"].clone()).unwrap();
    let each: BTreeSet<String> = names.iter().map(|it| it.to_lowercase()).collect();
    assert_eq!(
        each.len(),
        names.len(),
        "a header stands there twice: {names:?}"
    );
}

#[test]
fn bulk_mail_with_every_header_is_read_and_its_signature_verified_by_others() {
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher);
    let send = ["send", "news", "--yes", "--wait", "--json"];
    let said = workspace.postroom(&send).output().unwrap();
    let run: RunRow =
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(run.counts.of(State::Accepted), 3, "{said:?}");
    let files = fs::read_dir(catcher.maildir().join("new")).unwrap();
    let mails: Vec<Vec<u8>> = files
        .map(|it| fs::read(it.unwrap().path()).unwrap())
        .collect();
    assert_eq!(mails.len(), 3);
    catcher.stop();

    if let Some(read) = read_back(&mails) {
        for person in PEOPLE {
            let of = |it: &&Value| it["to"][1] == person.0;
            let own: Vec<&Value> = read.iter().filter(of).collect();
            assert_eq!(own.len(), 1, "{read:?}");
            assert_is_for(own[0], person);
        }
    }
    let Some(python) = python_with_dkimpy("bulk mail was not verified") else {
        return;
    };
    let altered = |mail: &Vec<u8>, from: &str, to: &str| {
        let text = String::from_utf8(mail.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1).into_bytes()
    };
    let mut all = mails.clone();
    all.extend(mails.iter().map(|it| altered(it, "/u/", "/v/")));
    all.extend(
        mails
            .iter()
            .map(|it| altered(it, "=One-Click", "=Two-Click")),
    );
    all.extend(
        mails
            .iter()
            .map(|it| altered(it, "\r\nList-Id: <news", "\r\nList-Id: <old")),
    );
    let judged = verify(python, &records(&[signer("ed", SEED)]), &all);
    assert_eq!(judged[..3], [[true]; 3]);
    assert_eq!(judged[3..], [[false]; 9]);
}
