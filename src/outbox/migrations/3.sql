-- From version 2 to 3: what exact rates, standing in and the first few of a run need.

ALTER TABLE run ADD COLUMN via TEXT NOT NULL DEFAULT '[]';
ALTER TABLE run ADD COLUMN canary INTEGER;
ALTER TABLE run ADD COLUMN canary_size INTEGER;
ALTER TABLE run ADD COLUMN canary_wait INTEGER;
UPDATE run SET via = json_array(account);
CREATE INDEX run_canary ON run (no) WHERE canary IS NOT NULL;

ALTER TABLE delivery ADD COLUMN pool TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN carrier TEXT;
DROP INDEX delivery_waiting;
CREATE INDEX delivery_waiting ON delivery (run, pool, next_at)
  WHERE state IN ('queued', 'deferred');

DROP INDEX attempt_recent;
CREATE INDEX attempt_ended ON attempt (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE wall_clock (
  no      INTEGER PRIMARY KEY,
  boot    TEXT NOT NULL,
  elapsed INTEGER NOT NULL,
  wall    INTEGER NOT NULL
) STRICT;
