//! The whole of it against a real server: a list as people keep it goes through the daemon to
//! Postfix over verified TLS, and every message that arrives is read by Python and compared with
//! the list and with the outbox, one by one.

use jiff::{Timestamp, ToSpan};
use postroom::daemon::api::{Status, Why};
use postroom::outbox::state::State;
use postroom::outbox::{DeliveryRow, RunRow};

use crate::world::history::{self, Told};
use crate::world::letter;
use crate::world::mailbox;
use crate::world::patience::wait_for;
use crate::world::people::{self, Entry, Fate, Person};
use crate::world::postfix::Postfix;
use crate::world::skip::lacks_python;
use crate::world::workspace::Workspace;

const ROWS: usize = 10_000;
/// Accepted messages after which the daemon is killed; the first time it is still opening the run.
const KILLS: [i64; 5] = [0, 1500, 3000, 5000, 8000];

/// A time of day that comes within a minute or so, as a crontab line that fires once a day.
fn soon() -> String {
    let soon = Timestamp::now() + 70.seconds(); // never so near that the daemon starts too late
    soon.strftime("%M %H * * *").to_string()
}

/// Holds the list, the outbox and what arrived against each other, one by one.
#[track_caller]
fn compare(workspace: &Workspace, run: &RunRow, list: &[Entry], postfix: &Postfix) -> Vec<Told> {
    postfix.settle();
    let reader = workspace.reader().unwrap();
    let told = history::told(&reader, run);
    let mails = mailbox::read(&postfix.maildir());
    let mut found = history::against_list(list, &told);
    found.extend(history::against_server(&told, &history::taken(&mails)));
    found.extend(history::against_tally(&reader, run, &told));
    found.extend(letter::unlike(list, &mails));
    found.extend(untold(workspace, run, list, &told));
    let first = found.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        found.is_empty(),
        "{} faults:\n{}",
        found.len(),
        first.join("\n")
    );
    told
}

/// What the commands do not tell as the outbox has it: every row as data, and every broken row with
/// its line in words.
fn untold(workspace: &Workspace, run: &RunRow, list: &[Entry], told: &[Told]) -> Vec<String> {
    let rows: Vec<DeliveryRow> = workspace.json(&["log", "--run", &run.id]);
    let same = rows.iter().eq(told.iter().map(|told| &told.row));
    let mut found = Vec::new();
    if !same {
        found.push("`log --run --json` is not what the outbox has".to_owned());
    }
    let failed = workspace.said(&["log", "--failed"]);
    for Entry { line, fate } in list {
        if let Fate::Broken(words) = fate
            && !failed
                .lines()
                .any(|it| it.contains(&format!("line {line}: ")) && it.contains(words))
        {
            found.push(format!(
                "`log --failed` does not tell of line {line}: {words}"
            ));
        }
    }
    found.extend(untold_why(workspace, &told[0]));
    found
}

/// Whether `why` does not tell all about a delivery's person.
fn untold_why(workspace: &Workspace, told: &Told) -> Option<String> {
    let why: Why = workspace.json(&["why", &told.row.address.to_uppercase()]);
    let all = why.deliveries.iter();
    let same = all
        .clone()
        .any(|it| it.delivery == told.row && it.attempts == told.tries);
    (!same).then(|| format!("`why {}` says {why:?}", told.row.address))
}

#[test]
fn ten_thousand_people_get_their_letter_on_time_once() {
    const UNTRIED: &str = "10,000 letters were not sent through Postfix";
    if lacks_python(UNTRIED) {
        return;
    }
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    let (file, list) = people::list(ROWS);
    let account = format!("port = {}\nca = {:?}", postfix.smtps, postfix.ca());
    let workspace = letter::workspace(&account, &format!("cron = {:?}", soon()), &file);
    let daemon = workspace.daemon();
    let run = letter::ended(&workspace);
    assert_eq!(run.state, "completed", "{run:?}");
    let told = compare(&workspace, &run, &list, &postfix);
    assert!(
        told.iter().all(|told| !told.row.doubted),
        "nothing happened that makes doubts"
    );
    assert!(daemon.stop().success());
}

#[test]
fn ten_thousand_people_get_their_letter_though_the_daemon_is_killed_five_times() {
    const UNTRIED: &str = "the daemon was not killed while it sent to Postfix";
    if lacks_python(UNTRIED) {
        return;
    }
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    let (file, list) = people::list(ROWS);
    let (port, ca) = (postfix.starttls, postfix.ca());
    let account = format!("port = {port}\ntls = \"starttls\"\nca = {ca:?}");
    let workspace = letter::workspace(&account, &format!("cron = {:?}", soon()), &file);
    let mut daemon = workspace.daemon();
    for threshold in KILLS {
        wait_for("so many to be accepted", || {
            letter::accepted(&workspace).filter(|accepted| *accepted >= threshold)
        });
        daemon.kill();
        let reader = workspace.reader().unwrap();
        assert!(
            history::ended(&reader, letter::SCHEDULE).is_none(),
            "killed too late to matter"
        );
        daemon = workspace.daemon();
    }
    let run = letter::ended(&workspace);
    let told = compare(&workspace, &run, &list, &postfix);
    let doubted = told.iter().filter(|told| told.row.doubted).count();
    println!(
        "{doubted} in doubt for a while, {} to the end",
        run.counts.of(State::Uncertain)
    );
    assert!(daemon.stop().success());
}

