//! An outbox of an earlier version is brought up to this one, with a copy of it kept as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::outbox::{Filter, Outbox};
use rusqlite::Connection;

use crate::world::bench::{Bench, start};

const VERSION_1: &str = include_str!("schema-1.sql");
const VERSION_2: &str = include_str!("schema-2.sql");
const VERSION_4: &str = include_str!("schema-4.sql");

/// An outbox as version 1 left it: a run that is being sent, with a row in each interesting state.
pub(super) fn version_1(dir: &Path) {
    let sql = Connection::open(dir.join("postroom.db")).unwrap();
    sql.pragma_update(None, "journal_mode", "WAL").unwrap();
    sql.execute_batch(&format!(
        "{VERSION_1}
         PRAGMA application_id = {};
         PRAGMA user_version = 1;
         INSERT INTO meta VALUES ('hmac-key', randomblob(32));
         INSERT INTO blob VALUES (x'01', x'7b7d');
         INSERT INTO run VALUES (7, '01JRUN', 'weekly', 'monday', 'sending', NULL, 'ops', 1, 2,
           NULL, 9000000000000, x'01', '{{}}', 0, '[60000]', 'resend', 900000, 3);
         INSERT INTO delivery (run, seq, state, list, line, key, address, fields, next_at,
           not_before, tries, ended_at, reason)
         VALUES (7, 1, 'queued', 'staff', 2, 'ada@example.org', 'ada@example.org', '{{}}', 0, 0, 0,
             NULL, NULL),
           (7, 2, 'accepted', 'staff', 3, 'bob@example.org', 'bob@example.org', '{{}}', 0, 0, 2, 5,
             NULL),
           (7, 3, 'deferred', 'staff', 4, 'eve@example.org', 'eve@example.org', '{{}}', 5, 9, 1,
             NULL, '450 later');
         INSERT INTO attempt (run, seq, n, account, started_at, ended_at, outcome) VALUES
           (7, 2, 1, 'ops', 1, 2, 'deferred'), (7, 2, 2, 'ops', 4, 5, 'accepted'),
           (7, 3, 1, 'ops', 1, 2, 'deferred');
         INSERT INTO tally VALUES (7, 'queued', 1), (7, 'accepted', 1), (7, 'deferred', 1);",
        0x706f_7374
    ))
    .unwrap();
}

/// The same as version 2 left it.
fn version_2(dir: &Path) {
    let sql = Connection::open(dir.join("postroom.db")).unwrap();
    sql.pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .unwrap();
    sql.pragma_update(None, "journal_mode", "WAL").unwrap();
    sql.execute_batch(&format!(
        "{VERSION_2}
         PRAGMA application_id = {};
         PRAGMA user_version = 2;
         INSERT INTO meta VALUES ('hmac-key', randomblob(32));
         INSERT INTO stamp VALUES (1, lower(hex(randomblob(16))), 0, 1, NULL);
         INSERT INTO blob VALUES (x'01', x'7b7d');
         INSERT INTO run (no, id, schedule, occurrence, state, account, due_at, opened_at,
           expires_at, template, sender, utc_offset, retry, on_uncertain, resend_after, people)
         VALUES (7, '01JRUN', 'weekly', 'monday', 'sending', 'ops', 1, 2, 9000000000000, x'01',
           '{{}}', 0, '[60000]', 'resend', 900000, 2);
         INSERT INTO delivery (run, seq, state, list, line, key, address, fields, next_at,
           attempts, tries, ended_at)
         VALUES (7, 1, 'queued', 'staff', 2, 'ada@example.org', 'ada@example.org', '{{}}', 0, 0, 0,
             NULL),
           (7, 2, 'accepted', 'staff', 3, 'bob@example.org', 'bob@example.org', '{{}}', 0, 1, 1,
             5);
         INSERT INTO attempt (run, seq, n, account, started_at, ended_at, outcome) VALUES
           (7, 2, 1, 'ops', 4, {}, 'accepted');
         INSERT INTO tally VALUES (7, 'queued', 1), (7, 'accepted', 1);",
        0x706f_7374,
        start().as_millisecond() - 5000
    ))
    .unwrap();
}

/// The same as version 4 left it, with somebody whose mail waits.
fn version_4(dir: &Path) {
    let sql = Connection::open(dir.join("postroom.db")).unwrap();
    sql.pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .unwrap();
    sql.pragma_update(None, "journal_mode", "WAL").unwrap();
    sql.execute_batch(&format!(
        "{VERSION_4}
         PRAGMA application_id = {};
         PRAGMA user_version = 4;
         INSERT INTO meta VALUES ('hmac-key', randomblob(32));
         INSERT INTO stamp VALUES (1, lower(hex(randomblob(16))), 0, 1, NULL);
         INSERT INTO blob VALUES (x'01', x'7b7d');
         INSERT INTO run (no, id, schedule, occurrence, state, account, due_at, opened_at,
           expires_at, template, sender, utc_offset, retry, on_uncertain, resend_after, people, via)
         VALUES (7, '01JRUN', 'weekly', 'monday', 'sending', 'ops', 1, 2, 9000000000000, x'01',
           '{{}}', 3600, '[60000]', 'resend', 900000, 1, '[\"ops\"]');
         INSERT INTO delivery (run, seq, state, list, line, key, address, fields, next_at)
         VALUES (7, 1, 'queued', 'staff', 2, 'ada@example.org', 'ada@example.org', '{{}}', 0);
         INSERT INTO tally VALUES (7, 'queued', 1);",
        0x706f_7374
    ))
    .unwrap();
}

