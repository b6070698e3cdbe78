//! The suppression list by the real binary: brought in, taken out, and with an end.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use postroom::daemon::api::{Changed, ForgetAnswer, Imported};
use postroom::outbox::{DeliveryRow, SuppressionRow};

use crate::world::letter;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const LIST: &str = "email,name,city,note,number\n\
    ada@example.org,Ada,Paris,n,1\n\
    bob@example.com,Bob,Rome,n,2\n";

fn workspace(catcher: &Catcher, schedule: &str, list: &str) -> Workspace {
    use std::os::unix::fs::PermissionsExt;
    let workspace = letter::workspace(&catcher.account(), schedule, list);
    workspace.write("password", Catcher::PASSWORD);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

fn list(workspace: &Workspace) -> Vec<SuppressionRow> {
    let mut rows: Vec<SuppressionRow> = workspace.json(&["suppress", "list"]);
    rows.sort_by(|a, b| a.address.cmp(&b.address));
    rows
}

fn import(workspace: &Workspace, text: &str, more: &[&str]) -> Imported {
    workspace.write("import.csv", text);
    let file = workspace.path("import.csv");
    let args = [&["suppress", "import", file.to_str().unwrap()], more].concat();
    workspace.json(&args)
}

fn refused(workspace: &Workspace, text: &str) -> String {
    workspace.write("import.csv", text);
    let file = workspace.path("import.csv");
    let mut command = workspace.postroom(&["suppress", "import", file.to_str().unwrap()]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_list_goes_out_and_comes_back_as_it_was() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher, "", LIST);
    let daemon = workspace.daemon();
    let text = "\u{feff}Address,Reason,Until,Since,Source\r\n\
        Ada@Example.org,\"asked, twice\",2036-01-02,2020-03-04T05:06:07Z,the old system\r\n\
        bob@example.com,,,,\r\n";
    let done = import(&workspace, text, &[]);
    assert_eq!((done.added, done.known), (2, 0), "{done:?}");
    let again = import(&workspace, text, &[]);
    assert_eq!((again.added, again.known), (0, 2), "{again:?}");
    let rows = list(&workspace);
    let [ada, bob] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(ada.address.as_deref(), Some("ada@example.org"));
    let said = (ada.reason.as_str(), ada.source.as_str());
    assert_eq!(said, ("asked, twice", "the old system"));
    assert_eq!(ada.created_at, 1_583_298_367_000);
    assert_eq!(ada.ends_at, Some(2_082_844_800_000));
    assert_eq!((bob.reason.as_str(), bob.ends_at), ("imported", None));
    assert!(bob.source.starts_with("uid "), "{bob:?}");
    assert!(workspace.said(&["suppress", "list"]).contains("2036-01-0"));
    let _: ForgetAnswer = workspace.json(&["forget", "bob@example.com"]);
    let export = workspace.path("export.csv");
    workspace.said(&["suppress", "export", export.to_str().unwrap()]);
    let exported = fs::read_to_string(&export).unwrap();
    let [heading, one, two] = exported.lines().collect::<Vec<_>>()[..] else {
        panic!("{exported}");
    };
    assert_eq!(heading, "address,reason,source,since,until,scope");
    let wanted = "ada@example.org,\"asked, twice\",the old system,\
                  2020-03-04T05:06:07Z,2036-01-02T00:00:00Z,";
    assert_eq!(one, wanted);
    assert!(two.starts_with(",forgotten,a person,"), "{two}");
    assert!(daemon.stop().success());
    assert_eq!(workspace.said(&["suppress", "export", "-"]), exported);

    // Another outbox, without a daemon, from standard input.
    let other = self::workspace(&catcher, "", LIST);
    let mut import = other.postroom(&["suppress", "import", "-", "--json"]);
    let mut import = import
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = import.stdin.take().unwrap();
    input.write_all(exported.as_bytes()).unwrap();
    drop(input);
    let output = import.wait_with_output().unwrap();
    let done: Imported = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((done.added, done.forgotten), (1, 1), "{done:?}");
    assert_eq!(list(&other), std::slice::from_ref(ada));
    catcher.stop();
}

#[test]
fn a_bad_line_keeps_all_out_and_is_named() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher, "", LIST);
    let text = "eve@example.org\nnobody\n\nAda <ada@example.org>\nbob@example.com,late\n";
    let told = refused(&workspace, text);
    for part in [
        "import.csv:2: `nobody` is not an address",
        "import.csv:5: 2 fields: without a header",
        "2 lines cannot be used, so nothing was imported",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(list(&workspace).is_empty());
    let done = import(&workspace, text, &["--skip-bad"]);
    assert_eq!((done.added, done.bad.len()), (2, 2), "{done:?}");

    let told = refused(&workspace, "email,utnil\neve@example.org,2036-01-01\n");
    assert!(
        told.contains("import.csv:1: there is no column `utnil`"),
        "{told}"
    );
    let told = refused(
        &workspace,
        "email,until\ncyd@example.org,soon\n,2036-01-01\n",
    );
    assert!(
        told.contains("import.csv:2: `until` is no time: `soon`"),
        "{told}"
    );
    assert!(
        told.contains("import.csv:3: `` is not an address"),
        "{told}"
    );

    let many: String = (0..1201).map(|n| format!("p{n}@example.org\n")).collect();
    assert_eq!(import(&workspace, &many, &[]).added, 1201);
    assert_eq!(list(&workspace).len(), 1203);
    catcher.stop();
}

