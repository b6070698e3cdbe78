//! A template, and what each person must read: worked out here in plain Rust, so that the product
//! is not asked about itself.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use postroom::outbox::RunRow;
use postroom::outbox::state::State;

use super::history::{self, newest};
use super::mailbox::Mail;
use super::patience::wait_for;
use super::people::{Entry, Fate, Person};
use super::sandbox::Catcher;
use super::workspace::Workspace;

const SUBJECT: &str = "{{city}}: letter {{number}} for {{name}}\n";
const TEXT: &str = "Dear {{name}},\n\n{{note}}\n\nThis is letter {{number}} to {{email}}.\n";
const HTML: &str = "<p>Dear {{name}},</p>\n<pre>{{note}}</pre>\n<p>Letter {{number}}</p>\n";

/// How many connections their account may have.
pub(crate) const CONNECTIONS: usize = 4;

/// The one schedule of these workspaces.
pub(crate) const SCHEDULE: &str = "letters";

/// A workspace that sends the letter to `list`, with further keys of its account and schedule.
pub(crate) fn workspace(account: &str, schedule: &str, list: &str) -> Workspace {
    let workspace = Workspace::new(&format!(
        r#"
[account.main]
host = "localhost"
from = "Post Room <post@example.org>"
connections = {CONNECTIONS}
retry = ["1s"]
{account}

[list.people]
csv = "people.csv"

[schedule.{SCHEDULE}]
send = "letter"
to = "people"
via = "main"
resend_after = "2s"
{schedule}
"#
    ));
    workspace.write("people.csv", list);
    workspace.write("templates/letter/subject.txt", SUBJECT);
    workspace.write("templates/letter/body.txt", TEXT);
    workspace.write("templates/letter/body.html", HTML);
    workspace
}

/// A workspace whose run is due at a moment, over an account of the sandbox.
pub(crate) fn due_at(at: Timestamp, catcher: &Catcher, schedule: &str, list: &str) -> Workspace {
    let on = at.strftime("on = %Y-%m-%dT%H:%M:%S\n").to_string();
    let workspace = workspace(&catcher.account(), &[&on, schedule].concat(), list);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

/// How many letters of the newest run a server has accepted; none before there is a run.
pub(crate) fn accepted(workspace: &Workspace) -> Option<i64> {
    let run = newest(&workspace.reader()?, SCHEDULE)?;
    Some(run.counts.of(State::Accepted))
}

/// The run, once nothing more will happen to it by itself.
#[track_caller]
pub(crate) fn ended(workspace: &Workspace) -> RunRow {
    wait_for("the end of the run", || {
        history::ended(&workspace.reader()?, SCHEDULE)
    })
}

/// Messages that do not read as the list wants them.
pub(crate) fn unlike(list: &[Entry], mails: &[Mail]) -> Vec<String> {
    let mailed = list.iter().filter_map(|entry| match &entry.fate {
        Fate::Mailed(person) => Some((person.address.as_str(), person)),
        _ => None,
    });
    let mailed: HashMap<_, _> = mailed.collect();
    let differences = mails
        .iter()
        .flat_map(|mail| match mailed.get(&*mail.envelope) {
            Some(person) => differences(person, mail),
            None => vec![format!(
                "a message to {:?}: {:?}",
                mail.envelope, mail.defects
            )],
        });
    differences.collect()
}

/// What differs between a message and what its person should read; a line for each difference.
pub(crate) fn differences(person: &Person, mail: &Mail) -> Vec<String> {
    let Person {
        address,
        name,
        city,
        note,
        number,
    } = person;
    let note = note.replace("\r\n", "\n");
    let expected = [
        ("to", address.clone(), &mail.to_address),
        ("name", (*name).to_owned(), &mail.to_name),
        (
            "subject",
            format!("{city}: letter {number} for {name}"),
            &mail.subject,
        ),
        (
            "text",
            format!("Dear {name},\n\n{note}\n\nThis is letter {number} to {address}.\n"),
            &mail.text,
        ),
        (
            "html",
            format!("<p>Dear {name},</p>\n<pre>{note}</pre>\n<p>Letter {number}</p>\n"),
            &mail.html,
        ),
    ];
    let mut found: Vec<String> = expected
        .iter()
        .filter(|(_, wanted, got)| wanted != *got)
        .map(|(part, wanted, got)| format!("{address}: {part} is {got:?}, not {wanted:?}"))
        .collect();
    found.extend(
        mail.defects
            .iter()
            .map(|defect| format!("{address}: {defect}")),
    );
    found
}

#[test]
fn a_letter_that_differs_anywhere_is_noticed() {
    let person = Person {
        address: "ada@example.org".to_owned(),
        name: "Ada",
        city: "Paris",
        note: "one\r\ntwo".to_owned(),
        number: 7,
    };
    let good = Mail {
        message_id: "01J.7@example.org".to_owned(),
        envelope: "ada@example.org".to_owned(),
        to_address: "ada@example.org".to_owned(),
        to_name: "Ada".to_owned(),
        from_name: String::new(),
        subject: "Paris: letter 7 for Ada".to_owned(),
        text: "Dear Ada,\n\none\ntwo\n\nThis is letter 7 to ada@example.org.\n".to_owned(),
        html: "<p>Dear Ada,</p>\n<pre>one\ntwo</pre>\n<p>Letter 7</p>\n".to_owned(),
        sha256: String::new(),
        defects: Vec::new(),
    };
    assert_eq!(differences(&person, &good), [""; 0]);
    let spoils: [fn(&mut Mail); 6] = [
        |mail| mail.to_address.push('x'),
        |mail| mail.to_name.push(' '),
        |mail| mail.subject = mail.subject.replace('7', "8"),
        |mail| mail.text = mail.text.replace("two\n", "two \n"),
        |mail| mail.html.clear(),
        |mail| mail.defects.push("a header without a body".to_owned()),
    ];
    for spoil in spoils {
        let mut mail = good.clone();
        spoil(&mut mail);
        assert_eq!(differences(&person, &mail).len(), 1, "{mail:?}");
    }
}
