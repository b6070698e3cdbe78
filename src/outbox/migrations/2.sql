-- From version 1 to 2: `attempts` beside `tries`, thinning, reports, `once_per`, an audit, and the
-- stamp by which a copy is known. Tables whose checks change are made anew.

CREATE TABLE stamp (
  only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
  outbox    TEXT NOT NULL,
  commits   INTEGER NOT NULL,
  closed    INTEGER NOT NULL CHECK (closed IN (0, 1)),
  copied_at INTEGER
) STRICT;
INSERT INTO stamp VALUES (1, lower(hex(randomblob(16))), 0, 1, NULL);

CREATE TABLE run_2 (
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
  UNIQUE (schedule, occurrence),
  CHECK ((ended_at IS NULL) = (state IN ('expanding', 'sending'))),
  CHECK (thinned = 0 OR ended_at IS NOT NULL),
  CHECK (template IS NOT NULL OR state IN ('failed', 'missed', 'skipped')
    OR thinned = 2)
) STRICT;
INSERT INTO run_2 SELECT no, id, schedule, occurrence, state, reason, account, due_at, opened_at,
  ended_at, expires_at, template, sender, utc_offset, retry, on_uncertain, resend_after, people, 1, NULL, 0,
  0, NULL, NULL
  FROM run;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'run')
  WHERE name = 'run_2';
DROP TABLE run;
ALTER TABLE run_2 RENAME TO run;
CREATE INDEX run_open ON run (account, no) WHERE state IN ('expanding', 'sending');
CREATE INDEX run_turn ON run (schedule, no) WHERE state IN ('expanding', 'sending');
CREATE INDEX run_schedule ON run (schedule, no);
CREATE INDEX run_ended ON run (thinned, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_failed ON run (no) WHERE state = 'failed';
CREATE INDEX run_template ON run (template);

CREATE TABLE delivery_2 (
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
  PRIMARY KEY (run, seq),
  CHECK ((lease_until IS NOT NULL) = (state IN ('leased', 'armed'))),
  CHECK ((ended_at IS NULL) = (state IN ('queued', 'leased', 'armed', 'uncertain', 'deferred'))),
  CHECK (state NOT IN ('suppressed', 'skipped', 'invalid', 'rejected') OR reason IS NOT NULL),
  CHECK (state NOT IN ('armed', 'uncertain', 'accepted', 'presumed') OR attempts > 0),
  CHECK (next_at >= not_before AND tries <= attempts)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_2 SELECT run, seq, state, list, line, key, address, name, fields, reason,
  max(next_at, not_before), not_before, NULL, epoch, lease_until, tries, tries, resends, doubted, digest,
  ended_at FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_2 RENAME TO delivery;
CREATE INDEX delivery_waiting ON delivery (run, next_at) WHERE state IN ('queued', 'deferred');
CREATE INDEX delivery_expires ON delivery (expires_at)
  WHERE expires_at IS NOT NULL AND state IN ('queued', 'deferred');
CREATE INDEX delivery_busy ON delivery (run) WHERE state IN ('leased', 'armed', 'uncertain');
CREATE INDEX delivery_unsent ON delivery (key) WHERE state IN ('suppressed', 'skipped', 'invalid');

CREATE TABLE report (
  run        INTEGER NOT NULL REFERENCES run (no),
  round      INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  told_at    INTEGER,
  PRIMARY KEY (run, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_untold ON report (created_at) WHERE told_at IS NULL;

CREATE TABLE once (
  schedule   TEXT NOT NULL,
  hash       BLOB NOT NULL,
  run        INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (schedule, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_delivery ON once (run, seq);

CREATE TABLE audit (
  no     INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  author TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL,
  rows   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE audit_row (
  run   INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  audit INTEGER NOT NULL REFERENCES audit (no),
  was   TEXT NOT NULL,
  PRIMARY KEY (run, seq, audit),
  FOREIGN KEY (run, seq) REFERENCES delivery (run, seq)
) STRICT, WITHOUT ROWID;