#[test]
fn an_entry_with_an_end_counts_until_then_and_the_longer_one_wins() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher, "", LIST);
    let daemon = workspace.daemon();
    let add = |args: &[&str]| -> bool {
        let args = [&["suppress", "add", "ada@example.org"], args].concat();
        workspace.json::<Changed>(&args).changed
    };
    assert!(add(&["--until", "90d"]));
    assert!(!add(&["--until", "30d"]), "it lasts longer");
    assert!(add(&[]), "for ever");
    assert!(!add(&["--until", "90d"]));
    assert_eq!(list(&workspace)[0].ends_at, None);
    // One that has ended.
    let ended = import(
        &workspace,
        "address,until\nbob@example.com,2020-01-01\n",
        &[],
    );
    assert_eq!(ended.added, 1);
    assert!(
        workspace
            .said(&["why", "bob@example.com"])
            .contains("got no mail since")
    );
    workspace.said(&["hold", "--all"]);
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    let all = ["queue", "list", "--state", "queued,suppressed"];
    let rows: Vec<DeliveryRow> = workspace.json(&all);
    let states: Vec<_> = rows.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(states, ["suppressed", "queued"]);
    // What waits is settled by an import, too.
    import(&workspace, "bob@example.com\n", &[]);
    let rows: Vec<DeliveryRow> = workspace.json(&all);
    assert!(rows.iter().all(|row| row.state == "suppressed"), "{rows:?}");
    assert!(daemon.stop().success());
    catcher.stop();
}

#[test]
fn a_schedule_says_the_same_once_and_foretells_what_it_cannot_send() {
    let catcher = Catcher::start(Duration::ZERO);
    let more = "once_per = [\"email\", \"city\"]\nrate = \"1/day\"\nexpires = \"2h\"\n";
    let workspace = workspace(&catcher, more, LIST);
    let dry = ["send", letter::SCHEDULE, "--dry-run"];
    let output = workspace.postroom(&dry).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let late = "1 of 2 messages will expire unsent, as schedule";
    assert!(
        told.contains(late) && told.contains("expires = \"2d\""),
        "{told}"
    );
    let daemon = workspace.daemon();
    workspace.said(&["hold", "--all"]);
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    assert!(workspace.said(&["status"]).contains(late));
    assert_eq!(daemon.log().matches(late).count(), 1);
    let plan: postroom::daemon::api::SendAnswer = workspace.json(&dry);
    assert_eq!((plan.people, plan.sent_before, plan.late), (0, 2, None));
    assert!(workspace.said(&dry).contains("2 who got the same before"));
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    let skipped: Vec<DeliveryRow> = workspace.json(&["queue", "list", "--state", "skipped"]);
    let why = skipped[0].reason.as_deref().unwrap_or_default();
    assert!(
        skipped.len() == 2 && why.starts_with("on its way in run 01"),
        "{skipped:?}"
    );
    assert!(daemon.stop().success());
    catcher.stop();
}

#[test]
fn an_entry_of_one_schedule_goes_out_and_comes_back_as_it_was() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher, "", LIST);
    let text = "email,scope\nada@example.org,letters\nada@example.org,\nbob@example.com,gone\n";
    assert_eq!(import(&workspace, text, &[]).added, 3);
    let export = workspace.said(&["suppress", "export", "-"]);
    let ends: Vec<_> = export.lines().map(|line| line.rsplit_once(',')).collect();
    let mut ends: Vec<_> = ends.into_iter().map(|it| it.unwrap().1).collect();
    assert_eq!(ends.remove(0), "scope", "{export}");
    ends.sort_unstable();
    assert_eq!(ends, ["", "gone", "letters"], "{export}");
    let other = self::workspace(&catcher, "", LIST);
    assert_eq!(import(&other, &export, &[]).added, 3);
    assert_eq!(sorted(&other), sorted(&workspace));
    let told = workspace.said(&["suppress", "list"]);
    for word in ["letters", "all mail", "gone"] {
        assert!(told.contains(word), "{told}");
    }

    // A person names a schedule that there is; to take one back, any that stands there.
    let mut bad = workspace.postroom(&["suppress", "add", "cy@example.org", "--scope", "leters"]);
    let output = bad.output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let said = workspace.said(&["suppress", "add", "cy@example.org", "--scope", "letters"]);
    assert!(
        said.starts_with("cy@example.org gets no mail of schedule letters"),
        "{said}"
    );
    let of = |scope: &str| {
        let args = ["suppress", "remove", "bob@example.com", "--scope", scope];
        workspace.json::<Changed>(&args).changed
    };
    assert!(!of("letters") && of("gone") && !of("gone"));
    // Whoever is forgotten gets nothing of anything, and nobody sees who it was.
    let _: ForgetAnswer = workspace.json(&["forget", "cy@example.org"]);
    let export = workspace.said(&["suppress", "export", "-"]);
    assert!(!export.contains("cy@example.org"), "{export}");
    catcher.stop();
}

fn sorted(workspace: &Workspace) -> Vec<SuppressionRow> {
    let mut rows = list(workspace);
    rows.sort_by(|a, b| (&a.address, &a.scope).cmp(&(&b.address, &b.scope)));
    rows
}
