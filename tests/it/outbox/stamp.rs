//! A database that went back in time is noticed, and sends nothing before a person says so.

use std::fs;
use std::path::Path;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::outbox::{Check, Hold, Outbox, Outcome, Scope, Unhold};
use rusqlite::Connection;

use crate::world::bench::{Bench, GRACE, now, start};

const FILES: [&str; 3] = ["postroom.db", "postroom.db-wal", "stamp"];

impl Bench {
    /// Why everything is on hold.
    fn on_hold(&self) -> Option<String> {
        self.outbox.reader().unwrap().went_back().unwrap()
    }
}

/// An outbox with two people in it, one of whom got their mail.
fn used() -> Bench {
    let bench = Bench::new();
    bench.open(&["ada@example.org", "bob@example.org"]);
    send_one(&bench);
    bench
}

fn send_one(bench: &Bench) {
    let lane = bench.claim(1).remove(0);
    bench.arm(&lane).unwrap();
    bench.record(&lane, Outcome::Accepted);
}

/// The daemon is stopped while `change` is made to its directory.
fn stopped(bench: Bench, change: impl FnOnce(&Path)) -> Bench {
    let Bench { dir, clock, outbox } = bench;
    drop(outbox);
    change(dir.path());
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    Bench { dir, clock, outbox }
}

