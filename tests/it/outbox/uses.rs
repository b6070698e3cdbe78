//! What limits must remember at a start: told by the outbox in elapsed time, whatever was done to
//! the wall clock.

use std::time::Duration;

use postroom::clock::Clock;
use postroom::outbox::{Claim, Outbox, Outcome, Use};

use crate::world::bench::{ACCOUNT, Bench, LEASE, now, row};

const HOUR: Duration = Duration::from_secs(3600);
/// By so much less than it is a use is told to be ago: the two clocks may part by it unnoticed.
const SLACK: Duration = Duration::from_millis(10);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn uses(bench: &Bench, longest: Duration) -> Vec<Use> {
    let reader = bench.outbox.reader().unwrap();
    reader.uses(longest, &bench.clock).unwrap()
}

fn ages(bench: &Bench, longest: Duration) -> Vec<(Duration, u64)> {
    let uses = uses(bench, longest);
    uses.iter().map(|it| (it.ago, it.count)).collect()
}

/// Somebody is sent something, and it ends now.
fn send(bench: &Bench) {
    bench.one();
    let row = bench.claim_one();
    bench.arm(&row).unwrap();
    bench.record(&row, Outcome::Accepted);
}

fn jump(bench: &Bench, forward: bool) {
    let at = bench.clock.now();
    let to = if forward { at + HOUR } else { at - HOUR };
    bench.clock.jump_to(to);
}

#[tokio::test(start_paused = true)]
async fn each_use_is_told_with_what_limits_it() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let mut limited = row(1, "ada@gmail.com");
    limited.pool = "gmail.com".to_owned();
    bench.fill(
        run,
        vec![
            limited,
            row(2, "bob@example.org"),
            row(3, "cyd@example.org"),
        ],
    );
    bench.finish(run, 3);
    let rows = bench.claim(3);
    rows.iter().for_each(|row| bench.arm(row).unwrap());
    for row in rows.iter().filter(|row| row.id.seq < 3) {
        bench.record(row, Outcome::Accepted);
    }
    bench.advance(seconds(10));
    let told: Vec<_> = uses(&bench, HOUR)
        .into_iter()
        .map(|it| (it.schedule, it.domain, it.account, it.ago, it.count))
        .collect();
    let one = |pool: &str, ago| {
        let (schedule, account) = ("weekly".to_owned(), ACCOUNT.to_owned());
        (schedule, pool.to_owned(), account, ago, 1)
    };
    let ended = seconds(10) - SLACK;
    let on_its_way = one("", Duration::ZERO);
    assert_eq!(told[0], on_its_way, "the newest first");
    assert_eq!(told.len(), 3);
    assert!(told.contains(&one("gmail.com", ended)), "{told:?}");
    assert!(told.contains(&one("", ended)), "{told:?}");
}

#[test]
fn a_message_that_could_not_be_composed_used_nothing() {
    let bench = Bench::new();
    bench.one();
    let row = bench.claim_one();
    bench.record(&row, Outcome::Invalid);
    assert_eq!(uses(&bench, HOUR), []);
}

#[tokio::test(start_paused = true)]
async fn only_as_much_is_told_as_the_longest_window_needs() {
    let bench = Bench::new();
    send(&bench);
    bench.advance(seconds(60));
    send(&bench);
    assert_eq!(ages(&bench, seconds(59)), [(Duration::ZERO, 1)]);
    assert_eq!(
        ages(&bench, seconds(60)),
        [(Duration::ZERO, 1), (seconds(60) - SLACK, 1)]
    );
}

/// What ended at about the same time is told as one, at the time of the last of it.
#[tokio::test(start_paused = true)]
async fn a_busy_day_is_told_in_few_words() {
    let bench = Bench::new();
    for _ in 0..100 {
        send(&bench);
        bench.advance(seconds(1));
        tokio::task::yield_now().await; // or tokio lets nothing be ready any more
    }
    let told = ages(&bench, seconds(1024 * 50));
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), 100);
    assert_eq!(told[0].0, seconds(1) - SLACK);
    assert_eq!(
        ages(&bench, seconds(1024)).len(),
        100,
        "one for each second"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_makes_nothing_older_or_younger_even_if_nobody_wrote_meanwhile() {
    for forward in [true, false] {
        let mut bench = Bench::new();
        send(&bench);
        bench.advance(seconds(10));
        jump(&bench, forward);
        assert_eq!(ages(&bench, seconds(60)), [(seconds(10) - SLACK, 1)]);
        bench.crash();
        assert_eq!(ages(&bench, seconds(60)), [(seconds(10) - SLACK, 1)]);
        bench.settle();
        send(&bench); // notes that the clock was set
        bench.advance(seconds(5));
        bench.crash();
        assert_eq!(
            ages(&bench, seconds(60)),
            [(seconds(5) - SLACK, 1), (seconds(15) - SLACK, 1)],
            "forward: {forward}"
        );
    }
}

/// The same hour comes twice. Who sees only its stamps takes all for the second time.
#[tokio::test(start_paused = true)]
async fn what_was_stamped_in_an_hour_that_came_twice_counts_as_of_the_second_time() {
    let bench = Bench::new();
    send(&bench);
    bench.advance(HOUR);
    jump(&bench, false);
    send(&bench);
    assert_eq!(
        ages(&bench, 2 * HOUR),
        [(Duration::ZERO, 2)],
        "the first was an hour ago and has the same stamp"
    );
    bench.advance(seconds(60));
    assert_eq!(ages(&bench, 2 * HOUR), [(seconds(60) - SLACK, 2)]);
}

/// A span of wall time may be half of the one stretch and half of another: what was sent in the
/// newer one is not taken for as old as the rest of its group.
#[tokio::test(start_paused = true)]
async fn uses_are_not_told_as_one_across_a_clock_that_was_set() {
    let bench = Bench::new();
    bench.advance(seconds(100));
    send(&bench); // at 100 by the clock
    bench.clock.jump_to(bench.clock.now() - seconds(2));
    bench.advance(seconds(1000));
    bench.clock.jump_to(bench.clock.now() - seconds(1001));
    send(&bench); // at 97
    bench.advance(seconds(1));
    let told = ages(&bench, seconds(1024 * 50));
    assert_eq!(told, [(seconds(1) - SLACK, 1), (seconds(1001) - SLACK, 1)]);
}

/// Another start of the machine: its elapsed time says nothing, the wall clock is all there is.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_start_of_the_machine_sent_is_taken_at_its_word() {
    let mut bench = Bench::new();
    send(&bench);
    bench.advance(seconds(10));
    let other = "UPDATE wall_clock SET boot = 'another'";
    bench.sql().execute(other, []).unwrap();
    assert_eq!(ages(&bench, seconds(60)), [(seconds(10), 1)]);
    bench.crash();
    jump(&bench, false);
    assert_eq!(ages(&bench, seconds(60)), [(Duration::ZERO, 1)]);
    send(&bench); // this start is known from here on
    bench.advance(seconds(30));
    assert_eq!(
        ages(&bench, seconds(60)),
        [(seconds(30) - SLACK, 1), (seconds(30), 1)],
        "it was before this start, whatever its stamp says"
    );
    bench.advance(seconds(31));
    assert_eq!(ages(&bench, seconds(60)), [], "and is forgotten in time");
}

