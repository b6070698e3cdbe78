//! A reader leaves, from one end to the other: the link comes out of the bytes that a server got,
//! goes into the command that a web page would call, and the next run goes without them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use postroom::config::manual::CHECK_A_TOKEN;
use postroom::daemon::api::Why;
use postroom::outbox::state::State;
use postroom::outbox::{RunRow, SuppressionRow};
use serde_json::Value;

use crate::world::sandbox::Catcher;
use crate::world::skip::lacks_python;
use crate::world::workspace::Workspace;

const KEY: &str = "a key that stands in a file of its own";
const LIST: &str = "email\nAda@Example.org\nजय@bücher.example\nbob@example.com\n";
const ADA: &str = "ada@example.org";
const JAY: &str = "जय@xn--bcher-kva.example";

/// Two schedules to the same people, both bulk.
fn workspace(catcher: &Catcher) -> Workspace {
    let account = catcher.account();
    let workspace = Workspace::new(&format!(
        r#"
[account.main]
host = "localhost"
from = "Post Room <post@example.org>"
postal_address = "1 High Street, London"
{account}

[list.people]
csv = "people.csv"

[schedule.news]
send = "news"
to = "people"
via = "main"
class = "bulk"

[schedule.offers]
send = "news"
to = "people"
via = "main"
class = "bulk"

[unsubscribe]
url = "https://example.org/u/{{{{token}}}}"
mailto = "leave@example.org"
key = {{ file = "key" }}
"#
    ));
    workspace.write("people.csv", LIST);
    workspace.write("templates/news/subject.txt", "News\n");
    let text = "News.\n\nLeave: {{unsubscribe_url}}\n{{postal_address}}\n";
    workspace.write("templates/news/body.txt", text);
    let html = "<p><a href=\"{{unsubscribe_url}}\">Leave</a> {{postal_address}}</p>\n";
    workspace.write("templates/news/body.html", html);
    for (name, secret) in [("password", Catcher::PASSWORD), ("key", KEY)] {
        workspace.write(name, secret);
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(workspace.path(name), private).unwrap();
    }
    workspace
}

#[track_caller]
fn sent(workspace: &Workspace, schedule: &str) -> (i64, i64) {
    let send = ["send", schedule, "--yes", "--wait", "--json"];
    let said = workspace.postroom(&send).output().unwrap();
    let run: RunRow =
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let of = |state| run.counts.of(state);
    (of(State::Accepted), of(State::Suppressed))
}

/// The messages that the server has kept to an address, by what stands in To.
fn received(catcher: &Catcher, to: &str) -> Vec<String> {
    let files = fs::read_dir(catcher.maildir().join("new")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let to = format!("\r\nTo: {to}\r\n");
    texts.filter(|text| text.contains(&to)).collect()
}

/// The tokens that follow these words in a message whose lines are joined.
fn tokens(message: &str, before: &str) -> Vec<String> {
    let whole = message.replace("=\r\n", "").replace("=3D", "=");
    let rest = whole.split(before).skip(1);
    let end = |c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c);
    rest.map(|it| it.split(end).next().unwrap().to_owned())
        .collect()
}

fn told(workspace: &Workspace, token: &str) -> Output {
    let args = ["suppress", "add", "--token", token];
    workspace.postroom(&args).output().unwrap()
}

#[test]
fn whoever_clicks_gets_no_more_of_that_schedule_and_all_of_the_others() {
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    assert_eq!(sent(&workspace, "news"), (3, 0));

    let messages = received(&catcher, "Ada@example.org");
    let [message] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    let found = tokens(message, "https://example.org/u/");
    assert_eq!(found.len(), 3, "header, text and HTML: {message}");
    let token = &found[0];
    assert!(
        token.len() > 40 && found.iter().all(|it| it == token),
        "{found:?}"
    );
    assert_eq!(
        tokens(message, "mailto:leave@example.org?subject="),
        [token.as_str()]
    );
    assert!(message.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));

    let first: Value = workspace.json(&["suppress", "add", "--token", token]);
    let wanted = serde_json::json!({ "changed": true, "address": ADA, "scope": "news" });
    assert_eq!(first, wanted);
    let again = told(&workspace, token);
    assert!(
        again.status.success(),
        "a second click is no fault: {again:?}"
    );
    let entries: Vec<SuppressionRow> = workspace.json(&["suppress", "list"]);
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(entry.address.as_deref(), Some(ADA));
    assert_eq!(
        (entry.scope.as_str(), entry.source.as_str()),
        ("news", "unsubscribe")
    );

    assert_eq!(sent(&workspace, "news"), (2, 1));
    assert_eq!(sent(&workspace, "offers"), (3, 0));
    assert_eq!(received(&catcher, "Ada@example.org").len(), 2);
    assert!(daemon.stop().success());

    // Without a daemon too, from standard input, in letters that are not ASCII.
    let offers = received(&catcher, JAY);
    let mut add = workspace.postroom(&["suppress", "add", "--token", "-"]);
    let mut add = add
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let token = tokens(&offers[0], "https://example.org/u/").remove(0);
    writeln!(add.stdin.take().unwrap(), "{token}").unwrap();
    let output = add.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with(&format!("{JAY} gets no mail of schedule ")),
        "{said}"
    );
    let why: Why = workspace.json(&["why", JAY]);
    assert_eq!((why.suppressed, why.left.len()), (None, 1));
    let said = workspace.said(&["why", ADA]);
    assert!(
        said.contains("gets no mail of schedule news since"),
        "{said}"
    );

    // Back again, by a person.
    assert!(
        workspace
            .said(&["suppress", "remove", ADA])
            .contains("still gets no mail")
    );
    workspace.said(&["suppress", "remove", ADA, "--scope", "news"]);
    let entries: Vec<SuppressionRow> = workspace.json(&["suppress", "list"]);
    assert_eq!(entries.len(), 1, "{entries:?}");
    catcher.stop();
}

