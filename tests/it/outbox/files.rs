//! The files of the outbox: whose they are, what is wrong with them, who holds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::clock::Clock;
use postroom::outbox::{
    Banned, Holder, LockError, Missed, Outbox, OutboxError, StateLock, Suppress,
};
use rusqlite::Connection;

use crate::world::bench::{Bench, now, start};
use crate::world::small_disk::SmallDisk;

fn clock() -> Clock {
    Clock::simulated(start(), 1)
}

/// All files below a folder with their bytes; the reader's index of the log is nobody's data.
fn bytes(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

fn refused(dir: &Path) -> OutboxError {
    let before = bytes(dir);
    let error = Outbox::open_inline(dir, clock()).err().expect("refused");
    let after = bytes(dir);
    for (path, content) in &before {
        assert!(
            after.get(path) == Some(content),
            "{} was touched",
            path.display()
        );
    }
    let extra: Vec<_> = after
        .keys()
        .filter(|path| !before.contains_key(*path))
        .collect();
    let left = extra
        .iter()
        .filter(|path| fs::metadata(path).unwrap().len() > 0);
    assert_eq!(left.count(), 0, "left behind: {extra:?}");
    error
}

/// An outbox with a run in it, cleanly closed.
fn used() -> Bench {
    let bench = Bench::new();
    bench.open(&["ada@example.org"]);
    let Bench { dir, clock, outbox } = bench;
    drop(outbox);
    let outbox = Outbox::open_inline(tempfile::tempdir().unwrap().path(), clock.clone()).unwrap();
    Bench { dir, clock, outbox }
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let bench = used();
    let sql = bench.sql();
    sql.pragma_update(None, "user_version", 99).unwrap();
    drop(sql);
    let error = refused(bench.dir.path());
    assert!(
        matches!(error, OutboxError::Newer { version: 99, .. }),
        "{error}"
    );
}

#[test]
fn a_link_in_place_of_the_database_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("elsewhere");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, dir.path().join("postroom.db")).unwrap();
    assert!(Outbox::open_inline(dir.path(), clock()).is_err());
    assert_eq!(fs::metadata(&target).unwrap().len(), 0);
}

