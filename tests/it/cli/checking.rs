//! What `check` says of runs that cannot end in time, with the real binary.

use std::fs;

use postroom::clock::Clock;
use postroom::config::load;
use postroom::daemon::api::SendAnswer;
use postroom::outbox::{Outbox, Reader};
use postroom::plan::{Order, open};
use serde_json::Value;

use crate::world::workspace::Workspace;

/// One schedule to a list of so many people, with these lines, at a rate.
fn workspace(people: usize, rate: &str, lines: &str) -> Workspace {
    let account = "[account.main]\nhost = \"smtp.example.org\"\nfrom = \"me@example.org\"\n";
    let what = "[schedule.news]\nsend = \"note\"\nto = \"readers\"\nvia = \"main\"\n";
    let list = "[list.readers]\ncsv = \"readers.csv\"\n";
    let rate = format!("rate = \"{rate}\"\n\n");
    let workspace = Workspace::new(&[account, &rate, list, "\n", what, lines].concat());
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    let rows = (0..people).map(|n| format!("p{n}@example.org\n"));
    workspace.write(
        "readers.csv",
        "email\n".to_owned() + &rows.collect::<String>(),
    );
    workspace
}

fn check(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String) {
    let output = workspace.postroom(&[&["check"], args].concat()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of 100 a day the run leaves two to others, until more are free soon: 98, then 2 and 96, then 54.
#[test]
fn a_run_that_cannot_end_before_it_expires_fails() {
    let workspace = workspace(250, "100/day", "expires = \"30h\"\n");
    let (code, said) = check(&workspace, &[]);
    assert_eq!(code, Some(0), "nobody knows how many they are: {said}");
    let (code, said) = check(&workspace, &["--lists"]);
    assert_eq!(code, Some(65), "{said}");
    let told = squeezed(&said);
    for words in [
        "error[too-slow]: schedule `news` cannot end before its mail expires",
        "postroom.toml:17:11",
        "17 | expires = \"30h\" | ^^^^^ 52 of 250 messages would not be sent",
        "250 people in its lists: account `main` sends 100/day, so the last message would leave \
         after 2d; `expires` is 1d6h",
        "write `expires = \"3d\"`, or raise that rate if the server allows it",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{said}");
    }
    let json = workspace.postroom(&["check", "--lists", "--json"]).output();
    let json: Value = serde_json::from_slice(&json.unwrap().stdout).unwrap();
    assert_eq!(json["problems"][0]["code"], "too-slow");
    assert_eq!(json["problems"][0]["key"], "schedule.news.expires");
}

#[test]
fn one_message_to_all_is_one_message_to_a_rate() {
    let lines = "group = true\nexpires = \"10m\"\n";
    let workspace = workspace(50, "1/minute", lines);
    let (code, said) = check(&workspace, &["--lists"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("too-slow"), "{said}");
    let plan: SendAnswer = workspace.json(&["send", "news", "--dry-run"]);
    assert_eq!((plan.people, plan.late), (50, None));
}

#[test]
fn a_run_that_is_due_again_before_it_ends_is_warned_of() {
    let lines = "cron = \"0 9 * * *\"\nexpires = \"3d\"\noverlap = \"skip\"\n";
    let workspace = workspace(150, "100/day", lines);
    let (code, said) = check(&workspace, &["--lists"]);
    assert_eq!(
        code,
        Some(0),
        "98 now, 2 and 50 a day later, when the next begins: {said}"
    );
    assert!(!said.contains("overlaps"), "{said}");
    let readers = (0..250).map(|n| format!("p{n}@example.org\n"));
    workspace.write(
        "readers.csv",
        "email\n".to_owned() + &readers.collect::<String>(),
    );
    let (code, said) = check(&workspace, &["--lists"]);
    assert_eq!(code, Some(0), "a warning: {said}");
    let told = squeezed(&said);
    for words in [
        "warning[overlaps]: schedule `news` has not ended when it is due again",
        "^^^^^^^^^^^ more often than it can be sent",
        "as the daily limit of account main binds, and the next is due",
        "that one is skipped (`overlap = \"skip\"`)",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{said}");
    }
    let (code, _) = check(&workspace, &["--lists", "--strict"]);
    assert_eq!(code, Some(65));
}

#[test]
fn the_last_run_says_how_many_they_are_and_nothing_is_written() {
    let workspace = workspace(250, "100/day", "expires = \"30h\"\n");
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    let clock = Clock::simulated("2026-06-01T08:00:00Z".parse().unwrap(), 1);
    fs::create_dir_all(&config.daemon.state).unwrap();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    open(&config, &outbox, &clock, &Order::manual("news", &clock)).unwrap();
    let told = "250 people, as in the run of Mon 2026-06-01 08:00";
    let files = || {
        let files = fs::read_dir(&config.daemon.state).unwrap();
        let mut files: Vec<_> = files
            .map(|file| {
                let file = file.unwrap();
                let meta = file.metadata().unwrap();
                (file.file_name(), meta.len(), meta.modified().unwrap())
            })
            .collect();
        files.sort();
        files
    };
    for while_it_is_open in [true, false] {
        let before = files();
        let (code, said) = check(&workspace, &[]);
        assert_eq!(code, Some(65), "{while_it_is_open} {said}");
        assert!(squeezed(&said).contains(told), "{said}");
        assert_eq!(files(), before, "{while_it_is_open}");
        assert!(Reader::peek(&config.daemon.state).is_ok());
        outbox.close();
    }
}

/// 98 at once and 98 each day after, 2 of them a moment before. 500 are two runs with equal
/// shares: 490 have left after four days.
#[test]
fn a_run_says_when_it_ends_wherever_it_is_shown() {
    let workspace = workspace(250, "100/day", "expires = \"9d\"\n");
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    let clock = Clock::system();
    fs::create_dir_all(&config.daemon.state).unwrap();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    open(&config, &outbox, &clock, &Order::manual("news", &clock)).unwrap();
    outbox.close();
    for command in [&["status"][..], &["log"]] {
        let said = workspace.said(command);
        let (_, end) = said
            .split_once("250 waiting; 250 left at 100/day: done ")
            .unwrap();
        let (_, binds) = end.split_once("; ").unwrap();
        assert!(
            binds.starts_with("the daily limit of account main binds"),
            "{said}"
        );
    }
    let plan: SendAnswer = workspace.json(&["send", "news", "--dry-run"]);
    let days =
        (plan.forecast.unwrap().ends_at - clock.now().as_millisecond()) as f64 / 86_400_000.0;
    assert!((4.9..5.1).contains(&days), "{days}");
    let said = workspace.said(&["send", "news", "--dry-run"]);
    assert!(
        said.contains("  Ends     250 left at 100/day: done "),
        "{said}"
    );
}

#[test]
fn a_fuse_below_the_size_of_the_last_run_is_warned_of() {
    let fuse = |most: u32| format!("max_recipients = {most}\nexpires = \"9d\"\n");
    let workspace = workspace(25, "100/day", &fuse(25));
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    let clock = Clock::simulated("2026-06-01T08:00:00Z".parse().unwrap(), 1);
    fs::create_dir_all(&config.daemon.state).unwrap();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    open(&config, &outbox, &clock, &Order::manual("news", &clock)).unwrap();
    outbox.close();
    let (_, said) = check(&workspace, &[]);
    assert!(!said.contains("too-many"), "{said}");
    let file = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    workspace.write("postroom.toml", file.replace(&fuse(25), &fuse(24)));
    let (code, said) = check(&workspace, &[]);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "warning[too-many]: schedule `news` is for more people than `max_recipients` allows",
        "max_recipients = 24",
        "a run of more than 24 is refused",
        "25 people, as in the run of Mon 2026-06-01 08:00",
    ] {
        assert!(said.contains(words), "`{words}` is missing in\n{said}");
    }
}

/// Keys of JSON may be anything, an address too.
#[test]
fn many_columns_are_counted_and_those_that_are_data_are_not_named() {
    let workspace = workspace(0, "1/minute", "expires = \"3d\"\n");
    let config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let config = config.replace("csv = \"readers.csv\"", "json = \"readers.json\"");
    workspace.write("postroom.toml", config);
    workspace.write("templates/note/body.txt", "Hello {{first_name}}\n");
    let rows = (0..60).map(|n| {
        format!("{{\"email\":\"p{n}@example.org\",\"boss{n}@secret.example\":1,\"own{n}\":1}}\n")
    });
    workspace.write("readers.json", rows.collect::<String>());
    let (code, said) = check(&workspace, &[]);
    assert_eq!(code, Some(65), "{said}");
    assert!(!said.contains("secret.example"), "{said}");
    assert!(squeezed(&said).contains("own10 and 109 more"), "{said}");
    assert!(said.len() < 10_000, "{}", said.len());
}
