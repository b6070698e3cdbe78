//! `postroom reload --dry-run`, and the same words for what a reload did.

use std::os::unix::fs::PermissionsExt as _;

use postroom::daemon::api::{How, Reloaded};

use super::{configuration, ended};
use crate::world::workspace::Workspace;

const DAEMON: &str = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n";
/// Nobody listens there: mail waits.
const ACCOUNT: &str = "[account.main]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
                       from = \"post@example.org\"\n";
const LISTS: &str = "[list.people]\ninline = [\"ada@example.org\", \"bob@example.org\"]\n\
                     [list.vip]\ninline = [\"cy@example.org\"]\n";

fn schedule(name: &str, to: &str, more: &str) -> String {
    format!("[schedule.{name}]\nsend = \"digest\"\nto = \"{to}\"\nvia = \"main\"\n{more}\n")
}

fn before() -> String {
    [
        DAEMON,
        ACCOUNT,
        "rate = \"4000/day\"\n",
        LISTS,
        &schedule("weekly", "people", "cron = \"0 9 * * Mon\""),
        &schedule("old-news", "people", ""),
        &schedule("dear", "vip", ""),
    ]
    .concat()
}

fn after() -> String {
    [
        DAEMON,
        ACCOUNT,
        "rate = \"6000/day\"\npassword = { file = \"secret\" }\nuser = \"ada\"\n",
        "allow = 1\n",
        LISTS,
        &schedule("weekly", "people", "cron = \"0 9 * * Tue\""),
        &schedule("monthly", "people", "cron = \"0 9 1 * *\""),
        &schedule("dear", "people", ""),
    ]
    .concat()
    .replace("allow = 1\n", "")
    .replace("tls = \"none\"\n", "")
}

fn workspace() -> Workspace {
    let workspace = Workspace::new("");
    workspace.write("postroom.toml", before());
    workspace.write("secret", "hunter2\n");
    workspace.write("templates/digest/subject.txt", "News");
    workspace.write("templates/digest/body.txt", "Old text\n");
    workspace
}

#[track_caller]
fn assert_line(said: &str, parts: &[&str]) {
    let fits = |line: &str| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        line.starts_with(parts[0]) && parts.iter().all(|part| line.contains(part))
    };
    assert!(said.lines().any(fits), "{parts:?} in:\n{said}");
}

#[test]
fn a_dry_run_says_all_that_a_reload_would_change_and_changes_nothing() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    workspace.said(&["send", "old-news", "--yes"]);
    workspace.write("postroom.toml", after());
    workspace.write("templates/digest/body.txt", "New text\n");
    let (code, said) = ended(&workspace, &["reload", "--dry-run", "--exit-code"]);
    assert_eq!(code, Some(1), "{said}");
    for parts in [
        &[
            "~ account.main rate 4000/day -> 6000/day",
            "from the next message",
        ][..],
        &["~ account.main password left out -> ‹file secret›"],
        &["~ account.main tls none -> implicit (default)"],
        &["+ schedule.monthly first run", "09:00 UTC, 2 people"],
        &[
            "~ schedule.weekly cron 0 9 * * Mon -> 0 9 * * Tue",
            "next run Mon",
            "-> Tue",
        ],
        &[
            "- schedule.old-news 2 messages still queued will be sent",
            "`postroom queue cancel --schedule old-news` drops them",
        ],
        &[
            "~ template.digest templates/digest/body.txt",
            "2 messages of open ones keep the old text",
        ],
        &["~ schedule.dear to vip -> people", "from the next run"],
        &["! list.vip no longer used by any schedule"],
        &["Nothing was changed. 0 need a restart."],
    ] {
        assert_line(&said, parts);
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(configuration(&workspace).generation, 1);

    let (code, done) = ended(&workspace, &["reload"]);
    assert_eq!(code, Some(0), "{done}");
    assert_line(&done, &["~ account.main rate 4000/day -> 6000/day"]);
    assert_line(&done, &["reloaded /"]);
    assert_eq!(configuration(&workspace).generation, 2);
    let (code, said) = ended(&workspace, &["reload", "--exit-code"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("nothing changed in /"), "{said}");
    assert_eq!(configuration(&workspace).generation, 2);
    assert!(daemon.stop().success());
}

#[test]
fn programs_are_told_the_same() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    workspace.write("postroom.toml", after());
    let told: Reloaded = workspace.json(&["reload", "--dry-run"]);
    assert!(told.dry_run && told.restart.is_empty());
    let account = told.changes.iter().find(|it| it.kind == "account").unwrap();
    assert_eq!((account.how, account.name.as_str()), (How::Changed, "main"));
    let rate = account.keys.iter().find(|it| it.key == "rate").unwrap();
    assert_eq!(rate.before.as_deref(), Some("4000/day"));
    assert_eq!(rate.after.as_deref(), Some("6000/day"));
    assert_eq!(told.schedules, ["dear", "monthly", "old-news", "weekly"]);
    assert!(daemon.stop().success());
}

