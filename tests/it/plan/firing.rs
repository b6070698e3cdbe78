//! Occurrences: each has one run at most, whatever clocks, edits and restarts do.

use std::sync::Arc;
use std::time::Duration;

use postroom::config::Config;
use postroom::outbox::{AddRows, Fate, NewRun, Opened, Outbox};
use postroom::plan::{Firings, Order, upcoming};

use super::{ACCOUNT, Desk, hello};

const HOUR: Duration = Duration::from_secs(3600);
const NINE: &str = "cron = \"0 9 * * *\"";

impl Desk {
    /// A process watches the calendars for so long, and ends.
    async fn watch(&self, config: &Arc<Config>, span: Duration) {
        self.watch_again(config, Vec::new(), span).await;
    }

    async fn watch_again(&self, config: &Arc<Config>, again: Vec<Order>, span: Duration) {
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        let firings = Firings::new(Arc::clone(config), outbox, clock, again);
        let ended = tokio::time::timeout(span, firings.run(|| {})).await;
        assert!(ended.is_err(), "it watches for ever: {ended:?}");
    }

    fn jump(&self, to: &str) {
        self.clock.jump_to(to.parse().unwrap());
    }
}

fn sent(occurrence: &str) -> (String, String) {
    (occurrence.to_owned(), "sending".to_owned())
}