/// A copy that runs elsewhere, or a container that was moved.
#[tokio::test(start_paused = true)]
async fn elapsed_time_that_went_back_is_another_machines() {
    let mut bench = Bench::new();
    bench.advance(seconds(10));
    send(&bench);
    bench.advance(seconds(40));
    jump(&bench, true);
    send(&bench);
    bench.clock = Clock::simulated(bench.clock.now() + seconds(20), 2);
    bench.crash();
    bench.advance(seconds(5));
    let by_the_wall = [(seconds(25), 1), (HOUR + seconds(65), 1)];
    assert_eq!(ages(&bench, 2 * HOUR), by_the_wall);
}

#[tokio::test(start_paused = true)]
async fn the_clocks_are_noted_at_a_start_and_when_one_was_set_and_the_latest_are_kept() {
    let mut bench = Bench::new();
    let noted = |bench: &Bench| -> i64 {
        let count = "SELECT count(*) FROM wall_clock";
        bench.sql().query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(noted(&bench), 0);
    send(&bench);
    bench.advance(HOUR);
    send(&bench);
    assert_eq!(noted(&bench), 1, "while nobody sets it");
    jump(&bench, true);
    send(&bench);
    assert_eq!(noted(&bench), 2);
    bench.crash();
    assert_eq!(noted(&bench), 2, "until something is written");
    send(&bench);
    assert_eq!(noted(&bench), 3);
    for _ in 0..1010 {
        bench.clock.jump_to(bench.clock.now() + seconds(1));
        bench.one();
        tokio::task::yield_now().await; // or tokio lets nothing be ready any more
    }
    assert_eq!(noted(&bench), 1000);
}

#[test]
fn what_was_claimed_when_the_process_was_killed_counts_for_the_account_that_had_it() {
    let mut bench = Bench::new();
    let mut run = bench.new_run("weekly", "1");
    run.via.push("backup".to_owned());
    let run = bench.begin(run);
    let rows: Vec<_> = (1..=6)
        .map(|seq| {
            let mut row = row(seq, &format!("p{seq}@gmail.com"));
            row.pool = if seq < 3 { "gmail.com" } else { "" }.to_owned();
            row
        })
        .collect();
    bench.fill(run, rows);
    bench.finish(run, 6);
    assert_eq!(bench.claim(4).len(), 4);
    let claim = Claim {
        out: vec![ACCOUNT.to_owned()],
        ..Claim::of("backup", 1, LEASE)
    };
    assert_eq!(now(bench.outbox.submit(claim)).unwrap().rows.len(), 1);
    bench.crash();
    let settled = bench.settle();
    let mut leased: Vec<_> = settled
        .leased
        .iter()
        .map(|it| (&*it.account, &*it.domain, it.count, it.ago))
        .collect();
    leased.sort();
    let at_once = Duration::ZERO;
    assert_eq!(
        leased,
        [
            ("backup", "", 1, at_once),
            (ACCOUNT, "", 2, at_once),
            (ACCOUNT, "gmail.com", 2, at_once)
        ]
    );
    assert!(settled.leased.iter().all(|it| it.schedule == "weekly"));
    bench.crash();
    assert_eq!(bench.settle().leased, [], "once");
}

#[test]
fn the_machines_clocks_say_when_something_was() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    let bench = Bench { dir, clock, outbox };
    assert!(!bench.clock.boot().is_empty(), "Linux has a word for it");
    let (before, again) = (bench.clock.since_boot(), Clock::system());
    assert_eq!(again.boot(), bench.clock.boot());
    assert!(
        again.since_boot() >= before,
        "it goes on in the next process"
    );
    send(&bench);
    let told = uses(&bench, HOUR);
    assert_eq!((told.len(), told[0].count), (1, 1));
    assert!(told[0].ago < HOUR);
}
