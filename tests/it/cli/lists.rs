//! What `check --lists` says of lists, with the real binary.

use std::fs;

use postroom::clock::Clock;
use postroom::config::load;
use postroom::outbox::Outbox;
use postroom::plan::{Order, open};
use rusqlite::Connection;
use serde_json::Value;

use crate::world::workspace::Workspace;

const CONFIG: &str = "\
[account.main]
host = \"smtp.example.org\"
from = \"me@example.org\"

[list.readers]
csv = \"lists/readers.csv\"

[list.china]
csv = \"lists/china.csv\"
encoding = \"gb18030\"

[list.empty]
csv = \"lists/empty.csv\"

[list.broken]
csv = \"lists/broken.csv\"

[list.team]
inline = [\"Ada <ada@example.org>\", \"bo@example.org\"]

[schedule.news]
send = \"note\"
to = [\"readers\", \"team\"]
via = \"main\"

[schedule.again]
send = \"note\"
to = \"readers\"
via = \"main\"

[schedule.china]
send = \"note\"
to = \"china\"
via = \"main\"

[schedule.broken]
send = \"note\"
to = [\"empty\", \"broken\"]
via = \"main\"
";

const ALONE: &str = "\
[account.main]
host = \"smtp.example.org\"
from = \"me@example.org\"

[list.readers]
csv = \"lists/readers.csv\"

[schedule.again]
send = \"note\"
to = \"readers\"
via = \"main\"
";

const READERS: &str = "\
name;email;a note;street
Ada;ada@example.org;all that there is to say of her and some more;Rue de la Paix
Bo;bo(at)example.org;;
张三丰;li@example.org;;
Cy;cy@example.org;two ;
Cy;CY@example.org;;
Di;di@example.org
";

fn workspace() -> Workspace {
    let workspace = Workspace::new(CONFIG);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace.write("lists/readers.csv", READERS);
    let (china, _, _) = encoding_rs::GB18030.encode("email,城市\nli@example.cn,北京\n坏,x\n");
    workspace.write("lists/china.csv", china);
    workspace.write("lists/empty.csv", "email,b,c\n");
    workspace.write("lists/broken.csv", "email\n\"x@example.org\n");
    workspace
}

fn check(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String, String) {
    let args = [&["check"], args].concat();
    let output = workspace.postroom(&args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The blocks of lists and schedules, without the ages of files.
fn blocks(said: &str) -> Vec<String> {
    let begins = |it: &&str| it.starts_with("list ") || it.starts_with("schedule ");
    let blocks = said.split("\n\n").filter(begins);
    let ageless = |line: &str| match line.split_once(", written ") {
        Some((before, after)) => format!("{before}{}", &after[after.find(" ago").unwrap() + 4..]),
        None => line.to_owned(),
    };
    blocks
        .map(|block| block.lines().map(ageless).collect::<Vec<_>>().join("\n"))
        .collect()
}

#[test]
fn each_list_is_told_in_a_few_lines_in_the_order_of_the_file() {
    let (code, said, _) = check(&workspace(), &["--lists"]);
    assert_eq!(code, Some(65));
    let expected = [
        "list readers: 6 rows, 3 people, 1 repeated address, 2 unusable rows
  lists/readers.csv: 218 bytes, UTF-8, separator ;
  email            name    a note                        street
  ada@example.org  Ada     all that there is to say of…  Rue de la Paix
  li@example.org   张三丰
  cy@example.org   Cy      two",
        "list china: 2 rows, 1 person, 1 unusable row
  lists/china.csv: 35 bytes, gb18030, separator ,
  email          城市
  li@example.cn  北京",
        "list empty: nobody
  lists/empty.csv: 10 bytes, UTF-8, separator ,
  columns: email, b, c",
        "list broken: cannot be used: the list ends inside the quoted cell that begins
  here",
        "list team: 2 people, in the configuration
  columns: email, name",
        "schedule again: 3 people, 1 repeated address, 2 unusable rows
schedule broken: would not be sent
schedule china: 1 person, 1 unusable row
schedule news: 4 people, 2 repeated addresses, 2 unusable rows",
    ];
    assert_eq!(blocks(&said), expected, "{said}");
}

#[test]
fn only_the_lists_that_are_named_are_read_with_the_schedules_that_use_them() {
    let workspace = workspace();
    let (code, said, _) = check(&workspace, &["--lists", "china"]);
    assert_eq!(code, Some(0), "the broken one is not read: {said}");
    let blocks = blocks(&said);
    let firsts: Vec<&str> = blocks.iter().filter_map(|it| it.lines().next()).collect();
    assert_eq!(
        firsts,
        [
            "list china: 2 rows, 1 person, 1 unusable row",
            "schedule china: 1 person, 1 unusable row"
        ]
    );
    assert!(said.contains("5 lists (3 people, 3 not read)"), "{said}");
    let (code, said, complaint) = check(&workspace, &["--lists", "team", "chian"]);
    assert_eq!((code, &*said), (Some(64), ""));
    let expected = "error: no list is called `chian`; did you mean `china`?\n";
    assert_eq!(complaint, expected);
    let (code, _, complaint) = check(&workspace, &["--lists", "nothing"]);
    assert_eq!(code, Some(64));
    assert!(
        complaint.ends_with("there are readers, china, empty, broken, team\n"),
        "{complaint}"
    );
}

#[test]
fn bad_rows_are_told_once_for_all_schedules_and_no_more_than_ten_of_them() {
    let workspace = workspace();
    let bad = |n: usize| {
        (0..n)
            .map(|n| format!("x{n};no address;;\n"))
            .collect::<String>()
    };
    let good: String = (0..2000)
        .map(|n| format!("x;p{n}@example.org;;\n"))
        .collect();
    workspace.write("lists/readers.csv", [READERS, &bad(13), &good].concat());
    let (_, said, _) = check(&workspace, &["--lists", "readers"]);
    let told = said.matches("15 of 2,019 rows of list `readers` are unusable and will be skipped");
    assert_eq!(told.count(), 1, "{said}");
    assert_eq!(said.matches("no @ in the address").count(), 9, "{said}");
    assert_eq!(
        said.matches("2 fields, the header has 4").count(),
        1,
        "{said}"
    );
    assert!(!said.contains("x8;no address;;"), "{said}");
    assert!(said.contains("= note: and 5 more"), "{said}");
    // A file that is in another encoding cannot be drawn; its lines are named.
    let (_, said, _) = check(&workspace, &["--lists", "china"]);
    assert!(
        said.contains("lists/china.csv:3: no @ in the address"),
        "{said}"
    );
}

#[test]
fn of_a_document_on_one_line_it_is_told_which_person_it_is() {
    let workspace =
        Workspace::new(&ALONE.replace("csv = \"lists/readers.csv\"", "json = \"p.json\""));
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace.write(
        "p.json",
        r#"[{"email": "ada@example.org"}, {"email": "bo"}, {"email": "cy"}]"#,
    );
    let (_, said, _) = check(&workspace, &["--lists"]);
    for told in [
        "p.json:1: person 2: no @ in the address",
        "p.json:1: person 3: no @ in the address",
    ] {
        assert!(said.contains(told), "{said}");
    }
    assert!(!said.contains("\"cy\""), "it is not drawn: {said}");
    // On lines of their own they are.
    workspace.write(
        "p.json",
        "[{\"email\": \"ada@example.org\"},\n{\"email\": \"bo\"}]",
    );
    let (_, said, _) = check(&workspace, &["--lists"]);
    assert!(said.contains("2 | {\"email\": \"bo\"}]"), "{said}");
    assert!(said.contains("person 2: no @ in the address"), "{said}");
}

#[test]
fn what_is_wrong_elsewhere_is_no_matter_of_the_lists_that_are_named() {
    let config = ALONE.to_owned()
        + "\n[list.away]\ninline = [\"ada@example.org\"]\n\n[list.torn]\ncsv = \"torn.csv\"\n\n\
           [schedule.torn]\nsend = \"note\"\nto = \"torn\"\nexcept = \"away\"\nvia = \"main\"\n\n\
           [account.unused]\nhost = \"smtp.example.net\"\nfrom = \"me@example.net\"\n";
    let workspace = Workspace::new(&config);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace.write("lists/readers.csv", "email\nada@example.org\n");
    workspace.write("torn.csv", "email\nada@example.org\n\"bo\n");
    let (code, said, _) = check(&workspace, &["--lists", "readers"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("torn") && !said.contains("unused"), "{said}");
    // Who uses a list in `except` uses it, too.
    let (code, said, _) = check(&workspace, &["--lists", "away"]);
    assert_eq!(code, Some(65), "{said}");
    assert!(said.contains("schedule torn: would not be sent"), "{said}");
    // What is wrong in the file is told where the list names it, once, and its advice beside it.
    let (_, said, _) = check(&workspace, &["--lists"]);
    assert_eq!(said.matches("error[").count(), 1, "{said}");
    assert!(
        said.contains("error[bad-quotes]: list `torn` cannot be used:"),
        "{said}"
    );
    assert!(said.contains("csv = \"torn.csv\""), "{said}");
    assert!(said.contains("= help: was it cut off?"), "{said}");
}

#[test]
fn a_row_that_the_message_cannot_be_made_for_is_a_fault_of_its_schedule() {
    let workspace = Workspace::new(ALONE);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello {{street}}\n");
    workspace.write(
        "lists/readers.csv",
        "email,street\nada@example.org,x\nbo@example.org,\n",
    );
    let (_, said, _) = check(&workspace, &["--lists", "readers"]);
    let told = "1 of 2 rows for schedule `again` cannot be rendered and will be skipped";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("3 | bo@example.org,"), "{said}");
    assert!(
        said.contains("list readers: 2 people\n"),
        "it is sound: {said}"
    );
    assert!(
        said.contains("schedule again: 1 person, 1 unusable row\n"),
        "{said}"
    );
}

#[test]
fn what_changed_since_the_last_run_is_told_of_lists_and_schedules() {
    let workspace = workspace();
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    let clock = Clock::simulated("2026-06-01T08:00:00Z".parse().unwrap(), 1);
    fs::create_dir_all(&config.daemon.state).unwrap();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    let order = Order::manual("again", &clock);
    let run = open(&config, &outbox, &clock, &order).unwrap().run;
    let store = Connection::open(config.daemon.state.join("postroom.db")).unwrap();
    store
        .execute_batch("INSERT OR IGNORE INTO run_list SELECT no, 'readers', 6 FROM run")
        .unwrap();
    let read = || {
        let (_, said, _) = check(&workspace, &["--lists", "readers"]);
        blocks(&said)
    };
    let is = |block: &str, told: &str| {
        let when = format!("run {run} (Mon 1 Jun 08:00)");
        assert!(block.contains(&format!("\n  {told} {when}")), "{block}");
    };
    let same = read();
    is(&same[0], "as many rows as in");
    is(&same[1], "the same people as in");
    assert_eq!(
        same[1].matches("since").count(),
        0,
        "news has never run: {}",
        same[1]
    );
    let changed = READERS.replace("Ada;ada@", "Eve;eve@") + "Flo;flo@example.org;;\n";
    workspace.write("lists/readers.csv", changed);
    outbox.close();
    let other = read();
    is(&other[0], "1 row more than in");
    is(&other[1], "2 joined and 1 left since");
    let json = workspace
        .postroom(&["check", "--lists", "readers", "--json"])
        .output();
    let json: Value = serde_json::from_slice(&json.unwrap().stdout).unwrap();
    let last = &json["lists"][0]["last_run"];
    assert_eq!(
        (&last["run"], &last["rows"]),
        (&Value::from(&*run), &Value::from(6))
    );
    assert_eq!(json["lists"][0]["rows"], 7);
    assert_eq!(json["schedules"][0]["last_run"]["joined"], 2);
    // What is not kept any more cannot be compared.
    store
        .execute_batch(
            "UPDATE run SET state = 'completed', ended_at = 1, thinned = 1; DELETE FROM run_key",
        )
        .unwrap();
    let forgotten = read();
    is(&forgotten[0], "1 row more than in");
    assert_eq!(forgotten[1].matches("since").count(), 0, "{}", forgotten[1]);
}

#[test]
fn a_run_that_max_change_would_refuse_is_told_before_it_is_due() {
    for (key, told) in [
        (
            "[list.readers]\nmax_change = \"20%\"",
            "has 7 rows, and had 3 when run",
        ),
        (
            "[schedule.again]\nmax_change = \"20%\"",
            "6 people, and 3 in its last run",
        ),
    ] {
        let table = key.lines().next().unwrap();
        let workspace = Workspace::new(&ALONE.replace(table, key));
        workspace.write("templates/note/subject.txt", "Hello");
        workspace.write("templates/note/body.txt", "Hello\n");
        let people = |count: usize| -> String {
            let rows = (0..count).map(|n| format!("p{n}@example.org\n"));
            std::iter::once("email\n".to_owned()).chain(rows).collect()
        };
        workspace.write("lists/readers.csv", people(7));
        let (code, said, _) = check(&workspace, &["--lists"]);
        assert_eq!(code, Some(0), "nothing to be held against: {said}");

        let config = load(&workspace.path("postroom.toml")).unwrap().config;
        let clock = Clock::simulated("2026-06-01T08:00:00Z".parse().unwrap(), 1);
        fs::create_dir_all(&config.daemon.state).unwrap();
        let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
        workspace.write("lists/readers.csv", people(3));
        let order = Order::manual("again", &clock);
        open(&config, &outbox, &clock, &order).unwrap();
        let banned = postroom::outbox::Banned::new("p6@example.org", "left", "grace");
        let banned = postroom::outbox::Suppress::from(banned);
        outbox.submit(banned).wait().unwrap();
        let (code, said, _) = check(&workspace, &["--lists"]);
        assert_eq!(code, Some(0), "the same people: {said}");
        workspace.write("lists/readers.csv", people(7));
        let (code, said, _) = check(&workspace, &["--lists"]);
        assert_eq!(code, Some(65), "{said}");
        let output = workspace
            .postroom(&["send", "again", "--dry-run"])
            .output()
            .unwrap();
        let refused = String::from_utf8(output.stderr).unwrap();
        let refused = refused.trim_start_matches("error: ").trim_end();
        assert!(refused.contains(told), "{refused}");
        let line = format!("schedule `again` would not be sent: {refused}");
        assert!(
            said.contains("error[not-sendable]") && said.contains(&line),
            "{said}"
        );
        // An outbox that nobody can read is none.
        outbox.close();
        workspace.write("garbage", "x".repeat(5000));
        for beside in ["postroom.db-wal", "postroom.db-shm"] {
            let _ = fs::remove_file(config.daemon.state.join(beside)); // it may be gone
        }
        let database = config.daemon.state.join("postroom.db");
        fs::rename(workspace.path("garbage"), database).unwrap();
        let (code, said, _) = check(&workspace, &["--lists"]);
        assert_eq!(code, Some(0), "{said}");
    }
}
