-- From version 3 to 4: messages that go to several people at once, and how long the lists were.

ALTER TABLE run ADD COLUMN grouped TEXT;

CREATE TABLE run_list (
  run  INTEGER NOT NULL REFERENCES run (no),
  list TEXT NOT NULL,
  rows INTEGER NOT NULL CHECK (rows >= 0),
  PRIMARY KEY (run, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_list_list ON run_list (list, run);