#[test]
fn whatever_is_wrong_with_a_token_there_is_one_answer() {
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher);
    assert_eq!(sent(&workspace, "news"), (3, 0));
    let message = received(&catcher, "Ada@example.org").remove(0);
    let token = tokens(&message, "https://example.org/u/").remove(0);
    let flipped = |at: usize| {
        let mut letters = token.clone().into_bytes();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(letters).unwrap()
    };
    let mut answers = Vec::new();
    for bad in [
        "test",
        "",
        &token[..token.len() - 1],
        &format!("{token}A"),
        &flipped(0),
        &flipped(3),
        &flipped(12),
        &flipped(token.len() - 4),
    ] {
        let output = told(&workspace, bad);
        assert_eq!(output.status.code(), Some(65), "{bad}: {output:?}");
        answers.push(String::from_utf8(output.stderr).unwrap());
    }
    assert!(
        answers[0].contains("this is no token of this postroom"),
        "{answers:?}"
    );
    assert!(answers.iter().all(|it| *it == answers[0]), "{answers:?}");

    // Another key: its tokens are none, until the old one is named.
    workspace.write("new", "another key, and as long as the first");
    fs::set_permissions(workspace.path("new"), fs::Permissions::from_mode(0o600)).unwrap();
    let config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let other = config.replace("{ file = \"key\" }", "{ file = \"new\" }");
    workspace.write("postroom.toml", &other);
    let output = told(&workspace, &token);
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), answers[0]);
    let both = other.replace(
        "[unsubscribe]",
        "[unsubscribe]\nformer_keys = [{ file = \"key\" }]",
    );
    workspace.write("postroom.toml", both);
    assert!(told(&workspace, &token).status.success());
    // What was sent is made again with the key of then.
    let args = ["why", ADA, "--eml", &newest_run(&workspace)];
    let again = workspace.said(&args);
    assert!(again.contains(&token), "{again}");
    catcher.stop();
}

fn newest_run(workspace: &Workspace) -> String {
    let runs = workspace.reader().unwrap().runs(Some("news"), None, 1);
    runs.unwrap().remove(0).id
}

/// The lines that the manual gives to people.
#[test]
fn ten_lines_of_python_check_a_token() {
    if lacks_python("no token was checked by another program") {
        return;
    }
    assert!(CHECK_A_TOKEN.lines().skip(2).count() <= 10);
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher);
    let said = workspace.said(&["explain", "unsubscribe"]);
    for line in CHECK_A_TOKEN.lines() {
        assert!(said.contains(line.trim()), "{line} is not in {said}");
    }
    assert_eq!(sent(&workspace, "news"), (3, 0));
    let files = fs::read_dir(catcher.maildir().join("new")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let found = texts.map(|text| tokens(&text, "https://example.org/u/").remove(0));
    let found: Vec<String> = found.collect();
    let script = format!(
        "{CHECK_A_TOKEN}
import sys
key = open(sys.argv[1]).read().rstrip('\\n').encode()
for token in sys.argv[2:]:
    print(*who_leaves_what(token, key))
for bad in (sys.argv[2][:-1] + '!', sys.argv[2][:20], 'test', 'B' + sys.argv[2][1:]):
    try:
        print(who_leaves_what(bad, key))
    except ValueError:
        print('none')
"
    );
    let output = Command::new("python3")
        .args(["-c", &script])
        .arg(workspace.path("key"))
        .args(&found)
        .env("PYTHONUTF8", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<&str> = said.lines().collect();
    let bad = lines.split_off(3.min(lines.len()));
    lines.sort_unstable();
    let jay = format!("{JAY} news");
    let wanted = ["ada@example.org news", "bob@example.com news", &jay];
    assert_eq!(lines, wanted, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bad, ["none"; 4]);
    catcher.stop();
}