#[test]
fn nothing_is_said_to_a_server_whose_certificate_does_not_verify() {
    const UNTRIED: &str = "the certificate of a Postfix that is not trusted was not refused";
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    let (file, list) = people::list(5);
    let account = format!("port = {}", postfix.smtps); // the system does not know our authority
    let workspace = letter::workspace(&account, "", &file);
    let daemon = workspace.daemon();
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    let trouble = wait_for("the account's trouble", || {
        let status: Status = workspace.json(&["status"]);
        status
            .accounts
            .into_iter()
            .find_map(|account| account.trouble)
    });
    assert!(trouble.text.contains("certificate"), "{trouble:?}");
    let waiting: Vec<DeliveryRow> = workspace.json(&["queue"]);
    assert_eq!(waiting.len(), list.len());
    assert!(
        waiting.iter().all(|row| row.tries == 0),
        "the account is at fault, not the people"
    );
    assert!(daemon.stop().success());
    assert!(
        !postfix.maildir().join("new").exists(),
        "nothing was ever delivered"
    );
}

const CHINESE: &str = r#"
[account.main]
host = "localhost"
from = "收发室 <post@example.org>"
ACCOUNT

[list.customers]
csv = "客户.csv"
encoding = "gb18030"
address_column = "邮箱"
name_column = "姓名"

[schedule.weekly]
send = "周报"
to = "customers"
via = "main"
"#;

#[test]
fn a_list_that_a_chinese_spreadsheet_saved_reaches_its_people() {
    const UNTRIED: &str = "a GB18030 list was not sent through Postfix";
    if lacks_python(UNTRIED) {
        return;
    }
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    // The last two take four bytes each in GB18030, and are in no older encoding.
    let names = [
        "张伟",
        "王秀英",
        "欧阳娜娜",
        "買買提·阿布都",
        "𠮷田",
        "㐀㐁",
    ];
    let row = |n: usize| {
        format!(
            "ke-hu-{n}@example.org,{},第 {n} 号\r\n",
            names[n % names.len()]
        )
    };
    let rows: String = (0..300).map(row).collect();
    let (file, _, unmappable) = encoding_rs::GB18030.encode(&rows);
    assert!(!unmappable);
    let header = encoding_rs::GB18030.encode("邮箱,姓名,编号\r\n").0;

    let account = format!("port = {}\nca = {:?}", postfix.smtps, postfix.ca());
    let workspace = Workspace::new(&CHINESE.replace("ACCOUNT", &account));
    workspace.write("客户.csv", [header, file].concat());
    workspace.write("templates/周报/subject.txt", "每周摘要：{{编号}}");
    workspace.write(
        "templates/周报/body.txt",
        "{{姓名}}，您好！\n\n您的编号是{{编号}}。\n",
    );
    workspace.write("templates/周报/body.html", "<p>{{姓名}}，您好！</p>\n");
    let daemon = workspace.daemon();
    let run: RunRow = workspace.json(&["send", "weekly", "--yes", "--wait"]);
    assert_eq!(
        (run.state.as_str(), run.counts.of(State::Accepted)),
        ("completed", 300)
    );
    assert!(daemon.stop().success());

    postfix.settle();
    let mut mails = mailbox::read(&postfix.maildir());
    mails.sort_by_key(|mail| {
        let number = mail.envelope.trim_start_matches("ke-hu-").split('@').next();
        number.and_then(|number| number.parse::<usize>().ok())
    });
    assert_eq!(mails.len(), 300);
    for (n, mail) in mails.iter().enumerate() {
        let name = names[n % names.len()];
        assert_eq!(mail.defects, [""; 0]);
        assert_eq!(mail.envelope, format!("ke-hu-{n}@example.org"));
        assert_eq!((&*mail.to_address, &*mail.to_name), (&*mail.envelope, name));
        assert_eq!(mail.subject, format!("每周摘要：第 {n} 号"));
        assert_eq!(
            mail.text,
            format!("{name}，您好！\n\n您的编号是第 {n} 号。\n")
        );
        assert_eq!(mail.html, format!("<p>{name}，您好！</p>\n"));
    }
}

#[test]
fn people_whose_addresses_are_of_any_script_get_their_letter() {
    const UNTRIED: &str = "no letter went through Postfix to an address beyond ASCII";
    if lacks_python(UNTRIED) {
        return;
    }
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    if postfix.lacks_smtputf8(UNTRIED) {
        return;
    }
    let locals = ["ada", "张伟", "jürgen", "bob", "संपर्क", "محمد", "김민준"];
    let names = ["Ada", "张伟", "Lovelace, Ada", "محمد الخوارزمي"];
    let person = |number: usize| Person {
        address: format!("{}+{number}@example.org", locals[number % locals.len()]),
        name: names[number % names.len()],
        city: "北京",
        note: "plain".to_owned(),
        number,
    };
    let people: Vec<Person> = (0..70).map(person).collect();
    let rows = people.iter().map(|it| {
        let (address, name) = (&it.address, it.name);
        format!(
            "{address},\"{name}\",{},{},{}\n",
            it.city, it.note, it.number
        )
    });
    let list = "email,name,city,note,number\n".to_owned() + &rows.collect::<String>();
    let account = format!("port = {}\nca = {:?}", postfix.smtps, postfix.ca());
    let workspace = letter::workspace(&account, "", &list);
    let daemon = workspace.daemon();
    let run: RunRow = workspace.json(&["send", letter::SCHEDULE, "--yes", "--wait"]);
    assert_eq!(run.counts.of(State::Accepted), 70, "{run:?}");
    assert!(daemon.stop().success());

    postfix.settle();
    let mut mails = mailbox::read(&postfix.maildir());
    mails.sort_by_key(|mail| people.iter().position(|it| it.address == mail.envelope));
    assert_eq!(mails.len(), people.len());
    for (person, mail) in people.iter().zip(&mails) {
        assert_eq!(mail.envelope, person.address);
        assert_eq!(letter::differences(person, mail), [""; 0]);
    }
}
