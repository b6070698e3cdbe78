//! A person is forgotten: in the rows, in what is said about them, and in the bytes of the files.

use std::fs;
use std::path::Path;

use postroom::clock::Clock;
use postroom::outbox::state::State;
use postroom::outbox::{
    AddRows, Banned, DeliveryId, FORGOTTEN, ForgetError, Forgotten, Kept, Outbox, Outcome,
    SealKeys, Suppress, forget,
};

use crate::world::bench::{Bench, now, report, row};

const ADA: &str = "Ada.Lovelace@Example.org";
const KEY: &str = "ada.lovelace@example.org";
const NAME: &str = "Augusta Ada King-Noel";

/// Whether `text` stands in any file of the outbox, in any case.
fn stands(dir: &Path, text: &str) -> bool {
    let text = text.to_lowercase().into_bytes();
    let files = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

/// A run in which she stands, with somebody else, and what the list says about her.
fn open(bench: &Bench, occurrence: &str) -> postroom::outbox::RunNo {
    let run = bench.begin(bench.new_run("weekly", occurrence));
    let mut hers = row(1, ADA);
    hers.name = Some(NAME.to_owned());
    hers.fields = format!(r#"{{"email":"{ADA}","name":"{NAME}"}}"#);
    bench.fill(run, vec![hers, row(2, "bob@example.org")]);
    let keys = bench.outbox.reader().unwrap().waiting_keys(run, &[1, 2]);
    let mut keys = keys.unwrap();
    keys.sort_by_key(|key| key.fingerprint);
    now(bench.outbox.submit(SealKeys { run, keys })).unwrap();
    bench.finish(run, 2);
    run
}

fn forget_her(bench: &Bench) -> Result<Forgotten, ForgetError> {
    forget(&bench.outbox, KEY, "uid 0 (root)")
}

#[test]
fn no_byte_of_the_address_or_the_name_is_left_and_no_mail_goes_there_again() {
    let bench = Bench::new();
    let refused = open(&bench, "refused");
    for row in bench.claim(10) {
        bench.arm(&row).unwrap();
        let mut end = report(&row, Outcome::Rejected { suppress: false });
        end.reply = format!("550 5.7.1 {} is not welcome", row.address);
        now(bench.outbox.submit(end)).unwrap();
    }
    let waiting = open(&bench, "waiting");
    bench
        .sql()
        .execute(
            "INSERT INTO audit (at, author, action, detail) VALUES (0, 'u', 'retry', ?1)",
            [KEY],
        )
        .unwrap();
    assert!(stands(bench.dir.path(), KEY) && stands(bench.dir.path(), NAME));

    let done = forget_her(&bench).unwrap();
    assert_eq!(
        (done.rows, done.cancelled, done.left.len()),
        (2, 1, 0),
        "{done:?}"
    );
    for text in [ADA, NAME] {
        assert!(
            !stands(bench.dir.path(), text),
            "{text} is still there: {done:?}"
        );
    }
    assert!(stands(bench.dir.path(), "bob@example.org"), "others stay");

    let her = |run| DeliveryId { run, seq: 1 };
    assert_eq!(bench.state(her(refused)), State::Rejected);
    assert_eq!(bench.state(her(waiting)), State::Cancelled);
    assert_eq!(bench.delivery(her(waiting)).address, FORGOTTEN);
    let reader = bench.outbox.reader().unwrap();
    assert!(reader.history(KEY).unwrap().is_empty());
    let entry = reader.suppressions_of(KEY).unwrap().remove(0);
    assert_eq!((entry.address, entry.reason.as_str()), (None, "forgotten"));
    for run in [refused, waiting] {
        let run = bench.run(run);
        assert_eq!(reader.recount(&run.id).unwrap(), run.counts);
    }

    // Whoever keeps her on a list: neither mail nor a trace of her comes of it.
    let later = open(&bench, "later");
    assert_eq!(bench.state(her(later)), State::Suppressed);
    assert_eq!(bench.claim(10).len(), 2, "bob's of two runs");
    assert!(!stands(bench.dir.path(), KEY) && !stands(bench.dir.path(), NAME));
    assert_eq!(forget_her(&bench).unwrap().rows, 0);
}

#[test]
fn a_message_on_its_way_stands_against_it_and_nothing_is_changed() {
    let bench = Bench::new();
    let run = open(&bench, "now");
    open(&bench, "next");
    let claimed = bench.claim(1).remove(0);
    assert_eq!((claimed.id.run, claimed.key.as_str()), (run, KEY));
    bench.arm(&claimed).unwrap();
    let error = forget_her(&bench).unwrap_err();
    assert!(
        error.to_string().contains("try again in a minute"),
        "{error}"
    );
    let reader = bench.outbox.reader().unwrap();
    assert_eq!(reader.history(KEY).unwrap().len(), 2);
    assert_eq!(reader.suppressions_of(KEY).unwrap(), []);

    bench.record(&claimed, Outcome::Accepted);
    let mut leased = bench.claim(10).into_iter();
    let leased = leased.find(|row| row.key == KEY).unwrap();
    assert_eq!(forget_her(&bench).unwrap().rows, 2);
    assert!(
        bench.arm(&leased).is_err(),
        "the lane that had claimed it comes too late"
    );
    assert!(!stands(bench.dir.path(), KEY));
}

#[test]
fn rows_are_found_where_a_run_is_being_opened_and_where_it_is_half_removed() {
    use postroom::outbox::Thin;
    use std::time::Duration;

    let bench = Bench::new();
    open(&bench, "old");
    for row in bench.claim(2) {
        bench.arm(&row).unwrap();
        bench.record(&row, Outcome::Accepted);
    }
    let at_once = Thin {
        texts: Duration::ZERO,
        rows: Duration::ZERO,
    };
    let ways = |bench: &Bench| -> i64 {
        let count = "SELECT count(*) FROM run_key";
        bench.sql().query_row(count, [], |row| row.get(0)).unwrap()
    };
    while ways(&bench) > 0 {
        now(bench.outbox.submit(at_once)).unwrap();
    }
    let new = bench.begin(bench.new_run("weekly", "new"));
    bench.fill(new, vec![row(1, ADA), row(2, ADA)]);
    let done = forget_her(&bench).unwrap();
    assert_eq!((done.rows, done.cancelled), (3, 2), "{done:?}");
    assert!(!stands(bench.dir.path(), KEY));

    let rows = AddRows {
        run: new,
        rows: vec![row(3, ADA)],
    };
    assert_eq!(now(bench.outbox.submit(rows)).unwrap(), 1, "suppressed");
    // Its addresses were read before she was forgotten, and find their places after.
    let keys = vec![postroom::outbox::RowKey {
        fingerprint: Kept::fingerprint(KEY),
        key: KEY.to_owned(),
        seq: 1,
    }];
    let seal = SealKeys { run: new, keys };
    assert_eq!(now(bench.outbox.submit(seal)).unwrap().duplicates, 0);
    forget_her(&bench).unwrap();
    bench.finish(new, 3);
    assert_eq!(bench.run(new).state, "completed");
    assert!(!stands(bench.dir.path(), KEY));
}

#[test]
fn what_is_a_part_of_somebody_elses_address_stays_and_is_told() {
    let bench = Bench::new();
    bench.open(&[ADA, "new.ada.lovelace@example.org"]);
    let done = forget_her(&bench).unwrap();
    assert!(done.others > 0 && !done.left.is_empty(), "{done:?}");
    assert_eq!(bench.claim_one().key, "new.ada.lovelace@example.org");
}

#[test]
fn an_address_on_the_list_stays_on_it_and_its_reason_goes() {
    let bench = Bench::new();
    let entry = Suppress::from(Banned {
        address: ADA.to_owned(),
        ..Banned::new(KEY, &format!("{ADA} does not exist"), "01J rcpt")
    });
    now(bench.outbox.submit(entry)).unwrap();
    forget_her(&bench).unwrap();
    assert!(!stands(bench.dir.path(), KEY));
    assert!(!bench.suppress(ADA), "she is on it");
    assert!(!stands(bench.dir.path(), KEY), "and is not named again");
}

#[test]
fn a_reader_in_the_middle_of_its_reading_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(dir.path(), Clock::system()).unwrap();
    let entry = Suppress::from(Banned {
        address: ADA.to_owned(),
        ..Banned::new(KEY, "asked", "a person")
    });
    outbox.submit(entry).wait().unwrap();
    let sql = rusqlite::Connection::open(dir.path().join("postroom.db")).unwrap();
    sql.execute_batch("BEGIN; SELECT * FROM suppression")
        .unwrap();
    let done = forget(&outbox, KEY, "uid 0 (root)").unwrap();
    assert!(!done.left.is_empty(), "{done:?}");
    sql.execute_batch("COMMIT").unwrap();
    let done = forget(&outbox, KEY, "uid 0 (root)").unwrap();
    assert!(done.left.is_empty() && !stands(dir.path(), KEY), "{done:?}");
    outbox.close();
}

/// A name of three letters stands in every other megabyte of random bytes.
#[test]
fn what_stands_in_the_ballast_by_chance_is_no_trace() {
    let bench = Bench::new();
    open(&bench, "weekly");
    let path = bench.dir.path().join("ballast");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..KEY.len()].copy_from_slice(KEY.as_bytes());
    fs::write(&path, bytes).unwrap();
    let done = forget_her(&bench).unwrap();
    assert!(done.left.is_empty(), "{done:?}");
}
