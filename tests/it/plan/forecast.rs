//! When runs end, as `status`, `send` and the opening tell it.

use std::time::Duration;

use postroom::daemon::answer;
use postroom::daemon::api::Status;
use postroom::outbox::{Arm, Claim, Hold, Outcome, Scope};
use postroom::plan::{Opening, Order, open};

use super::{Desk, hello};
use crate::world::bench::{LEASE, report};

const HOUR: i64 = 3_600_000;

/// The schedule with further lines of its own, and its account with some.
fn limited(account: &str, more: &str) -> String {
    hello(more).replace("[account.ops]\n", &format!("[account.ops]\n{account}\n"))
}

impl Desk {
    fn to(&self, people: usize) {
        let people: Vec<String> = (0..people).map(|n| format!("p{n}@example.org")).collect();
        self.house.people(&people);
    }

    /// Opens a run for so many people.
    fn opened(&self, config: &str, occurrence: &str, people: usize) -> Opening {
        self.to(people);
        let order = Order::due("hello", occurrence.to_owned(), self.clock.now());
        open(&self.config(config), &self.outbox, &self.clock, &order).unwrap()
    }

    fn status(&self, config: &str) -> Status {
        let reader = self.outbox.reader().unwrap();
        answer::status(&self.config(config), &reader, &self.clock).unwrap()
    }

    /// So many messages are taken by the server, all at once.
    fn sends(&self, count: usize) {
        let claim = Claim::of("ops", count, LEASE);
        for row in self.outbox.submit(claim).wait().unwrap().rows {
            let arm = Arm {
                rows: vec![row.clone()],
                account: "ops".to_owned(),
                digest: [7; 32],
            };
            self.outbox.submit(arm).wait().unwrap().remove(0).unwrap();
            let accepted = report(&row, Outcome::Accepted);
            self.outbox.submit(accepted).wait().unwrap();
        }
    }

    /// The hour from now on that is nearest.
    fn hours_until(&self, at: i64) -> i64 {
        let millis = at - self.clock.now().as_millisecond();
        assert!(
            millis.rem_euclid(HOUR).min((-millis).rem_euclid(HOUR)) < 1000,
            "{millis} ms"
        );
        (millis + HOUR / 2) / HOUR
    }
}

/// Of 100 a day a run of more than a hundred people leaves two to others, until more are free soon:
/// 98 at once, 2 and 96 after a day, and the rest after two.
#[tokio::test(start_paused = true)]
async fn an_open_run_says_when_it_ends_and_what_binds_it() {
    let desk = Desk::new();
    let config = limited("rate = \"100/day\"", "expires = \"3d\"");
    let opening = desk.opened(&config, "a", 250);
    let status = desk.status(&config);
    let [forecast] = status.forecasts.as_slice() else {
        panic!("{:?}", status.forecasts);
    };
    assert_eq!(
        (&forecast.run, forecast.left, forecast.expires),
        (&opening.run, 250, 0)
    );
    assert_eq!(desk.hours_until(forecast.ends_at), 48);
    assert_eq!(
        forecast.words("Wed 14:20"),
        "250 left at 100/day: done Wed 14:20; the daily limit of account ops binds"
    );
    assert_eq!(opening.forecast.as_ref(), Some(forecast));
    assert_eq!(status.open[0].reason, None);
}

#[tokio::test(start_paused = true)]
async fn what_went_out_lately_stands_in_the_way() {
    let desk = Desk::new();
    let config = limited("rate = \"100/day\"", "expires = \"4d\"");
    desk.opened(&config, "a", 250);
    desk.sends(60);
    desk.clock.advance(Duration::from_secs(6 * 3600));
    // 38 now, 2 and 58 in 18 hours, 2 and 36 in 24, 2 and 2 and 50 of 56 in 42.
    let forecast = &desk.status(&config).forecasts[0];
    assert_eq!(
        (forecast.left, desk.hours_until(forecast.ends_at)),
        (190, 42)
    );
}

#[tokio::test(start_paused = true)]
async fn what_will_expire_is_told_and_what_to_write() {
    let desk = Desk::new();
    let config = limited("rate = \"100/day\"", "expires = \"30h\"");
    let opening = desk.opened(&config, "a", 250); // 98, 2, 98 as the end is small
    let status = desk.status(&config);
    let forecast = &status.forecasts[0];
    assert_eq!(
        (forecast.expires, desk.hours_until(forecast.ends_at)),
        (52, 30)
    );
    let told = "at least 52 of 250 messages will expire unsent, as account `ops` sends 100/day: \
        write `expires = \"3d\"` in the schedule, or raise that rate if the server allows it";
    assert_eq!(status.open[0].reason.as_deref(), Some(told));
    assert_eq!(opening.late.unwrap().to_string(), told);
    assert_eq!(
        forecast.words("Wed 14:00"),
        "250 left at 100/day: 52 of them expire unsent, the last Wed 14:00; the daily limit of \
         account ops binds"
    );
}

