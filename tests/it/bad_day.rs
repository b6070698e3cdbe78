//! The bad day: the schedules fire, and something is wrong with every list but one. Nothing wrong
//! is sent, the good list is served, and why is in `status`, `log`, the daemon's log and the alert.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mail_parser::MessageParser;
use postroom::outbox::RunRow;

use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

/// So long the daemon has to take in when the schedules are due.
const SOON: SignedDuration = SignedDuration::from_secs(4);
/// Between two rows, or two files, of somebody who writes while the list is read.
const PAUSE: Duration = Duration::from_millis(50);

/// What is wrong with a list, and the words that must be told of it.
struct Fault {
    name: &'static str,
    /// The list's source, and what guards it.
    list: &'static str,
    /// Of the schedule.
    more: &'static str,
    spoil: fn(&Workspace),
    told: &'static [&'static str],
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "nothing",
        list: "csv = \"nothing.csv\"",
        more: "",
        spoil: |workspace| workspace.write("nothing.csv", ""),
        told: &["nothing.csv", "the file is empty"],
    },
    Fault {
        name: "nobody",
        list: "csv = \"nobody.csv\"",
        more: "",
        spoil: |workspace| workspace.write("nobody.csv", "email\n"),
        told: &["nobody", "no rows"],
    },
    Fault {
        name: "cut",
        list: "csv = \"cut.csv\"",
        more: "",
        spoil: |workspace| {
            workspace.write("cut.csv", "email,note\ncut@example.org,\"the rest is missi");
        },
        told: &["cut.csv:2", "ends inside the quoted cell"],
    },
    Fault {
        name: "stale",
        list: "csv = \"stale.csv\"\nmax_age = \"26h\"",
        more: "",
        spoil: |workspace| {
            let file = fs::File::open(workspace.path("stale.csv")).unwrap();
            let yesterday = SystemTime::now() - Duration::from_secs(30 * 3600);
            file.set_modified(yesterday).unwrap();
        },
        told: &["stale.csv", "`max_age`"],
    },
    Fault {
        name: "program",
        list: "command = [\"./program\"]",
        more: "",
        spoil: |workspace| {
            let script = "#!/bin/sh\necho email\necho half@example.org\necho no more >&2\nexit 3\n";
            workspace.write("program", script);
            let may_run = fs::Permissions::from_mode(0o755);
            fs::set_permissions(workspace.path("program"), may_run).unwrap();
        },
        told: &["program", "no more"],
    },
    Fault {
        name: "document",
        list: "json = \"document.json\"",
        more: "",
        spoil: |workspace| {
            let half = "[{\"email\": \"half@example.org\"},\n{\"email\": \"the-rest-is";
            workspace.write("document.json", half);
        },
        told: &["document.json:2", "was it cut off?"],
    },
    Fault {
        name: "everybody",
        list: "csv = \"everybody.csv\"\n[list.never]\ncsv = \"never.csv\"",
        more: "except = \"never\"",
        spoil: |workspace| workspace.write("never.csv", ""),
        told: &["never.csv", "nobody knows whom `except` leaves out"],
    },
    Fault {
        name: "tenfold",
        list: "csv = \"tenfold.csv\"",
        more: "max_change = \"50%\"",
        spoil: |workspace| workspace.write("tenfold.csv", people("tenfold", 100)),
        told: &["100 people, and 10 in its last run", "--accept-change"],
    },
    Fault {
        name: "pipe",
        list: "csv = \"pipe.csv\"",
        more: "",
        spoil: |workspace| {
            fs::remove_file(workspace.path("pipe.csv")).unwrap();
            let mut made = Command::new("mkfifo");
            made.arg(workspace.path("pipe.csv"));
            assert!(made.status().unwrap().success());
        },
        told: &["pipe.csv", "it is a pipe"],
    },
    Fault {
        name: "folder",
        list: "csv = \"folder.csv\"",
        more: "",
        spoil: |workspace| {
            fs::remove_file(workspace.path("folder.csv")).unwrap();
            fs::create_dir(workspace.path("folder.csv")).unwrap();
        },
        told: &["folder.csv", "it is a directory"],
    },
];

fn people(name: &str, count: u32) -> String {
    let mut csv = "email\n".to_owned();
    for n in 0..count {
        writeln!(csv, "{name}{n}@example.org").unwrap();
    }
    csv
}

/// A list that takes its time to be read.
fn long(name: &str) -> String {
    let note = format!(",{}\n", "long ".repeat(4000));
    let rows = people(name, 400);
    rows.replacen('\n', ",note\n", 1)
        .replace(".org\n", &format!(".org{note}"))
}

/// The configuration: a schedule and a list for each fault, one that is fine, one whose list is
/// replaced while it is read, and one whose list grows.
fn config(catcher: &Catcher, due: Option<Timestamp>) -> String {
    let on = due.map_or_else(String::new, |due| {
        let due = due.to_zoned(TimeZone::UTC).strftime("%FT%T");
        format!("on = \"{due}\"\n")
    });
    let mut text = format!(
        "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n\
         alert = {{ to = \"ops@example.org\", via = \"main\" }}\n\
         [account.main]\nhost = \"localhost\"\nfrom = \"post@example.org\"\n{}\n",
        catcher.account()
    );
    let csv = |name| (name, format!("csv = \"{name}.csv\""), "");
    let faults = FAULTS
        .iter()
        .map(|it| (it.name, it.list.to_owned(), it.more));
    for (name, list, more) in faults.chain(["fine", "replaced", "grows"].map(csv)) {
        write!(
            text,
            "[list.{name}]\n{list}\n[schedule.{name}]\nsend = \"hello\"\nto = \"{name}\"\n\
             via = \"main\"\n{more}\n{on}"
        )
        .unwrap();
    }
    text
}

