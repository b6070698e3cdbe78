//! What people are told of a schedule whose people get one message together, with the real binary.

use std::process::Output;

use postroom::clock::Clock;
use postroom::config::load;
use postroom::daemon::api::SendAnswer;
use postroom::outbox::Outbox;
use postroom::plan::{Order, Seats, open};
use rusqlite::Connection;
use serde_json::Value;

use crate::world::workspace::Workspace;

const CONFIG: &str = "\
[account.main]
host = \"smtp.example.org\"
from = \"me@example.org\"

[list.team]
inline = [\"Ada <ada@example.org>\", \"bo@example.org\", \"cy@example.org\", \"Bo@example.org\"]

[list.heads]
inline = [\"boss@example.org\", \"ada@example.org\"]

[schedule.minutes]
send = \"note\"
to = \"team\"
via = \"main\"
group = true
cc = [\"heads\", \"clerk@example.org\"]
bcc = \"Spy <spy@example.com>\"

[schedule.letters]
send = \"note\"
to = \"team\"
via = \"main\"
";

fn workspace() -> Workspace {
    let workspace = Workspace::new(CONFIG);
    workspace.write("templates/note/subject.txt", "A note\n");
    workspace.write("templates/note/body.txt", "Hello all\n");
    workspace
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn who_is_to_say_yes_is_told_that_it_is_one_message_and_who_sees_whom() {
    let workspace = workspace();
    let said = workspace.said(&["send", "minutes", "--dry-run"]);
    let first = "minutes -> one message to 6 people via main (3 in To, 2 in Cc, 1 hidden)\n";
    assert!(said.starts_with(first), "{said}");
    assert!(said.contains("sees all who are in To and Cc"), "{said}");
    let plan: SendAnswer = workspace.json(&["send", "minutes", "--dry-run"]);
    let (to, cc, bcc) = (3, 2, 1);
    assert_eq!(plan.group, Some(Seats { to, cc, bcc }));
    let asked = workspace.postroom(&["send", "minutes"]).output().unwrap();
    let asked = told(&asked);
    assert!(
        asked.contains("this sends one message to 6 people"),
        "{asked}"
    );
    let looks: Value = workspace.json(&["check", "--lists"]);
    let minutes = looks["schedules"].as_array().unwrap();
    let minutes = minutes.iter().find(|it| it["schedule"] == "minutes");
    let seats = serde_json::json!({ "to": 3, "cc": 2, "bcc": 1 });
    assert_eq!(minutes.unwrap()["group"], seats);
    let said = workspace.said(&["check", "--lists"]);
    let line = "schedule minutes: one message to 6 people, ";
    assert!(said.contains(line), "{said}");

    // Where each gets an own one, nothing of it.
    let said = workspace.said(&["send", "letters", "--dry-run"]);
    assert!(said.starts_with("letters -> 3 people via main\n"), "{said}");
    let plan: SendAnswer = workspace.json(&["send", "letters", "--dry-run"]);
    assert_eq!(plan.group, None);
    let one = ["send", "minutes", "--dry-run", "--only", "bo@example.org"];
    let said = workspace.said(&one);
    assert!(said.starts_with("minutes -> 1 person via main\n"), "{said}");
}

#[test]
fn a_preview_names_whom_the_message_will_name_and_nobody_else() {
    let workspace = workspace();
    let eml = workspace.said(&["preview", "minutes", "--eml"]);
    let to = "To: Ada <ada@example.org>, bo@example.org, cy@example.org\r\n";
    let cc = "Cc: boss@example.org, clerk@example.org\r\n";
    let unfolded = eml.replace("\r\n ", " ");
    assert!(unfolded.contains(to) && unfolded.contains(cc), "{eml}");
    assert!(!eml.to_lowercase().contains("spy"), "{eml}");
}

#[test]
fn a_message_that_cannot_be_made_again_as_somebody_was_forgotten_says_so() {
    let workspace = workspace();
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    let clock = Clock::system();
    std::fs::create_dir_all(&config.daemon.state).unwrap();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    let order = Order::manual("minutes", &clock);
    let run = open(&config, &outbox, &clock, &order).unwrap().run;
    outbox.close();
    drop(outbox);
    // As if it had left: with other bytes than those without her.
    let sql = Connection::open(config.daemon.state.join("postroom.db")).unwrap();
    sql.execute("UPDATE delivery SET digest = zeroblob(32)", [])
        .unwrap();
    drop(sql);
    let eml = ["why", "cy@example.org", "--eml", &run];
    let before = told(&workspace.postroom(&eml).output().unwrap());
    assert!(before.contains("(another version of"), "{before}");
    workspace.said(&["forget", "ada@example.org"]);
    let output = workspace.postroom(&eml).output().unwrap();
    let after = told(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let why = "(1 of those whom it named has been forgotten since)";
    assert!(after.contains(why), "{after}");
    let anyway = workspace.said(&[&eml[..], &["--anyway"]].concat());
    assert!(!anyway.contains("ada@example.org"), "{anyway}");
    assert!(anyway.replace("\r\n ", " ").contains("To: bo@"), "{anyway}");
}