fn missed(occurrence: &str) -> (String, String) {
    (occurrence.to_owned(), "missed".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_run_opens_when_it_is_due_and_each_day_anew() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    desk.watch(&config, 49 * HOUR + HOUR / 2).await;
    let days = ["2026-06-01T09:00", "2026-06-02T09:00", "2026-06-03T09:00"];
    assert_eq!(desk.occurrences("hello"), days.map(sent));
    for run in desk.runs() {
        assert!(run.opened_at >= run.due_at, "never early: {run:?}");
        assert!(run.opened_at - run.due_at <= 1000, "and not late: {run:?}");
        assert_eq!(run.counts.total(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_schedule_starts_from_now() {
    let desk = Desk::new();
    desk.jump("2026-06-01T09:30:00Z");
    let config = desk.config(&hello(NINE));
    desk.watch(&config, HOUR).await;
    assert!(desk.runs().is_empty(), "half an hour ago it did not exist");
}

#[tokio::test(start_paused = true)]
async fn a_restart_repeats_nothing() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    for _ in 0..20 {
        desk.watch(&config, HOUR / 6).await;
    }
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
}

/// A40: down over several occurrences.
#[tokio::test(start_paused = true)]
async fn what_was_missed_is_recorded_and_the_last_one_caught_up_if_it_is_not_too_late() {
    let days = ["2026-06-02T09:00", "2026-06-03T09:00", "2026-06-04T09:00"];
    for (catch_up, back_at, last) in [
        ("", "2026-06-04T09:50:00Z", sent(days[2])),
        ("", "2026-06-04T10:10:00Z", missed(days[2])),
        ("catch_up = \"6h\"", "2026-06-04T14:50:00Z", sent(days[2])),
        ("catch_up = \"6h\"", "2026-06-04T15:10:00Z", missed(days[2])),
        (
            "catch_up = \"never\"",
            "2026-06-04T09:10:00Z",
            missed(days[2]),
        ),
    ] {
        let desk = Desk::new();
        let config = desk.config(&hello(&format!("{NINE}\n{catch_up}")));
        desk.watch(&config, 2 * HOUR).await;
        desk.jump(back_at);
        desk.watch(&config, HOUR / 2).await;
        let first = sent("2026-06-01T09:00");
        let wanted = [first, missed(days[0]), missed(days[1]), last];
        assert_eq!(desk.occurrences("hello"), wanted, "{catch_up} {back_at}");
        let told = desk
            .runs()
            .into_iter()
            .find(|run| run.state == "missed")
            .unwrap();
        assert!(told.reason.unwrap().contains("postroom was not running"));
        desk.watch(&config, HOUR / 2).await;
        assert_eq!(desk.occurrences("hello"), wanted, "and that is that");
    }
}

#[tokio::test(start_paused = true)]
async fn changed_times_do_not_fire_backwards() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    desk.watch(&config, 2 * HOUR).await; // 10:00
    let config = desk.config(&hello("cron = \"30 9 * * *\""));
    desk.watch(&config, HOUR).await;
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
    desk.watch(&config, 23 * HOUR).await;
    let both = [sent("2026-06-01T09:00"), sent("2026-06-02T09:30")];
    assert_eq!(desk.occurrences("hello"), both);

    // Other edits leave the times alone: what fell due meanwhile is caught up.
    desk.jump("2026-06-03T09:40:00Z");
    let config = desk.config(&hello("cron = \"30 9 * * *\"\nexpires = \"2h\""));
    desk.watch(&config, HOUR / 6).await;
    assert_eq!(desk.occurrences("hello").len(), 3);
}

/// A30: an hour back, a day back.
#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_fires_nothing_twice() {
    for back_to in ["2026-06-01T08:30:00Z", "2026-05-31T08:30:00Z"] {
        let desk = Desk::new();
        let config = desk.config(&hello(NINE));
        desk.watch(&config, 2 * HOUR).await;
        desk.jump(back_to);
        desk.watch(&config, 26 * HOUR).await;
        let all = desk.occurrences("hello");
        let mut unique = all.clone();
        unique.dedup();
        assert_eq!(all, unique, "{back_to}");
        let today = all.iter().filter(|(key, _)| key == "2026-06-01T09:00");
        assert_eq!(today.count(), 1, "{back_to}");
        assert!(all.iter().all(|(_, state)| state == "sending"), "{all:?}");
        // The day that it really is has its run, too.
        let tomorrow = [sent("2026-06-01T09:00"), sent("2026-06-02T09:00")];
        let yesterday = [sent("2026-05-31T09:00"), sent("2026-06-01T09:00")];
        let wanted = if back_to.starts_with("2026-05") {
            yesterday
        } else {
            tomorrow
        };
        assert_eq!(all, wanted, "{back_to}");
    }
}

/// A32: the clock was wrong when the machine came up, and is set right a minute later.
#[tokio::test(start_paused = true)]
async fn a_clock_that_began_in_the_far_future_silences_no_schedule() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    desk.jump("2099-01-01T08:00:00Z");
    desk.watch(&config, HOUR / 60).await;
    desk.jump("2026-06-01T08:00:00Z");
    desk.watch(&config, 2 * HOUR).await;
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
}

/// A31: a day forward and back again while it runs.
#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_forward_makes_no_burst() {
    let desk = Desk::new();
    let config = desk.config(&hello("cron = \"*/10 * * * *\""));
    desk.watch(&config, HOUR / 12).await;
    desk.jump("2026-06-02T08:05:00Z");
    desk.watch(&config, Duration::from_secs(31)).await;
    let all = desk.occurrences("hello");
    let runs: Vec<_> = all.iter().filter(|(_, state)| state == "sending").collect();
    assert_eq!(runs.len(), 1, "one late run at most: {runs:?}");
    assert!(all.len() <= 102, "{} rows", all.len());
    desk.jump("2026-06-01T08:05:31Z");
    desk.watch(&config, HOUR).await;
    let keys: Vec<_> = desk
        .occurrences("hello")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let mut unique = keys.clone();
    unique.dedup();
    assert_eq!(keys, unique);
}

/// A30: between the jump and the tick at which it is noticed, an occurrence comes: it is not lost,
/// also where it was told as missed, since the clock had been wrong before.
#[tokio::test(start_paused = true)]
async fn what_falls_due_before_a_jump_back_is_noticed_has_its_run() {
    for wrong in [None, Some("2026-06-03T09:55:00Z")] {
        let desk = Desk::new();
        let config = desk.config(&hello(NINE));
        tokio::join!(desk.watch(&config, HOUR / 2), async {
            tokio::time::sleep(Duration::from_secs(45)).await;
            if let Some(wrong) = wrong {
                desk.jump(wrong);
            }
            tokio::time::sleep(Duration::from_secs(60)).await; // ticks are due at 90 and 120
            desk.jump("2026-05-31T08:59:52Z");
        });
        let late = wrong.map(|_| sent("2026-06-03T09:00"));
        let first = [sent("2026-05-31T09:00")];
        let wanted: Vec<_> = first.into_iter().chain(late).collect();
        assert_eq!(desk.occurrences("hello"), wanted, "{wrong:?}");
    }
    // A day forward by mistake: what was missed by that is yet to come.
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    tokio::join!(desk.watch(&config, HOUR / 2), async {
        tokio::time::sleep(Duration::from_secs(45)).await;
        desk.jump("2026-06-02T12:00:00Z");
        tokio::time::sleep(Duration::from_secs(60)).await;
        desk.jump("2026-06-01T08:59:52Z");
    });
    let wanted = [sent("2026-06-01T09:00")];
    assert_eq!(desk.occurrences("hello"), wanted);
}