fn workspace(catcher: &Catcher) -> Workspace {
    let workspace = Workspace::new("");
    workspace.write("templates/hello/subject.txt", "Hello\n");
    workspace.write("templates/hello/body.txt", "Hello {{email}}\n");
    workspace.write("password", Catcher::PASSWORD);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(workspace.path("password"), private).unwrap();
    for name in FAULTS.iter().map(|it| it.name).chain(["fine", "grows"]) {
        workspace.write(&format!("{name}.csv"), people(name, 10));
    }
    workspace.write("replaced.csv", long("old"));
    workspace.write("postroom.toml", config(catcher, None));
    workspace
}

/// Has the daemon take in that all is due, in time.
fn set_due(workspace: &Workspace, catcher: &Catcher) {
    wait_for("a reload that is in time", || {
        let due = Timestamp::now() + SOON;
        workspace.write("postroom.toml", config(catcher, Some(due)));
        workspace.said(&["reload"]);
        (Timestamp::now() < due).then_some(())
    });
}

/// Writes on while lists are read, until told to end: a row after the other to one, whole files in
/// place of another.
fn write_on(workspace: &Workspace, ends: &Receiver<()>) {
    let grows = workspace.path("grows.csv");
    let mut grows = OpenOptions::new().append(true).open(grows).unwrap();
    for n in 0.. {
        if ends.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        writeln!(grows, "more{n}@example.org").unwrap();
        let version = if n % 2 == 0 { "new" } else { "old" };
        workspace.write("replaced.tmp", long(version));
        fs::rename(
            workspace.path("replaced.tmp"),
            workspace.path("replaced.csv"),
        )
        .unwrap();
    }
}

/// The latest run of each schedule that fired, once all have ended; alerts are runs too.
fn ended(workspace: &Workspace) -> BTreeMap<String, RunRow> {
    let reader = workspace.reader().unwrap();
    let schedules = FAULTS.len() + 3;
    wait_for("the end of all runs and alerts", || {
        let runs = reader.runs(None, None, 1000).unwrap();
        let is_alert = |run: &&RunRow| run.schedule == "@alert";
        let alerts = runs.iter().filter(is_alert).count();
        let fired = runs
            .iter()
            .filter(|run| !run.occurrence.starts_with("manual:"));
        let fired: BTreeMap<String, RunRow> = fired
            .filter(|run| !is_alert(run))
            .map(|run| (run.schedule.clone(), run.clone()))
            .collect();
        let refused = fired.values().filter(|run| run.state == "failed").count();
        let all = fired.len() == schedules && alerts >= refused && refused > FAULTS.len();
        (all && runs.iter().all(|run| run.ended_at.is_some())).then_some(fired)
    })
}

/// What the server took: to whom, and the text of it.
fn taken(maildir: &Path) -> Vec<(String, String)> {
    let mails = fs::read_dir(maildir.join("new")).unwrap();
    let read = mails.map(|mail| {
        let bytes = fs::read(mail.unwrap().path()).unwrap();
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap();
        (to.to_owned(), mail.body_text(0).unwrap().into_owned())
    });
    read.collect()
}

#[test]
fn on_a_bad_day_nothing_wrong_is_sent_and_every_reason_is_told() {
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    workspace.said(&["send", "tenfold", "--yes", "--wait"]);
    for fault in FAULTS {
        (fault.spoil)(&workspace);
    }
    let runs = thread::scope(|scope| {
        let (_end, ends) = channel();
        let workspace = &workspace;
        scope.spawn(move || write_on(workspace, &ends));
        set_due(workspace, &catcher);
        ended(workspace)
    });

    let (status, log) = (workspace.said(&["status"]), daemon.log());
    assert!(daemon.stop().success());
    let maildir = catcher.maildir();
    let _folder = catcher.shut();
    let mails = taken(&maildir);
    let is_alert = |mail: &&(String, String)| mail.0 == "ops@example.org";
    let alerts: Vec<&str> = mails.iter().filter(is_alert).map(|mail| &*mail.1).collect();
    let grows = ("grows", &["grows.csv", "was changed while it was read"][..]);
    for (name, told) in FAULTS.iter().map(|it| (it.name, it.told)).chain([grows]) {
        assert_eq!(
            runs[name].state, "failed",
            "{name}: {:?}",
            runs[name].reason
        );
        let reason = runs[name].reason.as_deref().unwrap();
        for word in told {
            assert!(reason.contains(word), "{name}: {reason}");
        }
        let history = workspace.said(&["log", name]);
        for (place, text) in [
            ("status", &status),
            ("log", &history),
            ("daemon's log", &log),
        ] {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(told[1]), "{name} in {place}: {text}");
        }
        let is_about = |text: &&&str| {
            told.iter()
                .all(|word| text.replace('\n', " ").contains(word))
        };
        assert!(
            alerts.iter().any(|text| is_about(&text)),
            "{name}: {alerts:#?}"
        );
    }

    let sent: BTreeSet<&str> = mails.iter().map(|mail| &*mail.0).collect();
    let of = |name: &str, count: u32| people(name, count);
    let expected = |version: &str| -> BTreeSet<String> {
        let all = [of("fine", 10), of("tenfold", 10), of(version, 400)].concat();
        let people = all.lines().filter(|line| line.contains('@'));
        people
            .chain(["ops@example.org"])
            .map(str::to_owned)
            .collect()
    };
    let is_all_of = |version| {
        expected(version)
            .iter()
            .map(String::as_str)
            .eq(sent.iter().copied())
    };
    assert!(is_all_of("old") || is_all_of("new"), "{sent:?}");
    assert_eq!(mails.len(), 420 + alerts.len(), "somebody got it twice");
}
