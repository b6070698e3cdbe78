//! Files that are too old, or may be young: what a moment says of a list.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use postroom::audience::{Care, List, ListError};
use postroom::clock::Clock;

use super::Csv;
use crate::world::patience::wait_for;

const HOUR: Duration = Duration::from_secs(3600);

impl Csv {
    /// Last changed so long before this clock's now.
    fn aged(self, clock: &Clock, age: Duration) -> Self {
        let moment = SystemTime::from(clock.now()) - age;
        self.changed_at(moment)
    }

    fn changed_at(self, moment: SystemTime) -> Self {
        let file = OpenOptions::new().write(true).open(self.path()).unwrap();
        file.set_modified(moment).unwrap();
        self
    }
}

fn morning() -> Clock {
    Clock::simulated("2026-06-01T09:00:00Z".parse().unwrap(), 1)
}

fn outcome(list: &List, care: &Care) -> Result<usize, ListError> {
    list.read_with(care)?.map(|row| row.map(|_| 1)).sum()
}

#[test]
fn a_file_that_is_older_than_max_age_is_refused() {
    let clock = morning();
    let people = || Csv::new("email\nada@example.org\n").with(|it| it.max_age = Some(26 * HOUR));
    for (age, is_good) in [(0, true), (25, true), (27, false), (51, false)] {
        let csv = people().aged(&clock, HOUR * age);
        for care in [Care::Fresh(clock.clone()), Care::AtRest(clock.clone())] {
            assert_eq!(outcome(&csv.list, &care).is_ok(), is_good, "{age} {care:?}");
        }
        assert_eq!(csv.list.stale(clock.now()).is_none(), is_good, "{age}");
        assert!(outcome(&csv.list, &Care::Readable).is_ok());
    }
    let csv = people().aged(&clock, 51 * HOUR);
    let error = outcome(&csv.list, &Care::Fresh(clock)).unwrap_err();
    assert_eq!(
        super::said(&error, csv.folder.path()),
        "list `people`: people.csv: it was last changed 2 d 3 h ago, and `max_age` allows 26 h; \
         did its export fail?"
    );
    assert_eq!((error.code(), error.line), ("stale-file", None));
}

#[test]
fn a_file_without_max_age_may_be_of_any_age_and_one_of_tomorrow_is_not_old() {
    let clock = morning();
    let care = Care::Fresh(clock.clone());
    let old = Csv::new("email\n").aged(&clock, 24 * 365 * 30 * HOUR);
    assert!(outcome(&old.list, &care).is_ok());
    let tomorrow = SystemTime::from(clock.now()) + 24 * HOUR;
    let csv = Csv::new("email\n").with(|it| it.max_age = Some(HOUR));
    assert!(outcome(&csv.changed_at(tomorrow).list, &care).is_ok());
}

#[test]
fn a_file_that_is_dated_days_ahead_has_no_age_that_could_be_judged() {
    let clock = morning();
    let care = Care::Fresh(clock.clone());
    let days = SystemTime::from(clock.now()) + 72 * HOUR + HOUR / 2;
    let csv = Csv::new("email\n").changed_at(days);
    assert!(
        outcome(&csv.list, &care).is_ok(),
        "nobody asked for its age"
    );
    let csv = csv.with(|it| it.max_age = Some(HOUR));
    let error = outcome(&csv.list, &care).unwrap_err();
    assert_eq!(
        super::said(&error, csv.folder.path()),
        "list `people`: people.csv: it is dated 3 d 0 h in the future, so `max_age` cannot tell \
         how old it is; is a clock wrong?"
    );
    assert!(csv.list.stale(clock.now()).is_some());
}

#[test]
fn an_age_that_is_allowed_is_told_as_it_is_written() {
    let clock = morning();
    for (allowed, told) in [
        (HOUR, "1 h"),
        (HOUR / 60 * 90, "90 min"),
        (24 * HOUR, "24 h"),
        (72 * HOUR, "3 d"),
        (Duration::from_secs(5), "5 s"),
    ] {
        let csv = Csv::new("email\n").with(|it| it.max_age = Some(allowed));
        let csv = csv.aged(&clock, 1000 * HOUR);
        let error = outcome(&csv.list, &Care::Fresh(clock.clone())).unwrap_err();
        let end = format!("and `max_age` allows {told}");
        assert!(error.message.ends_with(&end), "{}", error.message);
    }
}

/// The real clock, because files have real times.
#[test]
fn a_file_that_is_being_written_has_come_to_rest_before_a_run_that_nobody_watches() {
    let clock = Clock::system();
    let csv = Csv::new("email\nada@example.org\n");
    let (path, list) = (csv.path(), csv.list.clone());
    let reader = std::thread::spawn(move || outcome(&list, &Care::AtRest(Clock::system())));
    // Whole lines, each of them the end of a whole list.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let mut written = 0;
    wait_for("the end of the reading", || {
        file.write_all(b"bo@example.org\n").unwrap();
        written += 1;
        reader.is_finished().then_some(())
    });
    let error = reader.join().unwrap().unwrap_err();
    assert_eq!(error.message, "the file was changed while it was read");
    assert!(written > 1);
    drop(file);

    let old = csv.aged(&clock, 5 * Duration::from_secs(1));
    assert!(outcome(&old.list, &Care::AtRest(clock)).is_ok());
}

/// Whoever waited for a time that is still to come would never come back.
#[test]
fn a_file_with_a_time_that_is_still_to_come_is_waited_for_by_nobody() {
    let clock = morning();
    for ahead in [Duration::from_millis(1), HOUR, 24 * 365 * HOUR] {
        let moment = SystemTime::from(clock.now()) + ahead;
        let csv = Csv::new("email\nada@example.org\n").changed_at(moment);
        let care = Care::AtRest(clock.clone());
        assert_eq!(outcome(&csv.list, &care).unwrap(), 1);
    }
}