#[tokio::test(start_paused = true)]
async fn one_message_to_all_is_one_that_is_left() {
    let desk = Desk::new();
    desk.house.write("templates/hello/body.txt", "Hello all!\n");
    let config = limited("rate = \"1/minute\"", "expires = \"10m\"\ngroup = true");
    let opening = desk.opened(&config, "a", 50);
    assert_eq!(opening.late.map(|it| it.to_string()), None);
    let status = desk.status(&config);
    assert!(status.forecasts.iter().all(|it| it.left == 1));
    assert_eq!(status.open[0].reason, None);
    // Nor do they stand in the way of others.
    let other = desk.opened(&config.replace("group = true", ""), "b", 5);
    assert_eq!(other.late.map(|it| it.to_string()), None);
}

#[tokio::test(start_paused = true)]
async fn a_run_on_hold_has_no_end_and_takes_nothing_from_others() {
    let desk = Desk::new();
    let config = limited(
        "rate = \"10/hour\"",
        "expires = \"90m\"\noverlap = \"queue\"",
    );
    let held = desk.opened(&config, "a", 30);
    desk.outbox
        .submit(Hold {
            scope: Scope::Run(held.run),
            reason: "a look".to_owned(),
            author: "grace".to_owned(),
            ends_at: None,
        })
        .wait()
        .unwrap();
    let order = Order::manual("hello", &desk.clock);
    desk.to(20);
    let other = open(&desk.config(&config), &desk.outbox, &desk.clock, &order).unwrap();
    let status = desk.status(&config);
    let ids: Vec<_> = status.forecasts.iter().map(|it| &it.run).collect();
    assert_eq!(ids, [&other.run]);
    assert_eq!(
        desk.hours_until(status.forecasts[0].ends_at),
        1,
        "10 and 10"
    );
    let of_held = status.open[0].reason.as_deref().unwrap_or_default();
    assert!(of_held.contains("will expire unsent"), "{of_held}");
}

#[tokio::test(start_paused = true)]
async fn a_run_to_come_is_foreseen_beside_what_is_open() {
    let desk = Desk::new();
    let account = "[daemon]\nstate = \".\"\n[account.ops]\nrate = \"10/hour\"\n";
    let config = hello("expires = \"2d\"").replace("[account.ops]\n", account);
    desk.opened(&config, "a", 40);
    desk.to(20);
    let order = Order::manual("hello", &desk.clock);
    let plan = answer::survey(&desk.config(&config), &order, &desk.clock).unwrap();
    // Five of each ten, as long as both have people.
    let forecast = plan.forecast.unwrap();
    assert_eq!((forecast.left, desk.hours_until(forecast.ends_at)), (20, 3));
    assert_eq!(
        (forecast.run.as_str(), forecast.rate.as_deref()),
        ("", Some("10/hour"))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_where_nothing_is_known() {
    let desk = Desk::new();
    let opening = desk.opened(&hello(""), "a", 250);
    assert_eq!(opening.forecast, None);
    assert_eq!(desk.status(&hello("")).forecasts, []);
    // A server was seen to take 250 a minute: then it is the server.
    let desk = Desk::new();
    desk.opened(&hello(""), "a", 750);
    for _ in 0..250 {
        desk.sends(1);
        desk.clock.advance(Duration::from_millis(240));
    }
    let forecast = desk.status(&hello("")).forecasts.remove(0);
    let seconds = (forecast.ends_at - desk.clock.now().as_millisecond()) / 1000;
    assert!((119..=121).contains(&seconds), "{seconds}");
    assert_eq!(forecast.rate.as_deref(), Some("4.2 a second"));
    assert_eq!(forecast.binds, "the server's speed");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_domain_hold_for_its_people() {
    let desk = Desk::new();
    let domain = "[account.ops.domain.\"example.org\"]\nrate = \"10/hour\"\n";
    let config = format!("{}\n{domain}", hello("expires = \"2d\""));
    let opening = desk.opened(&config, "a", 35);
    let database = rusqlite::Connection::open(desk.state().join("postroom.db")).unwrap();
    let elsewhere = "UPDATE delivery SET pool = '' WHERE seq <= 5";
    database.execute(elsewhere, []).unwrap();
    let forecast = desk.status(&config).forecasts.remove(0);
    assert_eq!((forecast.run, forecast.left), (opening.run, 35));
    assert_eq!(desk.hours_until(forecast.ends_at), 2, "10, 10 and 10");
    assert_eq!(
        forecast.binds,
        "the hourly limit of account ops for example.org"
    );
}