#[test]
fn an_outbox_of_the_fourth_version_goes_on_and_its_runs_carry_nothing() {
    let dir = tempfile::tempdir().unwrap();
    version_4(dir.path());
    let clock = Clock::simulated(start(), 1);
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    let bench = Bench { dir, clock, outbox };
    let row = bench.claim_one();
    assert_eq!((row.address.as_str(), row.files), ("ada@example.org", None));
    let (_, frozen) = bench.outbox.reader().unwrap().frozen(row.id.run).unwrap();
    assert_eq!(
        (frozen.carried, frozen.zone, frozen.utc_offset),
        (None, None, 3600)
    );
    assert_eq!(shape(bench.dir.path()), shape(Bench::new().dir.path()));
}

/// Every table and index, without the spaces, quotes and comments that differ by history.
fn shape(dir: &Path) -> BTreeMap<String, String> {
    let sql = Connection::open(dir.join("postroom.db")).unwrap();
    let mut query = sql
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    rows.unwrap()
        .map(|row| row.unwrap())
        .map(|(name, text)| (name, text.split_whitespace().collect::<String>()))
        .map(|(name, text): (String, String)| (name, text.replace('"', "")))
        .collect()
}

/// A29: in the midst of a run.
#[test]
fn an_outbox_of_the_first_version_goes_on_as_one_of_this_version() {
    let dir = tempfile::tempdir().unwrap();
    version_1(dir.path());
    let clock = Clock::simulated(start(), 1);
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    let bench = Bench { dir, clock, outbox };
    let rows = bench
        .outbox
        .reader()
        .unwrap()
        .deliveries(&Filter::default())
        .unwrap();
    let states: Vec<_> = rows
        .iter()
        .map(|row| (row.state.as_str(), row.tries))
        .collect();
    assert_eq!(states, [("queued", 0), ("deferred", 1)]);
    assert_eq!(bench.claim(10).len(), 2, "what waited goes on");
    let next = bench.open(&["ada@example.org"]);
    assert_eq!(next.0, 8, "numbers of runs are never used again");
    assert_eq!(shape(bench.dir.path()), shape(Bench::new().dir.path()));
}

#[tokio::test(start_paused = true)]
async fn an_outbox_of_the_second_version_goes_on_and_its_mail_counts_for_the_rates() {
    let dir = tempfile::tempdir().unwrap();
    version_2(dir.path());
    let clock = Clock::simulated(start(), 1);
    let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
    let bench = Bench { dir, clock, outbox };
    let reader = bench.outbox.reader().unwrap();
    let uses = reader.uses(Duration::from_secs(60), &bench.clock).unwrap();
    assert_eq!(uses.len(), 1, "{uses:?}");
    assert_eq!((&*uses[0].account, uses[0].count), ("ops", 1));
    assert_eq!(uses[0].ago, Duration::from_secs(5));
    let row = bench.claim_one();
    assert!(row.home && row.pool.is_empty());
    assert_eq!(shape(bench.dir.path()), shape(Bench::new().dir.path()));
}

#[test]
fn the_outbox_as_it_was_is_kept_beside_it_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    version_1(dir.path());
    let _outbox = Outbox::open_inline(dir.path(), Clock::simulated(start(), 1)).unwrap();
    let copy = dir.path().join("backups/version-1.db");
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sql = Connection::open(copy).unwrap();
    let version: i32 = sql
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let rows: i64 = sql
        .query_row("SELECT count(*) FROM delivery", [], |row| row.get(0))
        .unwrap();
    assert_eq!((version, rows), (1, 3));
}

/// A29: or it refuses.
#[test]
fn a_migration_that_cannot_be_done_leaves_the_outbox_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    version_1(dir.path());
    let sql = Connection::open(dir.path().join("postroom.db")).unwrap();
    // Nothing that version 1 would have written: the new schema refuses it.
    sql.execute_batch(
        "PRAGMA ignore_check_constraints = 1; UPDATE delivery SET state = 'lost' WHERE seq = 1",
    )
    .unwrap();
    drop(sql);
    let error = Outbox::open_inline(dir.path(), Clock::simulated(start(), 1))
        .err()
        .expect("refused");
    assert!(error.to_string().contains("CHECK"), "{error}");
    let sql = Connection::open(dir.path().join("postroom.db")).unwrap();
    let version: i32 = sql
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let rows: i64 = sql
        .query_row("SELECT count(*) FROM delivery", [], |row| row.get(0))
        .unwrap();
    assert_eq!((version, rows), (1, 3));
}