/// Copies files of a directory to another, without those that it does not have.
fn copy(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// A22: last night's file, put back by hand.
#[test]
fn a_copy_that_is_put_back_is_noticed_and_sends_nothing_until_it_is_released() {
    let aside = tempfile::tempdir().unwrap();
    let mut bench = stopped(used(), |dir| copy(dir, aside.path(), &FILES[..2]));
    assert_eq!(bench.on_hold(), None);
    send_one(&bench); // bob has his mail, and the copy says that he waits for it
    bench = stopped(bench, |dir| copy(aside.path(), dir, &FILES[..2]));

    let reason = bench.on_hold().expect("all is on hold");
    assert!(reason.contains("put back from a copy"), "{reason}");
    assert!(
        reason.contains("4 commits"),
        "open, claim, arm, record: {reason}"
    );
    assert_eq!(bench.claim(10).len(), 0, "bob does not get it twice");
    let audit: (String, String) = bench
        .sql()
        .query_row("SELECT author, action FROM audit", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(audit, ("postroom".to_owned(), "hold".to_owned()));
    bench.crash();
    assert!(bench.on_hold().is_some(), "also after another start");

    bench.unhold();
    assert_eq!(bench.claim(10).len(), 1, "a person said so");
    bench = stopped(bench, |_| {});
    assert_eq!(bench.on_hold(), None, "it is told once");
}

#[test]
fn the_database_that_was_moved_aside_for_a_copy_is_noticed_when_it_comes_back() {
    let (early, late) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bench = stopped(used(), |dir| copy(dir, early.path(), &FILES[..2]));
    send_one(&bench);
    let bench = stopped(bench, |dir| {
        copy(dir, late.path(), &FILES[..2]);
        copy(early.path(), dir, &FILES[..2]);
    });
    bench.unhold();
    let bench = stopped(bench, |dir| copy(late.path(), dir, &FILES[..2]));
    assert!(bench.on_hold().is_some());
}

/// A20: and without the log an outbox that was never folded is empty, which is no new one.
#[test]
fn a_write_ahead_log_that_was_deleted_is_noticed() {
    let bench = used();
    let without_log = |bench: &Bench| {
        // A copy: whoever closes the last connection empties the log.
        let dir = tempfile::tempdir().unwrap();
        copy(bench.dir.path(), dir.path(), &["postroom.db", "stamp"]);
        let outbox = Outbox::open_inline(dir.path(), bench.clock.clone());
        outbox.map(|outbox| outbox.reader().unwrap().went_back().unwrap())
    };
    let error = without_log(&bench).unwrap_err().to_string();
    assert!(error.contains("it is empty, and was written to"), "{error}");
    bench
        .sql()
        .query_row("PRAGMA wal_checkpoint", [], |_| Ok(()))
        .unwrap();
    assert_eq!(without_log(&bench).unwrap(), None, "nothing is in the log");
    send_one(&bench);
    let reason = without_log(&bench).unwrap().expect("all is on hold");
    assert!(
        reason.contains("lost what was written last: 3 commits"),
        "{reason}"
    );
}

#[test]
fn without_its_stamp_nobody_can_tell_and_so_nothing_is_sent() {
    let spoils: [fn(&Path); 3] = [
        |dir| fs::remove_file(dir.join("stamp")).unwrap(),
        |dir| fs::write(dir.join("stamp"), "").unwrap(),
        |dir| fs::write(dir.join("stamp"), [0; 54]).unwrap(),
    ];
    for spoil in spoils {
        let bench = stopped(used(), spoil);
        let reason = bench.on_hold().expect("all is on hold");
        assert!(reason.contains("`stamp`"), "{reason}");
        assert_eq!(bench.claim(10).len(), 0);
    }
}

#[test]
fn the_database_of_another_outbox_is_noticed() {
    let other = used();
    let bench = stopped(used(), |dir| copy(other.dir.path(), dir, &FILES[..2]));
    let reason = bench.on_hold().expect("all is on hold");
    assert!(reason.contains("not the outbox that was here"), "{reason}");
}

#[test]
fn what_a_person_has_on_hold_stays_so_with_their_reason() {
    let bench = used();
    bench.hold("all", "", Some(1));
    let bench = stopped(bench, |dir| fs::remove_file(dir.join("stamp")).unwrap());
    let reason = bench.on_hold().expect("all is on hold");
    assert!(reason.contains("by grace: looks wrong"), "{reason}");
    assert_eq!(
        bench.claim(10).len(),
        0,
        "the end of that hold is not this one's"
    );
}

/// Or it would begin to send what may have been sent, at an hour that nobody meant for that.
#[test]
fn a_hold_with_an_end_does_not_replace_that_of_a_copy() {
    let bench = Bench::new();
    bench.open(&["ada@example.org"]);
    let bench = stopped(bench, |dir| {
        fs::remove_file(dir.join("stamp")).unwrap();
    });
    let why = bench.on_hold();
    assert!(why.is_some());
    let hold = Hold {
        scope: Scope::All,
        reason: "lunch".to_owned(),
        author: GRACE.to_owned(),
        ends_at: Some(bench.now_ms() + 60_000),
    };
    assert!(!now(bench.outbox.submit(hold)).unwrap(), "it was on hold");
    assert_eq!(bench.on_hold(), why);
    bench.advance(Duration::from_secs(3600));
    assert!(bench.claim(10).is_empty());
    let author = GRACE.to_owned();
    let scope = Scope::All;
    assert!(now(bench.outbox.submit(Unhold { scope, author })).unwrap());
    assert_eq!(bench.claim(10).len(), 1);
}

#[test]
fn an_outbox_that_is_stopped_in_any_way_raises_no_alarm() {
    let mut bench = Bench::new();
    for n in 0..30 {
        match n % 3 {
            0 => drop(bench.open(&["ada@example.org"])),
            1 => send_one(&bench),
            _ => drop(bench.sweep()),
        }
        // The file is behind by one commit, as a kill between the two writes leaves it.
        let before = fs::read(bench.dir.path().join("stamp")).unwrap();
        bench.suppress(&format!("nobody{n}@example.org"));
        bench = stopped(bench, |dir| fs::write(dir.join("stamp"), before).unwrap());
        assert_eq!(bench.on_hold(), None, "{n}");
    }
}

#[test]
fn a_migrated_outbox_gets_its_stamp_without_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    super::migration::version_1(dir.path());
    let clock = Clock::simulated(start(), 1);
    for _ in 0..2 {
        let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
        assert_eq!(outbox.reader().unwrap().went_back().unwrap(), None);
        assert!(dir.path().join("stamp").exists());
    }
}

/// An idle daemon looks for work all the time: that must not wake a disk.
#[test]
fn what_changes_nothing_is_no_commit() {
    let bench = used();
    let stamp = || fs::read(bench.dir.path().join("stamp")).unwrap();
    let before = stamp();
    for _ in 0..3 {
        bench.sweep();
        bench.settle();
        assert_eq!(bench.claim(0).len(), 0);
    }
    assert_eq!(stamp(), before);
    bench.suppress("ada@example.org");
    assert_ne!(stamp(), before);
}

#[test]
fn the_stamp_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let meta = fs::metadata(bench.dir.path().join("stamp")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
}

#[test]
fn only_an_outbox_that_was_closed_or_looked_through_counts_as_sound() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(start(), 1);
    let open = || Outbox::open(dir.path(), clock.clone()).unwrap();
    let outbox = open();
    assert!(outbox.is_sound(), "a new one");
    outbox.close();
    let outbox = open();
    assert!(outbox.is_sound(), "closed in order");
    drop(outbox); // without a word
    let outbox = open();
    assert!(!outbox.is_sound());
    outbox.close();
    let outbox = open();
    assert!(
        !outbox.is_sound(),
        "closed in order, but nobody has looked yet"
    );
    let reader = outbox.reader().unwrap();
    assert_eq!(outbox.check(&reader).unwrap(), Check::Sound);
    outbox.close();
    assert!(open().is_sound());
}

#[test]
fn a_broken_page_is_found_and_stops_the_outbox_for_good() {
    let people: Vec<String> = (0..400).map(|n| format!("p{n}@example.org")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let bench = Bench::new();
    bench.open(&people);
    let bench = stopped(bench, |dir| break_a_page(&dir.join("postroom.db")));
    let reader = bench.outbox.reader().unwrap();
    let check = bench.outbox.check(&reader).unwrap();
    assert!(matches!(check, Check::Damaged(_)), "{check:?}");
    let error = now(bench.outbox.submit(postroom::outbox::Sweep));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(!bench.outbox.is_sound());
}

/// Overwrites the middle of a table that a start does not read.
pub(crate) fn break_a_page(path: &Path) {
    let sql = Connection::open(path).unwrap();
    sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let page: usize = sql
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'run_key'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(sql);
    let mut bytes = fs::read(path).unwrap();
    bytes[(page - 1) * 4096..][..4096].fill(0x55);
    fs::write(path, bytes).unwrap();
}
