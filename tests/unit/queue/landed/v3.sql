
CREATE TABLE event (                -- once, whatever the number of sinks
  seq INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice
  stored INTEGER NOT NULL,          -- Unix microseconds
  ends INTEGER NOT NULL,            -- bytes stored up to its end, a running sum
  data_offset INTEGER,              -- NULL: a raw object that is no event
  id TEXT NOT NULL,                 -- not unique: the cursor prevents repeats
  body BLOB NOT NULL
) STRICT;
CREATE TABLE sink (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  gate_until INTEGER,               -- Unix microseconds; NULL: no gate
  gate_reason TEXT NOT NULL DEFAULT '',
  tryable INTEGER NOT NULL DEFAULT 0       -- microseconds in which it could be tried
) STRICT;
CREATE TABLE delivery (             -- what waits, leased or not
  sink INTEGER NOT NULL,
  event INTEGER NOT NULL,
  due INTEGER NOT NULL,             -- Unix microseconds; when stored, if fresh
  attempts INTEGER NOT NULL DEFAULT 0,     -- that were made
  first INTEGER,                    -- the sink's `tryable` at the first attempt
  delay INTEGER,                    -- microseconds it was told to wait; NULL: fresh
  PRIMARY KEY (sink, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (sink, due, event) WHERE delay IS NOT NULL;
CREATE TABLE dead (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sink INTEGER,                     -- NULL: could not be converted
  event INTEGER NOT NULL,
  reason TEXT NOT NULL,
  status INTEGER,
  excerpt BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  died INTEGER NOT NULL             -- Unix microseconds
) STRICT;
CREATE INDEX dead_event ON dead (event);
CREATE INDEX dead_sink ON dead (sink, id);
CREATE TABLE cursor (               -- one for each scope
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  field_selector TEXT NOT NULL,
  label_selector TEXT NOT NULL,
  version TEXT,                     -- resourceVersion; NULL: not read to an end yet
  moved INTEGER,                    -- Unix microseconds
  UNIQUE (cluster, resource, namespace, field_selector, label_selector)
) STRICT;
CREATE TABLE remembered (           -- what a reader knew at its cursor
  scope INTEGER NOT NULL,           -- cursor.id
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE route_set (            -- which routes chose an event, few distinct sets
  id INTEGER PRIMARY KEY,
  names TEXT NOT NULL UNIQUE        -- JSON array of names, in order
) STRICT;
ALTER TABLE event ADD COLUMN routes INTEGER;       -- route_set.id; NULL: not known
ALTER TABLE sink ADD COLUMN ordering TEXT NOT NULL DEFAULT 'none';
ALTER TABLE sink ADD COLUMN gate_kind TEXT;        -- NULL: no gate; else gate_until
ALTER TABLE sink ADD COLUMN gate_count INTEGER NOT NULL DEFAULT 0;
UPDATE sink SET gate_kind = CASE WHEN gate_reason LIKE 'paused: %' THEN 'paused'
    ELSE 'waiting' END,
  gate_reason = CASE WHEN gate_reason LIKE 'paused: %' THEN substr(gate_reason, 9)
    WHEN gate_reason LIKE 'waiting: %' THEN substr(gate_reason, 10)
    ELSE gate_reason END
WHERE gate_until IS NOT NULL AND gate_kind IS NULL;
ALTER TABLE delivery ADD COLUMN lane INTEGER;      -- NULL: in no order
CREATE INDEX delivery_lane ON delivery (sink, lane, event) WHERE lane IS NOT NULL;

ALTER TABLE event ADD COLUMN crc INTEGER;          -- CRC-32 of body; NULL: not known