#[tokio::test(start_paused = true)]
async fn what_falls_due_while_the_disk_is_slow_for_others_does_not_wait_for_a_tick() {
    let mut desk = Desk::new();
    let clock = desk.clock.clone();
    let slow = move |operation: &str| {
        if operation == "Missed" {
            clock.advance(Duration::from_secs(2));
        }
        Fate::Live
    };
    desk.outbox = Outbox::open_mortal(desk.state(), desk.clock.clone(), slow).unwrap();
    let config = desk.config(&format!(
        "{}[schedule.early]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n\
         on = 2026-06-01T08:30:00\ncatch_up = \"never\"\n",
        hello(NINE)
    ));
    desk.watch(&config, HOUR / 60).await;
    desk.jump("2026-06-01T08:59:59Z");
    desk.watch(&config, HOUR / 60).await;
    assert_eq!(desk.occurrences("early").len(), 1);
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
    let runs = desk.runs();
    let run = runs.iter().find(|run| run.schedule == "hello").unwrap();
    assert_eq!(
        run.opened_at - run.due_at,
        1000,
        "once the disk has answered"
    );
}

/// A jump while it sleeps is noticed at the next tick.
#[tokio::test(start_paused = true)]
async fn a_jump_is_noticed_within_half_a_minute() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    tokio::join!(desk.watch(&config, HOUR / 2), async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        desk.jump("2026-06-01T09:00:10Z");
    });
    let runs = desk.runs();
    assert_eq!(runs.len(), 1);
    let late = runs[0].opened_at - runs[0].due_at;
    assert!(late <= 41_000, "{late} ms");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_fails_its_run_and_no_other() {
    let desk = Desk::new();
    let text = hello(NINE);
    let config = desk.config(&format!(
        "{text}[list.lost]\ncsv = \"lost.csv\"\n
         [schedule.broken]\nsend = \"hello\"\nto = \"lost\"\nvia = \"ops\"\n{NINE}\n"
    ));
    desk.watch(&config, 2 * HOUR).await;
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
    let failed = ("2026-06-01T09:00".to_owned(), "failed".to_owned());
    assert_eq!(desk.occurrences("broken"), [failed]);
    let run = desk
        .runs()
        .into_iter()
        .find(|run| run.schedule == "broken")
        .unwrap();
    assert!(run.reason.unwrap().contains("lost.csv"));
    assert_eq!(run.counts.total(), 0);
}

impl Desk {
    /// The opening of nine o'clock is interrupted; the order to take it up is what is found at the
    /// next start.
    async fn interrupted(&self, config: &Arc<Config>) -> (String, Vec<Order>) {
        self.watch(config, HOUR / 2).await;
        self.jump("2026-06-01T09:00:05Z");
        let begun = NewRun {
            id: self.clock.new_id().to_string(),
            schedule: "hello".to_owned(),
            occurrence: "2026-06-01T09:00".to_owned(),
            due_at: self.clock.now().as_millisecond() - 5000,
            expires_at: self.clock.now().as_millisecond() + 3_600_000,
            overlap: None,
            via: vec![crate::world::bench::ACCOUNT.to_owned()],
            canary: None,
            frozen: crate::world::bench::frozen(),
            once: None,
        };
        let id = begun.id.clone();
        let Opened::Fill(run, _) = self.outbox.submit(begun).await.unwrap() else {
            panic!("it is new");
        };
        let rows = vec![crate::world::bench::row(1, "left@example.org")];
        self.outbox.submit(AddRows { run, rows }).await.unwrap();
        let due_at = "2026-06-01T09:00:00Z".parse().unwrap();
        let again = Order::due("hello", "2026-06-01T09:00".to_owned(), due_at);
        (id, vec![again])
    }
}

