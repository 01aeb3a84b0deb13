"""The tables, their versions, and the way from each version to the next."""

from collections.abc import Sequence

import apsw

from bridge.errors import QueueCorruptError, QueueNewerError

APPLICATION_ID = 0x6B627131
"""Written into the file's header, so that no other SQLite file is taken for ours."""

PAGE_BYTES = 16384
"""Events are about 2 kB: 4096 would waste half of each page and of the speed."""

V1 = """
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
"""

GATE_KINDS = """\
UPDATE sink SET gate_kind = CASE WHEN gate_reason LIKE 'paused: %' THEN 'paused'
    ELSE 'waiting' END,
  gate_reason = CASE WHEN gate_reason LIKE 'paused: %' THEN substr(gate_reason, 9)
    WHEN gate_reason LIKE 'waiting: %' THEN substr(gate_reason, 10)
    ELSE gate_reason END
WHERE gate_until IS NOT NULL AND gate_kind IS NULL;
"""
"""Says who closed the gates of version 1, whose reasons began with it."""

V2 = f"""
CREATE TABLE route_set (            -- which routes chose an event, few distinct sets
  id INTEGER PRIMARY KEY,
  names TEXT NOT NULL UNIQUE        -- JSON array of names, in order
) STRICT;
ALTER TABLE event ADD COLUMN routes INTEGER;       -- route_set.id; NULL: not known
ALTER TABLE sink ADD COLUMN ordering TEXT NOT NULL DEFAULT 'none';
ALTER TABLE sink ADD COLUMN gate_kind TEXT;        -- NULL: no gate; else gate_until
ALTER TABLE sink ADD COLUMN gate_count INTEGER NOT NULL DEFAULT 0;
{GATE_KINDS}ALTER TABLE delivery ADD COLUMN lane INTEGER;      -- NULL: in no order
CREATE INDEX delivery_lane ON delivery (sink, lane, event) WHERE lane IS NOT NULL;
"""

V3 = """
ALTER TABLE event ADD COLUMN crc INTEGER;          -- CRC-32 of body; NULL: not known
"""

MIGRATIONS: tuple[str, ...] = (V1, V2, V3)
"""Number n leads from version n to n + 1; one that has landed is never changed."""


def create(connection: apsw.Connection) -> None:
    """Set what can only be set before the first table is made."""
    connection.pragma("page_size", PAGE_BYTES)
    connection.pragma("auto_vacuum", 2)  # incremental: the file can shrink again
    connection.pragma("application_id", APPLICATION_ID)


def migrate(
    connection: apsw.Connection,
    *,
    path: str,
    migrations: Sequence[str] = MIGRATIONS,
) -> None:
    """Bring a file of any earlier version, or an empty one, to this version.

    Raises:
        QueueNewerError: A later version of kubebridge wrote it; nothing happened.
        QueueCorruptError: It is a database, but not one of ours.
    """
    version = connection.pragma("user_version")
    if version > len(migrations):
        raise QueueNewerError(
            f"queue {path}: expected schema {len(migrations)} or older, got {version}:"
            " a later version of kubebridge wrote it"
        )
    if connection.pragma("application_id") != APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_schema").get:
            raise QueueCorruptError(
                f"queue {path}: expected a queue of kubebridge, got another database"
            )
        create(connection)
    for number, script in enumerate(migrations[version:], start=version + 1):
        with connection:
            connection.execute(script)
            connection.pragma("user_version", number)
