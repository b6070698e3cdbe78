//! The README's first command, as it is: the demo, and the folder that it leaves.
//!
//! Its schedule fires at the full minute, so one run serves everything that is asserted of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mail_parser::MessageParser;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::docs;
use crate::world::patience::wait_for;

#[test]
fn the_demo_tells_what_became_of_every_row_and_its_folder_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let output = demo(path).output().unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{said}{}", errors(&output));

    tells_the_table(&said);
    shows_a_message(&said);
    shows_progress(&errors(&output));
    keeps_each_message_once(&path.join("sandbox/mail/new"));
    what_to_try_next_works(&said);
    for readme in ["README.md", "README.zh.md"] {
        docs::console_shows_what_is_said(readme, path);
        docs::commands_of_tables_work(readme, path);
    }
    assert!(is_free(&path.join("state/lock")), "a daemon is left");
}

fn tells_the_table(said: &str) {
    let lines: BTreeSet<String> = said.lines().map(docs::squeezed).collect();
    for row in [
        "sent 292 the server took the message",
        "sent later 1 refused for a moment, taken at another try",
        "deferred 2 not now, said the server; tried again until it expires",
        "rejected 2 never, said the server; not tried again",
        "in doubt 1 the line broke before the answer: it may have arrived",
        "repeated 1 the same address as in another row",
        "unusable 1 a row that nothing can be sent to",
        "14 greylist@example.org sent later - 450 4.7.1 Greylisted: try again",
        "24 5xx@example.com rejected - 550 5.1.1 No such mailbox, as this address asks",
        "60 dot5xx@example.net rejected - 554 5.7.1 Message refused, as the address asks",
        "133 FANG.LIU@example.org repeated - the same address as members line 7",
        "77 pavel.novak-at-example.org unusable - no @ in the address",
    ] {
        assert!(lines.contains(row), "`{row}` is missing in\n{said}");
    }
    for (start, end) in [
        (
            "33 full@example.net deferred in",
            "452 4.2.2 Mailbox full, as this address asks",
        ),
        (
            "47 doubt@example.org in doubt in",
            "the server closed the connection at end of data",
        ),
        (
            "55 4xx@example.com deferred in",
            "451 4.3.0 Try again later, as this address asks",
        ),
    ] {
        let found = |line: &String| line.starts_with(start) && line.ends_with(end);
        assert!(lines.iter().any(found), "`{start}` is missing in\n{said}");
    }
}

fn shows_a_message(said: &str) {
    for line in [
        "  | From:     Lindenhof House <house@lindenhof.example>",
        "  | To:       王伟 <wei.wang@example.com>",
        "  | Subject:  The house in 上海 has no electricity on Sunday evening",
        "  | Hello 王伟,",
    ] {
        assert!(said.lines().any(|it| it == line), "`{line}` in\n{said}");
    }
}

fn shows_progress(notes: &str) {
    assert!(
        notes.contains("The schedule `power-cut` fires at"),
        "{notes}"
    );
    assert!(notes.contains("of 300: "), "{notes}");
}

/// 293 accepted ones, and the one in doubt, which did arrive.
fn keeps_each_message_once(mail: &Path) {
    let files = fs::read_dir(mail).unwrap().map(|it| it.unwrap().path());
    let ids = files.map(|file| {
        let bytes = fs::read(&file).unwrap();
        let message = MessageParser::default().parse(&bytes).unwrap();
        message.message_id().unwrap().to_owned()
    });
    let ids: Vec<String> = ids.collect();
    assert_eq!(ids.len(), 294);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 294);
}

/// The lines are run as a person would who copies them.
fn what_to_try_next_works(said: &str) {
    let after = said.lines().skip_while(|line| *line != "Try next").skip(1);
    let commands: Vec<&str> = after.take_while(|line| !line.is_empty()).collect();
    assert_eq!(commands.len(), 3, "{said}");
    for command in commands {
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", errors(&output));
        assert!(!output.stdout.is_empty(), "{command}");
    }
}

#[test]
fn ctrl_c_ends_the_demo_and_its_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Waiting::start(folder.path());
    kill_process(Pid::from_child(&demo.0), Signal::INT).unwrap();
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    assert!(is_free(&folder.path().join("state/lock")));
}

#[test]
fn no_daemon_is_left_when_the_demo_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Waiting::start(folder.path());
    let lock = folder.path().join("state/lock");
    assert!(!is_free(&lock));
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    wait_for("the daemon's end", || is_free(&lock).then_some(()));
}

#[test]
fn a_daemon_that_dies_is_told_with_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Waiting::start(folder.path());
    let lock = fs::read(folder.path().join("state/lock")).unwrap();
    let holder: Value = serde_json::from_slice(&lock).unwrap();
    let daemon = i32::try_from(holder["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(daemon).unwrap(), Signal::KILL).unwrap();
    let rest = std::io::read_to_string(demo.0.stderr.take().unwrap()).unwrap();
    assert_eq!(demo.0.wait().unwrap().code(), Some(69), "{rest}");
    let told = "error: the daemon ended before its time (signal: 9 (SIGKILL)). The end of ";
    assert!(rest.contains(told), "{rest}");
    assert!(rest.contains("is ready: 1 schedule, 1 account"), "{rest}");
}

#[test]
fn the_demo_touches_nothing_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("postroom.toml"), "# mine\n").unwrap();
    let output = demo(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(73));
    assert!(errors(&output).contains("is not empty"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A demo that waits for its schedule. It does not outlive this value.
struct Waiting(Child);

impl Waiting {
    fn start(folder: &Path) -> Self {
        let mut demo = demo(folder);
        demo.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = demo.spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("fires at") {
            line.clear();
            assert_ne!(notes.read_line(&mut line).unwrap(), 0, "it ended");
        }
        assert!(notes.buffer().is_empty());
        child.stderr = Some(notes.into_inner());
        Self(child)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn demo(folder: &Path) -> Command {
    let mut command = docs::postroom(folder);
    command.args(["demo", "--dir"]).arg(folder);
    command
}

fn is_free(lock: &Path) -> bool {
    File::open(lock).unwrap().try_lock().is_ok()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
