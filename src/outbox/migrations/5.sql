-- From version 4 to 5: what messages carry besides their texts, and where their
-- times are shown.

ALTER TABLE run ADD COLUMN carried TEXT;
ALTER TABLE run ADD COLUMN zone TEXT;

CREATE TABLE run_blob (
  run  INTEGER NOT NULL REFERENCES run (no),
  hash BLOB NOT NULL REFERENCES blob (hash),
  PRIMARY KEY (run, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_blob_hash ON run_blob (hash);

ALTER TABLE delivery ADD COLUMN files TEXT;