/// A1, A2: an opening that was interrupted is taken up again, as the configuration is now.
#[tokio::test(start_paused = true)]
async fn an_interrupted_opening_is_finished_by_the_next_process() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    let (id, again) = desk.interrupted(&config).await;
    desk.jump("2026-06-01T09:55:00Z");
    let config = desk.config(&hello(&format!("{NINE}\nexpires = \"3h\"")));
    desk.watch_again(&config, again, HOUR).await;
    let runs = desk.runs();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(
        (runs[0].id.as_str(), runs[0].state.as_str()),
        (id.as_str(), "sending")
    );
    let rows = desk.rows(&id);
    assert_eq!(
        (rows.len(), rows[0].address.as_str()),
        (1, "ada@example.org")
    );
    assert_eq!(runs[0].expires_at - runs[0].opened_at, 3 * 3_600_000);
    let reader = desk.outbox.reader().unwrap();
    let no = reader.run_no(&id).unwrap().unwrap();
    let (_, frozen) = reader.frozen(no).unwrap();
    assert!(frozen.template.contains("Hello {{email}}"), "{frozen:?}");
    assert!(frozen.sender.contains("ops@example.org"), "{frozen:?}");
}

/// The edit begins anew from the start on; what was interrupted before it lies further back.
#[tokio::test(start_paused = true)]
async fn an_interrupted_opening_does_not_take_an_edited_schedule_back() {
    let desk = Desk::new();
    let (id, again) = desk.interrupted(&desk.config(&hello(NINE))).await;
    desk.jump("2026-06-01T09:30:00Z");
    let edited = desk.config(&hello("cron = \"15 9 * * *\""));
    desk.watch_again(&edited, again, HOUR).await;
    let runs = desk.runs();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0].id, id);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_opening_is_not_taken_up_later_than_a_missed_one_would_be() {
    for (catch_up, back_at, state) in [
        ("", "2026-06-01T10:00:01Z", "failed"),
        ("catch_up = \"6h\"", "2026-06-01T14:59:59Z", "sending"),
        ("catch_up = \"6h\"", "2026-06-01T15:00:01Z", "failed"),
        ("catch_up = \"never\"", "2026-06-01T09:05:00Z", "failed"),
    ] {
        let desk = Desk::new();
        let config = desk.config(&hello(&format!("{NINE}\n{catch_up}")));
        let (id, again) = desk.interrupted(&config).await;
        desk.jump(back_at);
        desk.watch_again(&config, again, HOUR).await;
        let runs = desk.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        assert_eq!(
            (runs[0].id.as_str(), runs[0].state.as_str()),
            (id.as_str(), state),
            "{catch_up} {back_at}"
        );
        if state == "failed" {
            let reason = runs[0].reason.as_deref().unwrap();
            for part in ["2026-06-01 09:00:00Z", "interrupted", "`catch_up`"] {
                assert!(reason.contains(part), "{reason}");
            }
            assert!(desk.rows(&id).is_empty());
        }
    }
}

#[test]
fn what_comes_next_is_told_soonest_first() {
    let desk = Desk::new();
    let text = hello(NINE);
    let config = desk.config(&format!(
        "{text}[schedule.early]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"
         cron = \"30 8 * * *\"\n
         [schedule.by-hand]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n"
    ));
    let next = upcoming(&config, desk.clock.now());
    let next: Vec<_> = next
        .iter()
        .map(|it| (it.schedule.as_str(), it.occurrence.key.as_str()))
        .collect();
    assert_eq!(
        next,
        [("early", "2026-06-01T08:30"), ("hello", "2026-06-01T09:00")]
    );
    assert!(text.starts_with(ACCOUNT));
}

/// A14: a disk without room is trouble for a while, not the end of all schedules.
#[tokio::test(start_paused = true)]
async fn a_full_disk_delays_schedules_and_does_not_end_them() {
    let desk = Desk::new();
    let config = desk.config(&hello(NINE));
    desk.watch(&config, HOUR / 2).await;
    // The ballast is gone and cannot be made again, which is how a full disk shows.
    let ballast = desk.state().join("ballast");
    std::fs::remove_file(&ballast).unwrap();
    std::os::unix::fs::symlink(desk.state().join("no/such/place"), &ballast).unwrap();
    tokio::join!(desk.watch(&config, 2 * HOUR), async {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let gone = std::fs::symlink_metadata(&ballast).is_err();
            if gone {
                std::os::unix::fs::symlink(desk.state().join("no/such/place"), &ballast).unwrap();
            }
        }
    });
    assert_eq!(desk.occurrences("hello"), [sent("2026-06-01T09:00")]);
}
