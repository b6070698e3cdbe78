//! The message that somebody got, and then nothing of them, by the real binary with a daemon and
//! without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use postroom::daemon::api::{ForgetAnswer, Why};
use postroom::outbox::RunRow;

use crate::world::letter;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const LIST: &str = "email,name,city,note,number\n\
    Ada.Lovelace@example.org,Augusta Ada,Paris,n,1\n\
    grace@example.org,Grace,York,n,2\n";
const ADA: &str = "ada.lovelace@example.org";
const GRACE: &str = "grace@example.org";

/// Whether `text` stands in a file of the state directory, in any case.
fn stands(workspace: &Workspace, text: &str) -> bool {
    let within = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default().to_ascii_lowercase();
        let text = text.to_ascii_lowercase().into_bytes();
        bytes.windows(text.len()).any(|window| window == text)
    };
    let files = fs::read_dir(workspace.path("state")).unwrap();
    files
        .map(|it| it.unwrap().path())
        .any(|path| path.is_file() && within(&path))
}

#[test]
fn a_message_is_shown_as_it_left_and_a_person_is_forgotten() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = letter::workspace(&catcher.account(), "", LIST);
    workspace.write("password", Catcher::PASSWORD);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(workspace.path("password"), private).unwrap();
    let daemon = workspace.daemon();
    let run: RunRow = workspace.json(&["send", letter::SCHEDULE, "--yes", "--wait"]);

    // Later edits of the template do not touch what was sent.
    workspace.write("templates/letter/body.txt", "Other words, {{name}}.\n");
    let shown = workspace.said(&["why", ADA, "--eml", &run.id]);
    assert!(
        shown.contains("Paris: letter 1") && shown.contains("\r\n\r\n"),
        "{shown}"
    );
    assert!(!shown.contains("Other words"), "{shown}");

    let done: ForgetAnswer = workspace.json(&["forget", ADA]);
    assert_eq!(
        (done.outbox.rows, done.outbox.left.len()),
        (1, 0),
        "{done:?}"
    );
    assert_eq!(
        (done.lists[0].list.as_str(), done.lists[0].place.to_stored()),
        ("people", 2)
    );
    assert!(!stands(&workspace, ADA) && !stands(&workspace, "Augusta"));
    assert!(stands(&workspace, GRACE));
    let why: Why = workspace.json(&["why", ADA]);
    assert_eq!(why.deliveries.len(), 0);
    assert_eq!(why.suppressed.unwrap().reason, "forgotten");
    assert!(workspace.said(&["why", ADA]).contains("as forgotten"));
    let gone = workspace.postroom(&["why", ADA, "--eml", &run.id]).output();
    assert_eq!(gone.unwrap().status.code(), Some(1));
    assert!(daemon.stop().success());

    // Without a daemon; and a message that is not what left is not shown as that.
    let eml = ["why", GRACE, "--eml", &run.id[..20]];
    assert!(workspace.said(&eml).contains("York: letter 2"));
    let sql = rusqlite::Connection::open(workspace.path("state/postroom.db")).unwrap();
    sql.execute(
        "UPDATE delivery SET fields = replace(fields, 'York', 'Cork')",
        [],
    )
    .unwrap();
    drop(sql);
    let other = workspace.postroom(&eml).output().unwrap();
    assert_eq!((other.status.code(), other.stdout.len()), (Some(1), 0));
    let anyway = workspace.said(&[&eml[..], &["--anyway"]].concat());
    assert!(anyway.contains("Cork: letter 2"), "{anyway}");
    let done: ForgetAnswer = workspace.json(&["forget", GRACE]);
    assert_eq!(
        (done.outbox.rows, done.outbox.left.len()),
        (1, 0),
        "{done:?}"
    );
    assert!(!stands(&workspace, GRACE));
    catcher.stop();
}
