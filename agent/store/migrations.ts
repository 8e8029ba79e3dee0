/**
 * The store's schema as a list: entry n takes a store from `user_version` n to n + 1. Entries are never edited, only
 * appended, so that any older store can be opened.
 */
export const migrations: readonly string[] = [
  `
  -- Counters that must never go back: the session counter.
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  -- What waits for the broker's PUBACK. AUTOINCREMENT: an id is never used twice, so an id is also a position.
  -- class: 0 state, 1 event, 2 telemetry. For telemetry, payload holds the points alone, as a JSON array.
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    class INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    size INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    stream TEXT,
    epoch TEXT,
    first INTEGER,
    last INTEGER,
    gap TEXT
  ) STRICT;
  CREATE INDEX outbox_by_class ON outbox (class, id);
  CREATE INDEX outbox_by_age ON outbox (class, created_ms);

  -- The newest epoch of each stream, and the sequence number after its last stored point.
  CREATE TABLE streams (
    stream TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    next_seq INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- One deployment per slot; state is a DeploymentState as JSON.
  CREATE TABLE slots (slot TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- What was selected for a model under given calibration settings, so that it is measured once.
  CREATE TABLE selections (
    digest TEXT NOT NULL,
    settings TEXT NOT NULL,
    result TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (digest, settings)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Small JSON documents of which there is one each: the desired document, the keys of operators.
  CREATE TABLE documents (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- Every job that was ever accepted or rejected, until it can no longer be given again. hash: of its signed claims.
  CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL,
    expires_s INTEGER NOT NULL,
    is_settled INTEGER NOT NULL,
    job TEXT NOT NULL
  ) STRICT;
  CREATE INDEX jobs_unsettled ON jobs (is_settled);
  `,
];