#[test]
fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let mode = fs::metadata(bench.dir.path().join("postroom.db")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

fn holder(pid: u32) -> Holder {
    Holder {
        pid,
        host: "mail.example.org".to_owned(),
        started: start(),
        config: "/etc/postroom/postroom.toml".into(),
    }
}

#[test]
fn the_second_process_is_told_who_holds_the_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep").join("state");
    let held = StateLock::take(&state, &holder(4711)).unwrap();
    let error = StateLock::take(&state, &holder(4712)).unwrap_err();
    let text = error.to_string();
    for part in [
        "pid 4711",
        "mail.example.org",
        "2026-06-01 08:00:00Z",
        "postroom.toml",
    ] {
        assert!(text.contains(part), "{text}");
    }
    drop(held);
    let _held = StateLock::take(&state, &holder(4712)).unwrap();
    let error = StateLock::take(&state, &holder(4713)).unwrap_err();
    let LockError::Taken {
        holder: Some(who), ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(who, holder(4712), "the note is the present holder's");
}

#[test]
fn a_database_that_is_deleted_or_replaced_stops_the_outbox_for_good() {
    for replace in [false, true] {
        let bench = Bench::new();
        let id = bench.one();
        let lane = bench.claim_one();
        let path = bench.dir.path().join("postroom.db");
        let copy = bench.dir.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        fs::remove_file(&path).unwrap();
        if replace {
            fs::rename(&copy, &path).unwrap();
        }
        let arm = postroom::outbox::Arm {
            rows: vec![lane],
            account: "ops".to_owned(),
            digest: [0; 32],
        };
        let error = now(bench.outbox.submit(arm)).unwrap_err();
        assert!(matches!(error, OutboxError::Stopped(_)), "{error}");
        if !replace {
            fs::rename(&copy, &path).unwrap();
        }
        let error = now(bench.outbox.submit(postroom::outbox::Sweep)).unwrap_err();
        assert!(
            matches!(error, OutboxError::Stopped(_)),
            "for good: {error}"
        );
        assert_eq!(bench.state(id), postroom::outbox::state::State::Leased);
    }
}

fn missed(bench: &Bench, n: u32) -> Missed {
    Missed {
        id: bench.clock.new_id().to_string(),
        schedule: "weekly".to_owned(),
        occurrence: n.to_string(),
        account: "ops".to_owned(),
        due_at: 0,
        state: postroom::outbox::Unrun::Missed,
        reason: "too late".to_owned(),
    }
}

#[test]
fn on_a_full_disk_nothing_is_armed_and_what_was_sent_is_still_recorded() {
    use postroom::outbox::state::State;
    use postroom::outbox::{Arm, ArmRefusal, Hold, Outcome, Scope};
    type Armed = Result<Vec<Result<(), ArmRefusal>>, OutboxError>;

    let Some(disk) = SmallDisk::mount("3m") else {
        return;
    };
    let clock = clock();
    let outbox = Outbox::open_inline(disk.path(), clock.clone()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench { dir, clock, outbox };
    // The bench's files lie on the small disk; its own folder stays empty.
    let run = bench.new_run("weekly", "1");
    bench.open_run(run, &["ada@example.org", "bob@example.org"]);
    let lanes = bench.claim(2);
    bench.arm(&lanes[0]).unwrap();
    disk.stuff();

    // Whatever room the log had already is used up first.
    let full = (0..3000).find_map(|n| now(bench.outbox.submit(missed(&bench, n))).err());
    assert!(matches!(full, Some(OutboxError::Full { .. })), "{full:?}");
    let arm = Arm {
        rows: vec![lanes[1].clone()],
        account: "ops".to_owned(),
        digest: [0; 32],
    };
    let mut refused: Armed = Ok(Vec::new());
    for n in 3000..3050 {
        // The commits above stopped at a page's end; the arm needs pages of its own.
        let _ = now(bench.outbox.submit(missed(&bench, n)));
        refused = now(bench.outbox.submit(arm.clone()));
        if refused.is_err() {
            break;
        }
    }
    assert!(
        matches!(refused, Err(OutboxError::Full { .. })),
        "{refused:?}"
    );
    // Who stops it now must not find it go on when there is room.
    let hold = Hold {
        scope: Scope::Account("elsewhere".to_owned()),
        reason: "wrong price".to_owned(),
        author: "uid 0 (root)".to_owned(),
        ends_at: None,
    };
    assert!(now(bench.outbox.submit(hold)).unwrap());
    let reply = now(bench
        .outbox
        .submit(crate::world::bench::report(&lanes[0], Outcome::Accepted)));
    assert_eq!(
        reply.unwrap(),
        Some(State::Accepted),
        "the ballast made room"
    );
    let error = now(bench.outbox.submit(missed(&bench, 9000))).unwrap_err();
    assert!(
        matches!(error, OutboxError::Full { .. }),
        "nothing new without ballast: {error}"
    );
    assert!(now(bench.outbox.submit(arm.clone())).is_err());

    disk.unstuff();
    assert_eq!(
        now(bench.outbox.submit(arm)).unwrap(),
        [Ok(())],
        "there is room again"
    );
    assert!(disk.path().join("ballast").exists());
    let holds = bench.outbox.reader().unwrap().holds(bench.now_ms());
    assert_eq!(holds.unwrap().len(), 1);
    let states: Vec<_> = bench
        .outbox
        .reader()
        .unwrap()
        .deliveries(&postroom::outbox::Filter {
            states: vec!["accepted".to_owned(), "armed".to_owned()],
            ..Default::default()
        })
        .unwrap();
    assert_eq!(states.len(), 2);
}

/// A file of no bytes beside a ballast had an outbox in it once: starting afresh would forget who
/// got what.
#[test]
fn a_database_that_was_emptied_is_not_taken_for_a_new_one() {
    let bench = used();
    fs::write(bench.dir.path().join("postroom.db"), "").unwrap();
    let error = refused(bench.dir.path()).to_string();
    assert!(
        error.contains("empty") && error.contains("backup"),
        "{error}"
    );

    let fresh = tempfile::tempdir().unwrap();
    fs::write(fresh.path().join("postroom.db"), "").unwrap();
    assert!(
        Outbox::open_inline(fresh.path(), clock()).is_ok(),
        "a start that was cut short"
    );
}

#[test]
fn a_newer_database_whose_process_was_killed_keeps_its_write_ahead_log() {
    let bench = used();
    let sql = bench.sql();
    sql.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    sql.pragma_update(None, "user_version", 99).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in ["postroom.db", "postroom.db-wal"] {
        fs::copy(bench.dir.path().join(name), copy.path().join(name)).unwrap();
    }
    assert!(
        fs::metadata(copy.path().join("postroom.db-wal"))
            .unwrap()
            .len()
            > 0
    );
    let error = refused(copy.path());
    assert!(
        matches!(error, OutboxError::Newer { version: 99, .. }),
        "{error}"
    );
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let other = Connection::open(dir.path().join("postroom.db")).unwrap();
    other
        .execute_batch("CREATE TABLE song (title TEXT); INSERT INTO song VALUES ('So What');")
        .unwrap();
    drop(other);
    let error = refused(dir.path());
    assert!(matches!(error, OutboxError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("untouched"), "{error}");
}

#[test]
fn garbage_and_torn_files_are_refused_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postroom.db");
    fs::write(&path, "Dear diary, ".repeat(1000)).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OutboxError::Foreign { .. }), "{error}");

    let bench = used();
    let path = bench.dir.path().join("postroom.db");
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() / 2, 4096, 100] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(bench.dir.path()).to_string();
        assert!(error.contains("postroom.db"), "{length}: {error}");
        assert!(
            error.contains("backup"),
            "says what to do: {length}: {error}"
        );
    }
}

