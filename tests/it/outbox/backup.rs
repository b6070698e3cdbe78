//! Copies of the outbox: whole, marked, checked, and put back without sending anything.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use postroom::clock::Clock;
use postroom::outbox::{
    BackupError, Holdings, Outbox, OutboxError, Outcome, Restored, back_up, restore, verify_backup,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::stamp::break_a_page;
use crate::world::bench::{Bench, start};
use crate::world::small_disk::SmallDisk;

/// A folder with a configuration file, for backups to go to.
struct Shelf(TempDir);

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mail.toml"), "config_version = 1\n").unwrap();
        Self(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn back_up(&self, bench: &Bench, verify: bool) -> Result<Holdings, BackupError> {
        let (state, config) = (bench.dir.path(), self.at("mail.toml"));
        back_up(state, &config, &self.at("copy"), verify, &bench.clock)
    }

    /// What lies there beside the configuration file.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "mail.toml").collect()
    }
}

fn used() -> Bench {
    let bench = Bench::new();
    bench.open(&["ada@example.org", "bob@example.org", "eve@example.org"]);
    send_one(&bench);
    bench
}

fn send_one(bench: &Bench) {
    let lane = bench.claim(1).remove(0);
    bench.arm(&lane).unwrap();
    bench.record(&lane, Outcome::Accepted);
}

/// Puts a backup back while nobody has the outbox, and opens it.
fn put_back(bench: Bench, from: &Path) -> (Bench, Result<Restored, BackupError>) {
    let Bench { dir, clock, outbox } = bench;
    drop(outbox);
    let restored = restore(dir.path(), from, &clock);
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    (Bench { dir, clock, outbox }, restored)
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_backup_of_an_outbox_in_use_holds_all_that_is_durable() {
    let (bench, shelf) = (used(), Shelf::new());
    let held = shelf.back_up(&bench, true).unwrap();
    assert_eq!((held.runs, held.open), (1, 1));
    assert_eq!((held.deliveries, held.waiting), (3, 2));
    assert!(held.copied_at.is_some_and(|at| at <= bench.now_ms()));
    assert_eq!(verify_backup(&shelf.at("copy")).unwrap(), held);

    let copy = shelf.at("copy");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&copy), 0o700);
    let found = files(&copy);
    let names: Vec<_> = found.keys().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["postroom.db", "postroom.toml"], "one file, no log");
    assert!(found.keys().all(|path| mode(path) == 0o600));
    assert_eq!(found[&copy.join("postroom.toml")], b"config_version = 1\n");
    assert_eq!(shelf.names(), ["copy"]);
    send_one(&bench); // the outbox goes on
    assert_eq!(bench.outbox.reader().unwrap().went_back().unwrap(), None);
}

