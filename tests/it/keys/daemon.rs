//! `[daemon]`: what holds for the whole.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use postroom::daemon::Engine;
use postroom::outbox::Reader;
use serde_json::Value;

use super::listener::Listener;
use super::stage::{HOUR, MINUTE, Scenery, Stage, refusal};
use super::toml::{Toml, base, schedule};
use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::patience::wait_for;
use crate::world::workspace::{Daemon, Workspace};

const TWO: &[&str] = &["ada@example.org", "bob@example.org"];

fn daemon(lines: &str) -> Toml {
    base().with("[daemon]", lines)
}

#[tokio::test(start_paused = true)]
pub(super) async fn config_version_says_what_the_file_means() {
    let version = |n: u32| base().with("", &format!("config_version = {n}"));
    let stage = Stage::new(version(1));
    stage.send(&TWO[..1], MINUTE).await;
    assert_eq!(stage.states(), ["accepted"]);
    let told = refusal(&version(2));
    assert!(
        told.contains("written for config version 2; this postroom reads 1"),
        "{told}"
    );
}

/// Who gets the mail to a list that two files describe, of which one is included.
async fn included(heading: &str) {
    for (include, reader) in [
        ("[\"conf.d/*.toml\"]", "ada@example.org"),
        ("[\"other.toml\"]", "bob@example.org"),
    ] {
        let files = [
            (
                "conf.d/10-sales.toml",
                "[list.team]\ninline = [\"ada@example.org\"]\n",
            ),
            (
                "other.toml",
                "[list.team]\ninline = [\"bob@example.org\"]\n",
            ),
        ];
        let toml = schedule("to = \"team\"").with(heading, &format!("include = {include}"));
        let stage = Stage::among(Scenery::with_files(&files), toml);
        stage.open().unwrap();
        stage.pass(MINUTE).await;
        assert_eq!(stage.readers(), [reader], "{include}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn include_names_further_files() {
    included("[daemon]").await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn include_at_the_top_names_further_files() {
    included("").await;
}

/// The real daemon by this configuration.
fn real(toml: &Toml) -> (Workspace, Daemon) {
    let workspace = Workspace::new("");
    workspace.write("postroom.toml", toml.text());
    workspace.write("people.csv", "email\nada@example.org\n");
    workspace.write("templates/hello/subject.txt", "Hello\n");
    workspace.write("templates/hello/body.txt", "Hello\n");
    let daemon = workspace.begin(&[]);
    wait_for("its ready", || {
        daemon.log().contains("is ready").then_some(())
    });
    (workspace, daemon)
}

#[test]
pub(super) fn state_is_where_the_outbox_is() {
    for (state, other) in [("one", "two"), ("two", "one")] {
        let lines = format!("state = \"{state}\"\nsocket = \"sock\"");
        let (workspace, _daemon) = real(&daemon(&lines));
        assert!(workspace.path(state).join("postroom.db").is_file());
        assert!(!workspace.path(other).exists());
    }
}

#[test]
pub(super) fn socket_is_where_the_daemon_answers() {
    for (socket, other) in [("one", "two"), ("two", "one")] {
        let (workspace, _daemon) = real(&daemon(&format!("socket = \"{socket}\"")));
        assert!(UnixStream::connect(workspace.path(socket)).is_ok());
        assert!(!workspace.path(other).exists());
    }
}

#[test]
pub(super) fn log_says_how_lines_are_written() {
    for log in ["json", "logfmt", "text", "auto"] {
        let (_workspace, daemon) = real(&daemon(&format!("log = \"{log}\"\nsocket = \"sock\"")));
        let said = daemon.log();
        let line = said.lines().find(|line| line.contains("is ready")).unwrap();
        match log {
            "json" => {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["event"], "ready");
            }
            // What it writes to is no terminal.
            "logfmt" | "auto" => assert!(
                line.starts_with("ts=2") && line.contains(" event=ready"),
                "{line}"
            ),
            _ => assert!(
                line.contains(" postroom ") && !line.contains("event"),
                "{line}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn addresses_says_how_readers_appear_in_the_log() {
    for (addresses, shown) in [
        ("masked", "a***@example.org"),
        ("full", "ada@example.org"),
        ("none", "-"),
    ] {
        let log = Listener::new();
        let stage = Stage::new(daemon(&format!("addresses = \"{addresses}\"")));
        stage.send(&TWO[..1], MINUTE).await;
        let lines = log.lines("sent to");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&format!("sent to {shown}")), "{lines:?}");
        assert_eq!(lines[0].contains("ada@"), addresses == "full", "{lines:?}");
    }
}

/// What the server said of Ada's mail, while it is kept.
fn servers_words(reader: &Reader) -> Option<String> {
    let history = reader.history("ada@example.org").unwrap();
    history[0].1[0].reply.clone()
}

/// The outbox has a thread here, which knows nothing of a runtime's time: so the clock is moved,
/// and apart from it the ten minutes after which old runs are looked for.
#[tokio::test]
pub(super) async fn keep_is_how_long_the_servers_words_stay() {
    for (keep, minutes) in [("1h", 60), ("3h", 180)] {
        let mut office = Office::with_daemon(&format!("keep = \"{keep}\""), Plan::default()).await;
        office.send(&TWO[..1]).await;
        office.until_states(&["accepted"]).await;
        office.drain_during(Duration::ZERO).await;
        let Office {
            config,
            clock,
            outbox,
            house: _house,
            ..
        } = office;
        drop(outbox);
        let engine = Engine::start(Arc::clone(&config), clock.clone(), None).await;
        let reader = Reader::open(&config.daemon.state).unwrap();
        clock.advance(MINUTE * (minutes - 1));
        jump(10 * MINUTE).await;
        lull().await;
        assert!(
            servers_words(&reader).unwrap().contains("Accepted"),
            "{keep}"
        );
        clock.advance(2 * MINUTE);
        jump(10 * MINUTE).await;
        until("they are gone", || servers_words(&reader).is_none()).await;
        engine.unwrap().stop().await;
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn rate_of_the_daemon_spaces_the_mails_of_all_accounts() {
    for (rate, seconds) in [("1/minute", 60), ("1/hour", 3600)] {
        let stage = Stage::new(daemon(&format!("rate = \"{rate}\"")));
        stage.send(TWO, 2 * HOUR).await;
        assert_eq!(stage.seconds(), [0, seconds], "{rate}");
    }
}

/// A run that fails at nine, as there is nobody to write to, and an alert with these lines.
fn failing(alert: &str) -> Stage {
    let toml = schedule("on = \"2026-06-01T09:00\"").with("[daemon.alert]", alert);
    let two = "host = \"mx2.example.org\"\ntls = \"none\"\nfrom = \"two@example.org\"";
    let stage = Stage::new(toml.with("[account.two]", two));
    stage.house.people::<&str>(&[]);
    stage
}

#[tokio::test(start_paused = true)]
pub(super) async fn to_of_an_alert_is_who_is_told() {
    for (to, readers) in [
        ("\"boss@example.org\"", ["boss@example.org"].as_slice()),
        (
            "[\"b@example.org\", \"c@example.org\"]",
            &["b@example.org", "c@example.org"],
        ),
    ] {
        let stage = failing(&format!("to = {to}\nvia = \"ops\""));
        stage.pass(HOUR + MINUTE).await;
        assert_eq!(stage.readers(), readers);
        let subject = stage.mails()[0].header("Subject").map(str::to_owned);
        assert_eq!(subject.unwrap(), "postroom: run-failed: hello");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn via_of_an_alert_is_the_account() {
    for (via, host) in [("ops", "localhost"), ("two", "mx2.example.org")] {
        let stage = failing(&format!("to = \"boss@example.org\"\nvia = \"{via}\""));
        stage.pass(HOUR + MINUTE).await;
        assert_eq!(stage.mails()[0].host, host);
    }
}

/// Programs run in real time, so this test does, too.
#[tokio::test]
pub(super) async fn command_of_an_alert_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, other) in [("one", "two"), ("two", "three")] {
        let (told, untold) = (folder.path().join(name), folder.path().join(other));
        let script = format!("cat > {0}.new && mv {0}.new {0}", told.display());
        let stage = failing(&format!("command = [\"sh\", \"-c\", \"{script}\"]"));
        stage
            .clock
            .jump_to("2026-06-01T08:59:59.9Z".parse().unwrap());
        tokio::select! {
            () = stage.pass(HOUR) => {}
            () = until("the call", || told.exists()) => {}
        }
        let heard = std::fs::read_to_string(told).unwrap();
        assert!(
            heard.starts_with("hello was not sent at 2026-06-01T09:00"),
            "{heard}"
        );
        assert!(!untold.exists());
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn timeout_of_an_alert_is_how_long_its_program_may_take() {
    for (timeout, seconds) in [("1m", 60), ("5m", 300)] {
        let log = Listener::new();
        let command = "command = [\"sleep\", \"1000\"]";
        let stage = failing(&format!("{command}\ntimeout = \"{timeout}\""));
        stage.pass(HOUR + 2 * MINUTE).await;
        let slow = || log.lines("an alert was not told");
        assert_eq!(slow().len(), usize::from(seconds == 60), "{timeout}");
        stage.pass(5 * MINUTE).await;
        let told = slow().remove(0);
        let wanted = format!("`sleep` did not end within {seconds} seconds");
        assert!(told.contains(&wanted), "{told}");
    }
}
