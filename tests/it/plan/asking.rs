//! `when`: a program says whether a run is opened. And alerts: who is told what was not.
//!
//! Programs run in real time, so these tests do, too.

use std::sync::Arc;
use std::time::Duration;

use postroom::config::Config;
use postroom::outbox::RunRow;
use postroom::plan::{ALERT, About, Cause, Firings, Order, raise};

use super::{Desk, hello};
use crate::world::office::{lull, until, within};

pub(super) const SOON: &str = "on = \"2026-06-01T09:00\"\n";

impl Desk {
    /// Watches from just before nine until `count` runs have come to be.
    pub(super) async fn nine_o_clock(&self, config: &Arc<Config>, again: Vec<Order>, count: usize) {
        self.clock
            .jump_to("2026-06-01T08:59:59.9Z".parse().unwrap());
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        let firings = Firings::new(Arc::clone(config), outbox, clock, again);
        tokio::select! {
            ended = firings.run(|| {}) => panic!("it watches for ever: {ended:?}"),
            () = async {
                until("the runs", || self.runs().len() >= count).await;
                lull().await;
            } => {}
        }
    }

    /// A schedule whose `when` is a shell script.
    fn asks(&self, script: &str, more: &str) -> Arc<Config> {
        let path = self.state().join("ask");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let when = format!(
            "{SOON}when = {{ command = [\"{}\"], timeout = \"2s\" }}",
            path.display()
        );
        self.config(&format!("{more}{}", hello(&when)))
    }

    fn only_run(&self) -> RunRow {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.into_iter().next().unwrap()
    }
}