#[test]
fn what_is_put_back_is_on_hold_until_a_person_releases_it() {
    let (bench, shelf) = (used(), Shelf::new());
    let held = shelf.back_up(&bench, false).unwrap();
    send_one(&bench);
    let (bench, restored) = put_back(bench, &shelf.at("copy"));
    let restored = restored.unwrap();
    assert_eq!(restored.holdings.deliveries, held.deliveries);
    assert!(
        restored.hold.contains("postroom release --all"),
        "{}",
        restored.hold
    );
    let on_hold = bench.outbox.reader().unwrap().went_back().unwrap();
    assert_eq!(on_hold, Some(restored.hold));
    assert_eq!(bench.claim(10).len(), 0);
    bench.unhold();
    assert_eq!(bench.claim(10).len(), 2, "it goes on as it was");

    // The one that was replaced is kept, with what it knew.
    let before = Connection::open(restored.before.unwrap()).unwrap();
    let sent: i64 = before
        .query_row(
            "SELECT count(*) FROM delivery WHERE state = 'accepted'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(sent, 2);
}

#[test]
fn a_backup_goes_to_a_machine_that_has_no_outbox() {
    let (bench, shelf) = (used(), Shelf::new());
    shelf.back_up(&bench, false).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let restored = restore(fresh.path(), &shelf.at("copy"), &bench.clock).unwrap();
    assert_eq!(restored.before, None);
    assert!(!restored.hold.is_empty());
}

#[test]
fn an_outbox_of_an_earlier_version_is_on_hold_too_when_it_is_put_back() {
    let old = tempfile::tempdir().unwrap();
    super::migration::version_1(old.path());
    let fresh = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(start(), 1);
    let from = old.path().join("postroom.db");
    let restored = restore(fresh.path(), &from, &clock).unwrap();
    assert_eq!(
        (restored.holdings.runs, restored.holdings.copied_at),
        (1, None)
    );
    assert!(!restored.hold.is_empty());
    let (bench, restored) = put_back(used(), &from);
    assert!(restored.unwrap().hold.contains("release"));
    assert_eq!(bench.claim(10).len(), 0);
}

#[test]
fn the_file_of_a_backup_that_is_put_back_by_hand_is_noticed() {
    let (bench, shelf) = (used(), Shelf::new());
    shelf.back_up(&bench, false).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let file = fresh.path().join("postroom.db");
    fs::copy(shelf.at("copy/postroom.db"), &file).unwrap();
    let outbox = Outbox::open_inline(fresh.path(), bench.clock).unwrap();
    let reason = outbox.reader().unwrap().went_back().unwrap().unwrap();
    assert!(reason.contains("put back from a copy"), "{reason}");
}

#[test]
fn a_backup_never_goes_over_anything() {
    let (bench, shelf) = (used(), Shelf::new());
    fs::create_dir(shelf.at("copy")).unwrap();
    let error = shelf.back_up(&bench, false).unwrap_err();
    assert!(matches!(error, BackupError::Exists(_)), "{error}");
    fs::remove_dir(shelf.at("copy")).unwrap();
    fs::remove_file(shelf.at("mail.toml")).unwrap();
    let error = shelf.back_up(&bench, false).unwrap_err();
    assert!(error.to_string().contains("mail.toml"), "{error}");
    assert_eq!(shelf.names(), [""; 0], "nothing half is left");
}

#[test]
fn on_a_full_disk_no_half_of_a_backup_is_left() {
    let Some(disk) = SmallDisk::mount("64k") else {
        return;
    };
    let (bench, shelf) = (used(), Shelf::new());
    let to = disk.path().join("copy");
    let (state, config) = (bench.dir.path(), shelf.at("mail.toml"));
    let error = back_up(state, &config, &to, false, &bench.clock).unwrap_err();
    assert!(matches!(error, BackupError::Full(_)), "{error}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// Does something to the files of an outbox.
type Spoil = fn(&Path);

#[test]
fn a_damaged_backup_is_not_put_back() {
    let spoils: [(&str, Spoil); 4] = [
        ("malformed", break_a_page),
        ("its tally says 7", |path| {
            let sql = Connection::open(path).unwrap();
            sql.execute("UPDATE tally SET count = 7 WHERE state = 'queued'", [])
                .unwrap();
        }),
        ("belongs to no run", |path| {
            let sql = Connection::open(path).unwrap();
            sql.pragma_update(None, "foreign_keys", false).unwrap();
            sql.execute("INSERT INTO tally VALUES (99, 'queued', 0)", [])
                .unwrap();
        }),
        ("it is empty", |path| fs::write(path, "").unwrap()),
    ];
    for (words, spoil) in spoils {
        let (bench, shelf) = (used(), Shelf::new());
        shelf.back_up(&bench, true).unwrap();
        spoil(&shelf.at("copy/postroom.db"));
        let before = files(bench.dir.path());
        for error in [
            verify_backup(&shelf.at("copy")).unwrap_err(),
            restore(bench.dir.path(), &shelf.at("copy"), &bench.clock).unwrap_err(),
        ] {
            let damaged = matches!(error, BackupError::Damaged { .. });
            assert!(
                damaged && error.to_string().contains(words),
                "{words}: {error}"
            );
        }
        assert_eq!(
            files(bench.dir.path()),
            before,
            "{words}: the outbox was touched"
        );
    }
}

#[test]
fn what_is_no_backup_of_this_version_is_told_apart() {
    let (bench, shelf) = (used(), Shelf::new());
    let missing = verify_backup(&shelf.at("copy")).unwrap_err();
    assert!(matches!(missing, BackupError::Missing(_)), "{missing}");
    let foreign = verify_backup(&shelf.at("mail.toml")).unwrap_err();
    let is_foreign = matches!(foreign, BackupError::Outbox(OutboxError::Foreign { .. }));
    assert!(is_foreign, "{foreign}");
    shelf.back_up(&bench, false).unwrap();
    let sql = Connection::open(shelf.at("copy/postroom.db")).unwrap();
    sql.pragma_update(None, "user_version", 99).unwrap();
    let newer = verify_backup(&shelf.at("copy")).unwrap_err();
    let is_newer = matches!(newer, BackupError::Outbox(OutboxError::Newer { .. }));
    assert!(is_newer, "{newer}");
}
