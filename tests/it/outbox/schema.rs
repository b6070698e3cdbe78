//! What the database itself refuses, whoever writes to it.

use crate::world::bench::Bench;

#[test]
fn rows_that_cannot_be_are_refused() {
    let bench = Bench::new();
    bench.one();
    let sql = bench.sql();
    sql.pragma_update(None, "foreign_keys", true).unwrap();
    let set = |change: &str| sql.execute(&format!("UPDATE delivery SET {change}"), []);
    for change in [
        "state = 'sent'",
        "state = 'leased'",
        "state = 'armed', attempts = 1",
        "state = 'armed', lease_until = 1",
        "lease_until = 1",
        "state = 'accepted', attempts = 1",
        "state = 'accepted', ended_at = 1",
        "state = 'presumed', ended_at = 1",
        "state = 'uncertain'",
        "state = 'rejected', ended_at = 1",
        "state = 'suppressed', ended_at = 1",
        "state = 'skipped', ended_at = 1",
        "state = 'invalid', ended_at = 1",
        "ended_at = 1",
        "doubted = 2",
        "tries = 1",
        "not_before = 1",
        "run = 99",
        "key = NULL",
        "next_at = 'soon'",
    ] {
        assert!(set(change).is_err(), "{change}");
    }
    for change in [
        "state = 'leased', lease_until = 1",
        "state = 'armed', lease_until = 1, attempts = 1",
        "state = 'accepted', lease_until = NULL, ended_at = 1",
        "state = 'rejected', reason = 'no such user'",
    ] {
        assert_eq!(set(change), Ok(1), "{change}");
    }
    for statement in [
        "UPDATE run SET state = 'paused'",
        "UPDATE run SET state = 'completed'",
        "UPDATE run SET ended_at = 1",
        "UPDATE run SET template = NULL",
        "UPDATE run SET thinned = 1",
        "UPDATE run SET template = x'00'",
        "UPDATE run SET on_uncertain = 'guess'",
        "UPDATE tally SET count = -1",
        "DELETE FROM run",
        "INSERT INTO attempt (run, seq, n, account, started_at) VALUES (1, 99, 1, 'ops', 1)",
        "INSERT INTO attempt (run, seq, n, account, started_at, outcome)
         VALUES (1, 1, 1, 'ops', 1, 'accepted')",
        "INSERT INTO attempt (run, seq, n, account, started_at, ended_at, outcome)
         VALUES (1, 1, 1, 'ops', 1, 1, 'fine')",
        "INSERT INTO hold VALUES ('planet', '', 'why', 'who', 1, NULL)",
    ] {
        assert!(sql.execute(statement, []).is_err(), "{statement}");
    }
}

#[test]
fn an_occurrence_has_one_run_even_behind_the_outboxs_back() {
    let bench = Bench::new();
    bench.one();
    let copy = "INSERT INTO run SELECT no + 1, id || 'X', schedule, occurrence, state, reason,
        account, due_at, opened_at, ended_at, expires_at, template, sender, utc_offset, retry,
        on_uncertain, resend_after, people, rounds, reopened_at, thinned, queues,
        once_per, once_for, via, canary, canary_size, canary_wait, grouped,
        carried, zone FROM run";
    let refused = bench.sql().execute(copy, []).unwrap_err();
    assert!(refused.to_string().contains("UNIQUE"), "{refused}");
}
