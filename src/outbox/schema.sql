-- The outbox on SQLite, version 5. Times are milliseconds since 1970 UTC. No triggers, no rowid
-- tricks: plain enough to be carried to another store.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which outbox this is, how often it was written to, and whether it was closed well. The file
-- `stamp` beside the database says the same: a database that knows of fewer commits than it was put
-- back from a copy. `copied_at` stands in copies only.
CREATE TABLE stamp (
  only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
  outbox    TEXT NOT NULL,
  commits   INTEGER NOT NULL,
  closed    INTEGER NOT NULL CHECK (closed IN (0, 1)),
  copied_at INTEGER
) STRICT;

-- Where the calendar of a schedule has got to. A schedule whose times were edited gets a new
-- revision and starts from now: it never back-fires.
CREATE TABLE schedule (
  name      TEXT PRIMARY KEY,
  revision  TEXT NOT NULL,
  cursor_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Frozen contents: templates with their layout and partials, and what runs carry besides (see
-- `run_blob`), each once, shared by runs.
CREATE TABLE blob (
  hash    BLOB PRIMARY KEY,
  content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One firing of a schedule. `no` is the short form of `id` for the rows below. `thinned` is 1 once
-- the servers' words and the recipients' fields are gone, 2 once all rows are, with the template.
-- `rounds` counts the times that it was opened: once, and once more for each retry of an ended run,
-- the latest at `reopened_at`. One that `queues` is not claimed while an earlier such run of its
-- schedule still has people who were not tried.
-- `once_per` is a JSON array of fields, see the table `once`. `via` is a JSON array of the accounts
-- that may carry it, in order; `account` is the first. Rows after the one that `canary` names are not
-- claimed; they wait for the `canary_size` before them to be taken, and `canary_wait` milliseconds.
-- Where all its people get one message together, `grouped` is JSON: what that message says of them.
-- `carried` is JSON: what goes with its messages besides their texts. `zone` is the name of the time
-- zone of its schedule, if it has one.
CREATE TABLE run (
  no           INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  schedule     TEXT NOT NULL,
  occurrence   TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN
                 ('expanding', 'sending', 'completed', 'failed', 'missed', 'skipped',
                  'cancelled')),
  reason       TEXT,
  account      TEXT NOT NULL,
  due_at       INTEGER NOT NULL,
  opened_at    INTEGER NOT NULL,
  ended_at     INTEGER,
  expires_at   INTEGER NOT NULL,
  template     BLOB REFERENCES blob (hash),
  sender       TEXT NOT NULL,
  utc_offset   INTEGER NOT NULL,
  retry        TEXT NOT NULL,
  on_uncertain TEXT NOT NULL CHECK (on_uncertain IN ('resend', 'hold', 'assume-sent')),
  resend_after INTEGER NOT NULL,
  people       INTEGER NOT NULL DEFAULT 0,
  rounds       INTEGER NOT NULL DEFAULT 1,
  reopened_at  INTEGER,
  thinned      INTEGER NOT NULL DEFAULT 0 CHECK (thinned IN (0, 1, 2)),
  queues       INTEGER NOT NULL DEFAULT 0 CHECK (queues IN (0, 1)),
  once_per     TEXT,
  once_for     INTEGER,
  via          TEXT NOT NULL DEFAULT '[]',
  canary       INTEGER,
  canary_size  INTEGER,
  canary_wait  INTEGER,
  grouped      TEXT,
  carried      TEXT,
  zone         TEXT,
  UNIQUE (schedule, occurrence),
  CHECK ((ended_at IS NULL) = (state IN ('expanding', 'sending'))),
  CHECK (thinned = 0 OR ended_at IS NOT NULL),
  CHECK (template IS NOT NULL OR state IN ('failed', 'missed', 'skipped')
    OR thinned = 2)
) STRICT;
CREATE INDEX run_open ON run (account, no) WHERE state IN ('expanding', 'sending');
CREATE INDEX run_turn ON run (schedule, no) WHERE state IN ('expanding', 'sending');
CREATE INDEX run_schedule ON run (schedule, no);
CREATE INDEX run_ended ON run (thinned, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_failed ON run (no) WHERE state = 'failed';
CREATE INDEX run_template ON run (template);
CREATE INDEX run_canary ON run (no) WHERE canary IS NOT NULL;

-- The contents that `carried` of a run names.
CREATE TABLE run_blob (
  run  INTEGER NOT NULL REFERENCES run (no),
  hash BLOB NOT NULL REFERENCES blob (hash),
  PRIMARY KEY (run, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_blob_hash ON run_blob (hash);

-- One message of a run to one person, or the reason why there is none. `lease_until` is in elapsed
-- milliseconds of the process that has the outbox; the next one settles all leases at its start.
-- `attempts` counts the rows in `attempt`, `tries` those of them that may have reached the recipient.
-- It may not be claimed before `next_at`, which is never before `not_before`. Without an `expires_at`
-- of its own it has its run's. `pool` is the domain whose limits hold for it, if one's do. A lease is
-- that of the account `carrier`, or of the run's own if there is none. `files` is JSON: the files that
-- go to this person alone, and their hashes; null where there are none.
CREATE TABLE delivery (
  run         INTEGER NOT NULL REFERENCES run (no),
  seq         INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN
                ('queued', 'leased', 'armed', 'uncertain', 'deferred', 'accepted', 'presumed',
                 'rejected', 'expired', 'cancelled', 'suppressed', 'skipped', 'invalid')),
  list        TEXT NOT NULL,
  line        INTEGER NOT NULL,
  key         TEXT NOT NULL,
  address     TEXT NOT NULL,
  name        TEXT,
  fields      TEXT NOT NULL,
  reason      TEXT,
  next_at     INTEGER NOT NULL,
  not_before  INTEGER NOT NULL DEFAULT 0,
  expires_at  INTEGER,
  epoch       INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER,
  attempts    INTEGER NOT NULL DEFAULT 0,
  tries       INTEGER NOT NULL DEFAULT 0,
  resends     INTEGER NOT NULL DEFAULT 0,
  doubted     INTEGER NOT NULL DEFAULT 0 CHECK (doubted IN (0, 1)),
  digest      BLOB,
  ended_at    INTEGER,
  pool        TEXT NOT NULL DEFAULT '',
  carrier     TEXT,
  files       TEXT,
  PRIMARY KEY (run, seq),
  CHECK ((lease_until IS NOT NULL) = (state IN ('leased', 'armed'))),
  CHECK ((ended_at IS NULL) = (state IN ('queued', 'leased', 'armed', 'uncertain', 'deferred'))),
  CHECK (state NOT IN ('suppressed', 'skipped', 'invalid', 'rejected') OR reason IS NOT NULL),
  CHECK (state NOT IN ('armed', 'uncertain', 'accepted', 'presumed') OR attempts > 0),
  CHECK (next_at >= not_before AND tries <= attempts)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_waiting ON delivery (run, pool, next_at)
  WHERE state IN ('queued', 'deferred');
CREATE INDEX delivery_expires ON delivery (expires_at)
  WHERE expires_at IS NOT NULL AND state IN ('queued', 'deferred');
CREATE INDEX delivery_busy ON delivery (run) WHERE state IN ('leased', 'armed', 'uncertain');
CREATE INDEX delivery_unsent ON delivery (key) WHERE state IN ('suppressed', 'skipped', 'invalid');

-- Each eligible address once a run. Filled in fingerprint order after the rows, and the way from
-- an address to its deliveries.
CREATE TABLE run_key (
  run         INTEGER NOT NULL REFERENCES run (no),
  fingerprint INTEGER NOT NULL,
  key         TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  PRIMARY KEY (run, fingerprint, key)
) STRICT, WITHOUT ROWID;

-- How many rows each list had that a run for all people of its schedule was read from, good rows and
-- bad ones: what the next reading is held against. It outlives the rows of the run.
CREATE TABLE run_list (
  run  INTEGER NOT NULL REFERENCES run (no),
  list TEXT NOT NULL,
  rows INTEGER NOT NULL CHECK (rows >= 0),
  PRIMARY KEY (run, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_list_list ON run_list (list, run);

-- One try of a delivery. `outcome` is null between arm and the reply.
CREATE TABLE attempt (
  run        INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  n          INTEGER NOT NULL,
  account    TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  stage      TEXT,
  outcome    TEXT CHECK (outcome IN
               ('accepted', 'deferred', 'rejected', 'uncertain', 'not-sent', 'invalid')),
  code       INTEGER,
  enhanced   TEXT,
  reply      TEXT,
  PRIMARY KEY (run, seq, n),
  FOREIGN KEY (run, seq) REFERENCES delivery (run, seq),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_ended ON attempt (ended_at) WHERE ended_at IS NOT NULL;

-- How the wall clock, by which all else is stamped, stood to the time since the machine's start: one
-- row for each process and each time that the clock was set, written before anything that was
-- stamped so. Both in milliseconds.
CREATE TABLE wall_clock (
  no      INTEGER PRIMARY KEY,
  boot    TEXT NOT NULL,
  elapsed INTEGER NOT NULL,
  wall    INTEGER NOT NULL
) STRICT;

-- How many deliveries of a run are in each state: kept by the writer in the transaction that
-- moves them, so that nobody ever has to count ten million rows.
CREATE TABLE tally (
  run   INTEGER NOT NULL REFERENCES run (no),
  state TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (run, state)
) STRICT, WITHOUT ROWID;

-- What is to be told about a run: one row for each time that it ended, written in the transaction
-- that ended it.
CREATE TABLE report (
  run        INTEGER NOT NULL REFERENCES run (no),
  round      INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  told_at    INTEGER,
  PRIMARY KEY (run, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_untold ON report (created_at) WHERE told_at IS NULL;

-- What schedules with `once_per` must not send again, by a keyed hash: reserved when a run opens,
-- and for others to take if its delivery ends without having been sent, which `doubted` leaves open.
-- It outlives the rows of the run.
CREATE TABLE once (
  schedule   TEXT NOT NULL,
  hash       BLOB NOT NULL,
  run        INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (schedule, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_delivery ON once (run, seq);

-- Addresses that get no mail, by a keyed hash; the text stands beside it until it is forgotten.
CREATE TABLE suppression (
  hash       BLOB NOT NULL,
  scope      TEXT NOT NULL DEFAULT '',
  address    TEXT,
  reason     TEXT NOT NULL,
  source     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ends_at    INTEGER,
  PRIMARY KEY (hash, scope)
) STRICT, WITHOUT ROWID;

-- What must not be claimed or armed at the moment, and who said so.
CREATE TABLE hold (
  scope      TEXT NOT NULL CHECK (scope IN ('all', 'account', 'schedule', 'run')),
  name       TEXT NOT NULL,
  reason     TEXT NOT NULL,
  author     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ends_at    INTEGER,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

-- What people changed, and who. `detail` is what they named, `rows` how many deliveries it moved.
CREATE TABLE audit (
  no     INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  author TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL,
  rows   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Which deliveries a change moved, and from where.
CREATE TABLE audit_row (
  run   INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  audit INTEGER NOT NULL REFERENCES audit (no),
  was   TEXT NOT NULL,
  PRIMARY KEY (run, seq, audit),
  FOREIGN KEY (run, seq) REFERENCES delivery (run, seq)
) STRICT, WITHOUT ROWID;