/// The same rate in other words, a comment, an order of keys.
#[test]
fn what_means_the_same_is_no_change() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    let other = before().replace("\"4000/day\"", "[\"4000/24h\"] # as they allow");
    workspace.write("postroom.toml", other);
    let (code, said) = ended(&workspace, &["reload", "--dry-run", "--exit-code"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("nothing changed in /"), "{said}");
    assert!(daemon.stop().success());
}

#[test]
fn a_zone_of_all_is_told_of_each_schedule_that_has_it() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    let other = before().replace("\"UTC\"", "\"Europe/Berlin\"");
    workspace.write("postroom.toml", other);
    let said = workspace.said(&["reload", "--dry-run"]);
    assert_line(&said, &["~ daemon timezone UTC -> Europe/Berlin"]);
    assert_line(
        &said,
        &[
            "~ schedule.weekly timezone UTC -> Europe/Berlin",
            "next run Mon",
        ],
    );
    assert!(daemon.stop().success());
}

#[test]
fn what_needs_a_restart_is_named_before_it_is_refused() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    let other = before().replace(
        "\"state\"",
        "\"elsewhere\"\nsocket = \"state/postroom.sock\"",
    );
    workspace.write("postroom.toml", other);
    let (code, said) = ended(&workspace, &["reload", "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    assert_line(
        &said,
        &["~ daemon state state -> elsewhere", "needs a restart"],
    );
    assert_line(
        &said,
        &["Nothing was changed. 1 key needs a restart: `daemon.state`"],
    );
    let (code, said) = ended(&workspace, &["reload"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(
        said.contains("`daemon.state` changed: that takes a restart"),
        "{said}"
    );
    assert!(daemon.stop().success());
}

/// A program may be told a secret, and an address may have one in it.
#[test]
fn no_secret_is_in_what_a_reload_says() {
    let workspace = workspace();
    let with = |password: &str| {
        let account = format!("{ACCOUNT}user = \"ada\"\npassword = {password}\n");
        let alert = "[daemon.alert]\nto = \"ops@example.org\"\nvia = \"main\"\n\
                     command = [\"true\", \"https://me:hunter2@example.org\"]\n";
        before().replace(ACCOUNT, &account) + alert
    };
    let daemon = workspace.daemon();
    for (password, shown) in [
        ("\"hunter2\"", "password left out -> ‹text in the file›"),
        (
            "{ command = [\"sh\", \"--token\", \"hunter2\"] }",
            "‹text in the file› -> ‹command sh›",
        ),
        (
            "{ command = [\"sh\", \"--token\", \"hunter22\"], keep = \"1h\" }",
            "‹command sh› -> ‹command sh, keep 1h›",
        ),
        (
            "{ command = [\"sh\", \"--token\", \"hunter23\"], keep = \"1h\" }",
            "-> ‹command sh, keep 1h› (changed)",
        ),
    ] {
        workspace.write("postroom.toml", with(password));
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(workspace.path("postroom.toml"), private).unwrap();
        let (_, said) = ended(&workspace, &["reload", "--dry-run"]);
        assert_line(&said, &["~ account.main password", shown]);
        let (_, json) = ended(&workspace, &["reload", "--dry-run", "--json"]);
        let (_, done) = ended(&workspace, &["reload"]);
        for told in [said, json, done] {
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
    assert!(daemon.stop().success());
}

#[test]
fn without_a_daemon_nothing_is_foreseen() {
    let (code, said) = ended(&workspace(), &["reload", "--dry-run"]);
    assert_eq!(code, Some(69));
    assert!(said.contains("no daemon answers at"), "{said}");
}