/// A thread that dies must not leave its callers waiting for ever.
#[test]
fn a_writer_that_dies_answers_its_callers() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(dir.path(), clock()).unwrap();
    let bench = Bench {
        dir,
        clock: clock(),
        outbox,
    };
    let new = bench.new_run("weekly", "1");
    let postroom::outbox::Opened::Fill(run, _) = bench.outbox.submit(new).wait().unwrap() else {
        panic!("a fresh run");
    };
    let rows = vec![crate::world::bench::row(1, "ada@example.org")];
    bench
        .outbox
        .submit(postroom::outbox::AddRows { run, rows })
        .wait()
        .unwrap();
    // Something that the schema forbids, and the code takes for impossible.
    let sql = bench.sql();
    sql.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    sql.execute("UPDATE delivery SET state = 'sent', epoch = 1", [])
        .unwrap();
    let record = postroom::outbox::Record {
        id: postroom::outbox::DeliveryId { run, seq: 1 },
        epoch: 1,
        outcome: postroom::outbox::Outcome::Accepted,
        account: "ops".to_owned(),
        started_at: 0,
        stage: "end of data",
        code: None,
        enhanced: None,
        reply: String::new(),
    };
    let (done, answers) = std::sync::mpsc::channel();
    let outbox = bench.outbox;
    std::thread::spawn(move || {
        let first = outbox.submit(record).wait().map(drop);
        done.send(first).unwrap();
        let second = outbox.submit(Suppress::from(Banned::new("x", "x", "x")));
        done.send(second.wait().map(drop)).unwrap();
    });
    for _ in 0..2 {
        let answer = answers
            .recv_timeout(std::time::Duration::from_secs(20))
            .expect("an answer, not silence");
        assert!(matches!(answer, Err(OutboxError::Stopped(_))), "{answer:?}");
    }
}