fn reason(run: &RunRow) -> &str {
    run.reason.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_run_is_opened_if_the_program_prints_something() {
    let desk = Desk::new();
    let told = desk.state().join("told");
    let script = format!(
        "echo $POSTROOM_SCHEDULE $POSTROOM_OCCURRENCE > {}; echo yes",
        told.display()
    );
    let config = desk.asks(&script, "");
    desk.nine_o_clock(&config, Vec::new(), 1).await;
    assert_eq!(desk.only_run().state, "sending");
    let told = std::fs::read_to_string(told).unwrap();
    assert_eq!(told, "hello 2026-06-01T09:00\n");
}

#[tokio::test]
async fn a_run_is_skipped_if_it_prints_nothing_and_that_is_recorded() {
    for script in ["true", "echo; echo '  '"] {
        let desk = Desk::new();
        let alert = "[daemon]\nalert = { to = \"boss@example.org\", via = \"ops\" }\n";
        let config = desk.asks(script, alert);
        desk.nine_o_clock(&config, Vec::new(), 1).await;
        let run = desk.only_run();
        assert_eq!(run.state, "skipped");
        assert!(reason(&run).contains("printed nothing (`when`)"), "{run:?}");
        desk.nine_o_clock(&config, Vec::new(), 1).await;
        assert_eq!(desk.only_run(), run, "asked once");
    }
}

#[tokio::test]
async fn a_program_that_gives_no_answer_is_an_error_and_never_a_no() {
    for (script, words) in [
        ("echo yes; echo no database >&2; exit 3", "no database"),
        ("kill -9 $$", "SIGKILL"),
        ("sleep 60", "did not end within 2 seconds"),
        ("exec no-such-program", "127"),
    ] {
        let desk = Desk::new();
        let config = desk.asks(script, "");
        desk.nine_o_clock(&config, Vec::new(), 1).await;
        let run = desk.only_run();
        assert_eq!(run.state, "failed", "{script}");
        let told = reason(&run);
        assert!(told.contains("could not be asked (`when`)"), "{told}");
        assert!(told.contains(words), "{script}: {told}");
    }
}

#[tokio::test]
async fn who_said_yes_before_is_not_asked_again() {
    let desk = Desk::new();
    let config = desk.asks("true", "");
    let due_at = "2026-06-01T08:59:00Z".parse().unwrap();
    let order = Order::due("hello", "2026-06-01T08:59".to_owned(), due_at).begun();
    desk.nine_o_clock(&config, vec![order], 2).await;
    let all = desk.occurrences("hello");
    assert_eq!(all[0].1, "sending");
    assert_eq!(all[1].1, "skipped");
}

#[tokio::test]
async fn an_alert_is_a_mail_and_a_call_once_for_each_cause_and_hour() {
    let desk = Desk::new();
    let told = desk.state().join("told");
    let page = desk.state().join("page");
    let script = format!(
        "#!/bin/sh\n(echo $POSTROOM_EVENT $POSTROOM_SCHEDULE; cat) >> {}\n",
        told.display()
    );
    std::fs::write(&page, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&page, mode).unwrap();
    let alert = format!(
        "[daemon]\nalert = {{ to = [\"Boss <boss@example.org>\", \"b2@example.org\"], \
         via = \"ops\", command = [\"{}\"] }}\n",
        page.display()
    );
    let config = desk.asks("exit 1", &alert);
    desk.nine_o_clock(&config, Vec::new(), 2).await;
    let alerts = desk.occurrences(ALERT);
    let name = "run-failed hello:2026-06-01T09";
    assert_eq!(alerts, [(name.to_owned(), "sending".to_owned())]);
    let run = desk.runs().pop().unwrap();
    let to: Vec<_> = desk
        .rows(&run.id)
        .into_iter()
        .map(|row| row.address)
        .collect();
    assert_eq!(to, ["boss@example.org", "b2@example.org"]);
    until("the call", || told.exists()).await;
    lull().await;
    let heard = std::fs::read_to_string(&told).unwrap();
    assert!(heard.starts_with("run-failed hello\nhello was not sent at 2026-06-01T09:00: "));

    let cause = |schedule: &str| Cause::of_schedule("run-failed", schedule, "it failed".to_owned());
    for (schedule, to, alerts) in [
        ("hello", "2026-06-01T09:59:00Z", 1),
        ("other", "2026-06-01T09:59:00Z", 2),
        ("hello", "2026-06-01T10:00:00Z", 3),
    ] {
        desk.clock.jump_to(to.parse().unwrap());
        raise(&config, &desk.outbox, &desk.clock, cause(schedule)).await;
        assert_eq!(desk.occurrences(ALERT).len(), alerts, "{schedule} {to}");
    }
    let calls = || std::fs::read_to_string(&told).unwrap();
    until("the calls", || calls().matches("run-failed").count() >= 3).await;
    lull().await;
    let heard = calls();
    assert_eq!(heard.matches("run-failed").count(), 3, "{heard}");
}

#[tokio::test]
async fn no_schedule_waits_for_a_program_that_is_told() {
    let desk = Desk::new();
    let alert = "[daemon]\nalert = { command = [\"sleep\", \"50\"] }\n";
    let config = desk.asks("true", alert);
    let cause = Cause::of_schedule("run-missed", "hello", "it was missed".to_owned());
    within(20, raise(&config, &desk.outbox, &desk.clock, cause)).await;
    assert_eq!(desk.occurrences(ALERT).len(), 1, "it is on record");
}

/// The account, and the addressees, of each alert.
fn carried(desk: &Desk) -> Vec<(String, usize)> {
    let alerts = desk.runs().into_iter().filter(|run| run.schedule == ALERT);
    alerts
        .map(|run| (run.account.clone(), desk.rows(&run.id).len()))
        .collect()
}

#[tokio::test]
async fn an_alert_never_goes_through_an_account_that_is_out_if_it_can_be_told_otherwise() {
    let alert = |command: &str| {
        format!(
            "[daemon]\nalert = {{ to = \"boss@example.org\", via = \"ops\"{command} }}\n\
             [account.backup]\nhost = \"mx2.example.org\"\nfrom = \"B <b@example.org>\"\n"
        )
    };
    let out = |names: &[&str]| Cause {
        out: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Cause::of_schedule("run-failed", &names.concat(), "it failed".to_owned())
    };
    for (command, names, through) in [
        ("", &[][..], ("ops", 1)),
        ("", &["ops"], ("backup", 1)),
        ("", &["backup"], ("ops", 1)),
        // With nobody to call, it waits for the account that is named.
        ("", &["backup", "ops"], ("ops", 1)),
        (", command = [\"true\"]", &["backup", "ops"], ("", 0)),
    ] {
        let desk = Desk::new();
        let config = desk.asks("true", &alert(command));
        assert!(raise(&config, &desk.outbox, &desk.clock, out(names)).await);
        let through = (through.0.to_owned(), through.1);
        assert_eq!(carried(&desk), [through], "{names:?} are out");
    }
}

#[tokio::test]
async fn a_hold_is_told_once_however_long_it_lasts() {
    let desk = Desk::new();
    let alert = "[daemon]\nalert = { to = \"boss@example.org\", via = \"ops\" }\n";
    let config = desk.asks("true", alert);
    let hold = |run: &str, since: &str| Cause {
        event: "run-held",
        about: About::Hold {
            schedule: "hello".to_owned(),
            run: run.to_owned(),
            since: since.parse().unwrap(),
        },
        text: "it is on hold".to_owned(),
        out: Vec::new(),
    };
    let (first, later) = ("2026-06-01T08:00:00.123Z", "2026-06-01T08:00:00.124Z");
    for (run, since, hours, alerts) in [
        ("01A", first, 0, 1),
        ("01A", first, 0, 1),
        ("01A", first, 30, 1),
        ("01B", first, 0, 2),
        ("01A", later, 0, 3),
    ] {
        desk.clock.advance(Duration::from_secs(hours * 3600));
        assert!(raise(&config, &desk.outbox, &desk.clock, hold(run, since)).await);
        assert_eq!(carried(&desk).len(), alerts, "{run} {since}");
    }
}
