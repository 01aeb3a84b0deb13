"""The SQL of the queue, by name: what the writer does, then what is only read.

Each statement does its work on a whole set in one step: a step gives up the
interpreter lock and has to win it back from the event loop, so steps per event, not
rows, are what costs. Sets go in as a carray of integers or as JSON, and come out as
JSON.
"""

INSERT_EVENTS = (
    "INSERT INTO event (seq, stored, ends, data_offset, id, body, crc, routes) VALUES "
)
# The no-op makes RETURNING speak of a set that is there already.
ROUTE_SET = """
INSERT INTO route_set (names) VALUES (?)
ON CONFLICT (names) DO UPDATE SET names = excluded.names RETURNING id
"""
INSERT_DELIVERIES = """
INSERT INTO delivery (sink, event, due) SELECT ?, value, ? FROM carray(?)
"""
INSERT_IN_LANES = "INSERT INTO delivery (sink, event, due, lane) VALUES "
INSERT_REJECTED = """
INSERT INTO dead (sink, event, reason, excerpt, attempts, died)
VALUES (NULL, ?, ?, x'', 0, ?)
"""
INSERT_DEAD = """
INSERT INTO dead (sink, event, reason, status, excerpt, attempts, died)
SELECT sink, event, ?, ?, ?, ?, ? FROM delivery WHERE sink = ? AND event = ?
"""
BURY = """
INSERT INTO dead (sink, event, reason, excerpt, attempts, died)
SELECT sink, event, ?, x'', attempts, ? FROM delivery
WHERE sink = ? AND event IN (SELECT value FROM carray(?))
"""
COPY_EVENT = """
INSERT INTO event (seq, stored, ends, data_offset, id, body, crc, routes)
SELECT ?, ?, ?, ?, ?, ?, ?, routes FROM event WHERE seq = ?
"""
OLDEST_FREE = """
SELECT json_group_array(event) FROM (
  SELECT event FROM delivery
  WHERE sink = ? AND event NOT IN (SELECT value FROM carray(?))
  ORDER BY event LIMIT ?)
"""
DELETE_DELIVERIES = """
DELETE FROM delivery WHERE sink = ? AND event IN (SELECT value FROM carray(?))
"""
# An upsert of rows that are there: as an UPDATE … FROM it would compare all with all.
DELAY_DELIVERIES = """
INSERT INTO delivery (sink, event, due, delay, attempts, first)
SELECT ?1, one.value ->> 0, one.value ->> 1, one.value ->> 2, one.value ->> 3,
  one.value ->> 4
FROM json_each(?2) AS one
WHERE EXISTS (SELECT 1 FROM delivery WHERE sink = ?1 AND event = one.value ->> 0)
ON CONFLICT (sink, event) DO UPDATE SET due = excluded.due, delay = excluded.delay,
  attempts = excluded.attempts, first = coalesce(first, excluded.first)
"""
CAP_DUE = """
UPDATE delivery SET due = ?1 + min(delay, ?2)
WHERE delay IS NOT NULL AND sink = ?3 AND due > ?1 + min(delay, ?2)
"""
ADVANCE_DUE = """
UPDATE delivery SET due = due - ?1
WHERE delay IS NOT NULL AND sink = ?2 AND due > ?3
"""
LAST_KNOWN_TIME = """
SELECT max(
  coalesce((SELECT stored FROM event ORDER BY seq DESC LIMIT 1), 0),
  coalesce((SELECT max(moved) FROM cursor), 0),
  coalesce((SELECT max(due - delay) FROM delivery
            WHERE delay IS NOT NULL AND due > ?1), 0))
"""
FRESH = """
SELECT json_group_array(json_array(event, due, attempts, first, lane)) FROM (
  SELECT event, due, attempts, first, lane FROM delivery
  WHERE sink = ? AND event > ? AND delay IS NULL ORDER BY event LIMIT ?)
"""
DELAYED = """
SELECT json_group_array(json_array(event, due, attempts, first)) FROM (
  SELECT event, due, attempts, first FROM delivery INDEXED BY delivery_due
  WHERE delay IS NOT NULL AND sink = ? AND (due, event) > (?, ?)
  ORDER BY due, event LIMIT ?)
"""
# The oldest row of a lane is found by one search in an index, however long the lane is.
HEAD = """(SELECT min(event) FROM delivery AS other
    WHERE other.sink = ?1 AND other.lane = delivery.lane)"""
DELAYED_HEADS = f"""
SELECT json_group_array(json_array(event, due, attempts, first, lane, event = head))
FROM (
  SELECT event, due, attempts, first, lane, {HEAD} AS head
  FROM delivery INDEXED BY delivery_due
  WHERE delay IS NOT NULL AND sink = ?1 AND (due, event) > (?2, ?3)
  ORDER BY due, event LIMIT ?4)
"""  # noqa: S608  # a constant
RETURNED_HEADS = f"""
SELECT json_group_array(json_array(event, due, attempts, first, lane)) FROM delivery
WHERE sink = ?1 AND event IN (SELECT value FROM carray(?2)) AND event = {HEAD}
"""  # noqa: S608  # a constant
HEADS = """
SELECT json_group_array(json_array(event, due, delay IS NULL, lane))
FROM carray(?2) AS one CROSS JOIN delivery
ON delivery.sink = ?1 AND delivery.event = (
  SELECT min(event) FROM delivery AS other
  WHERE other.sink = ?1 AND other.lane = one.value)
"""
OLDEST_DUE = """
SELECT json_group_array(json_array(event, due, attempts, first, delay IS NULL)) FROM (
  SELECT event, due, attempts, first, delay FROM delivery
  WHERE sink = ? ORDER BY event LIMIT ?)
"""
# Joined in this order: by the index of lanes it would read all lanes of the sink.
LANES = """
SELECT json_group_array(json_array(event, lane)) FILTER (WHERE lane IS NOT NULL)
FROM carray(?2) AS one CROSS JOIN delivery
ON delivery.sink = ?1 AND delivery.event = one.value
"""
DELAYED_LANES = """
SELECT json_group_array(lane) FROM (
  SELECT DISTINCT lane FROM delivery INDEXED BY delivery_due
  WHERE delay IS NOT NULL AND sink = ? AND lane IS NOT NULL LIMIT ?)
"""
WITHOUT_LANE = """
SELECT json_group_array(event) FROM (
  SELECT event FROM delivery WHERE sink = ? AND event > ? AND lane IS NULL
  ORDER BY event LIMIT ?)
"""
# What comes before the data of an event, or all of it.
LOAD_HEADS = """
SELECT seq, id,
  substr(body, 1, CASE data_offset WHEN 0 THEN length(body) ELSE data_offset END),
  data_offset
FROM event WHERE seq IN (SELECT value FROM carray(?))
"""
SET_LANES = """
INSERT INTO delivery (sink, event, due, lane)
SELECT ?1, one.value ->> 0, 0, one.value ->> 1 FROM json_each(?2) AS one WHERE true
ON CONFLICT (sink, event) DO UPDATE SET lane = excluded.lane
"""
RETURNED = """
SELECT json_group_array(json_array(event, due, attempts, first)) FROM delivery
WHERE sink = ? AND event IN (SELECT value FROM carray(?))
"""
# Both aggregates see the rows of one scan in one order, so the lengths cut the bytes.
LOAD_EVENTS = """
SELECT json_group_array(json_array(seq, stored, data_offset, id, length(body), crc)),
  CAST(group_concat(body, '') AS BLOB)
FROM event WHERE seq IN (SELECT value FROM carray(?))
"""

# Without an offset it is no event any more: it is not decoded, nor delivered anew.
CONDEMN = """
UPDATE event SET data_offset = NULL WHERE seq IN (SELECT value FROM carray(?))
"""

UNREFERENCED = """
  NOT EXISTS (SELECT 1 FROM dead WHERE dead.event = event.seq)
  AND NOT EXISTS (SELECT 1 FROM sink CROSS JOIN delivery
    ON delivery.sink = sink.id AND delivery.event = event.seq)
"""
FORGET_EVENTS = f"""
DELETE FROM event WHERE seq IN (SELECT value FROM carray(?)) AND seq <= ?
  AND {UNREFERENCED}
"""  # noqa: S608  # a constant
SWEEP_EVENTS = f"""
DELETE FROM event WHERE seq > ? AND seq <= ? AND {UNREFERENCED}
"""  # noqa: S608  # a constant
SWEEP_LINE = """
SELECT max(seq) FROM (
  SELECT seq, stored, ends FROM event WHERE seq > ? ORDER BY seq LIMIT ?)
WHERE stored <= ? OR ends <= ?
"""

FIND_SCOPE = """
SELECT id, version FROM cursor
WHERE cluster = ? AND resource = ? AND namespace = ?
  AND field_selector = ? AND label_selector = ?
"""
INSERT_SCOPE = """
INSERT INTO cursor (cluster, resource, namespace, field_selector, label_selector)
VALUES (?, ?, ?, ?, ?) RETURNING id
"""
MOVE_CURSOR = "UPDATE cursor SET version = ?, moved = ? WHERE id = ?"
MOVE_CURSOR_FROM = """
UPDATE cursor SET version = ?, moved = ? WHERE id = ? AND version IS ?
"""
FORGET_SCOPE = "DELETE FROM cursor WHERE id = ?"
FORGET_REMEMBERED = "DELETE FROM remembered WHERE scope = ?"
REMEMBER = "INSERT OR REPLACE INTO remembered (scope, key, value) VALUES "
FORGET_KEYS = """
DELETE FROM remembered
WHERE scope = ? AND key IN (SELECT value FROM json_each(?))
"""

INSERT_SINK = "INSERT INTO sink (name) VALUES (?) RETURNING id"
SET_ORDERING = "UPDATE sink SET ordering = ? WHERE id = ?"
SAVE_SINK = """
UPDATE sink SET gate_kind = ?, gate_until = ?, gate_reason = ?, gate_count = ?,
  tryable = ? WHERE id = ?
"""
SINKS = """
SELECT id, name, tryable, gate_kind, gate_until, gate_reason, gate_count, ordering
FROM sink
"""
COUNT_WAITING = "SELECT sink, count(*) FROM delivery GROUP BY sink"
COUNT_DEAD = "SELECT sink, count(*) FROM dead GROUP BY sink"
LAST_EVENT = "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
NEXT_ENDS = "SELECT ends FROM event WHERE seq > ? ORDER BY seq LIMIT 1"
LAST_ENDS = "SELECT ends FROM event ORDER BY seq DESC LIMIT 1"

ENQUEUE = """
INSERT OR IGNORE INTO delivery (sink, event, due, delay)
SELECT ?, seq, ?, 0 FROM event
WHERE seq IN (SELECT value FROM carray(?)) AND data_offset IS NOT NULL
RETURNING event
"""
DEAD_BY_ID = """
SELECT dead.id, dead.sink, dead.event, event.data_offset IS NULL
FROM dead JOIN event ON event.seq = dead.event
WHERE dead.id IN (SELECT value FROM carray(?))
"""
DELETE_DEAD = """
DELETE FROM dead WHERE sink IS ? AND id IN (SELECT value FROM carray(?))
RETURNING event
"""
PURGE_CHUNK = """
DELETE FROM delivery WHERE sink = ?1 AND event IN (
  SELECT event FROM delivery WHERE sink = ?1 AND event <= ?2 ORDER BY event LIMIT ?3)
RETURNING event
"""
PURGE_SOME = """
DELETE FROM delivery WHERE sink = ? AND event IN (SELECT value FROM carray(?))
RETURNING event
"""
DELETE_RAW = """
DELETE FROM event WHERE seq IN (SELECT value FROM carray(?)) AND data_offset IS NULL
"""


CURSORS = """
SELECT cluster, resource, namespace, field_selector, label_selector, version, moved
FROM cursor WHERE version IS NOT NULL ORDER BY id
"""
REMEMBERED_SIZES = """
SELECT json_group_array(size) FROM (
  SELECT length(value) AS size FROM cursor CROSS JOIN remembered
  WHERE cluster = ? AND resource = ? AND namespace = ?
    AND field_selector = ? AND label_selector = ?
    AND scope = cursor.id AND key >= ? AND key < ?
  ORDER BY key LIMIT ?)
"""
# As in LOAD_EVENTS, the lengths cut the bytes.
REMEMBERED = """
SELECT json_group_array(json_array(key, length(value))),
  CAST(group_concat(value, '') AS BLOB)
FROM (
  SELECT key, value FROM cursor CROSS JOIN remembered
  WHERE cluster = ? AND resource = ? AND namespace = ?
    AND field_selector = ? AND label_selector = ?
    AND scope = cursor.id AND key >= ? AND key < ?
  ORDER BY key LIMIT ?)
"""
RECALL = """
SELECT json_group_array(json_array(key, length(value))),
  CAST(group_concat(value, '') AS BLOB)
FROM cursor CROSS JOIN remembered
WHERE cluster = ? AND resource = ? AND namespace = ?
  AND field_selector = ? AND label_selector = ?
  AND scope = cursor.id AND key IN (SELECT value FROM json_each(?))
"""
BODIES = {
    "handle": "x''",
    "head": "substr(event.body, 1, CASE event.data_offset WHEN 0"
    " THEN length(event.body) ELSE coalesce(event.data_offset, 0) END)",
    "whole": "event.body",
}
"""What is read of an event, by `bridge.queue.Extent`; head: what precedes its data."""

KEPT_KEYS = """
SELECT seq FROM event
WHERE seq > ? AND stored >= ? AND data_offset IS NOT NULL ORDER BY seq LIMIT ?
"""
KEPT_KEYS_NEWEST = """
SELECT seq FROM event
WHERE seq < ? AND seq >= ? AND stored >= ? AND data_offset IS NOT NULL
ORDER BY seq DESC LIMIT ?
"""
KEPT = """
SELECT seq, stored, data_offset, event.id, {body}, names, length(body)
FROM event LEFT JOIN route_set ON route_set.id = event.routes
WHERE seq IN (SELECT value FROM carray(?)) AND data_offset IS NOT NULL
"""
SIZES = "SELECT seq, length(body) FROM event WHERE seq IN (SELECT value FROM carray(?))"
WAITING_FOR = """
SELECT delivery.event, sink.name FROM sink CROSS JOIN delivery
ON delivery.sink = sink.id AND delivery.event IN (SELECT value FROM carray(?))
ORDER BY delivery.event, sink.name
"""
EVENT_FROM = "SELECT seq, stored FROM event WHERE seq >= ? ORDER BY seq LIMIT 1"
EVENT_BOUNDS = """
SELECT coalesce((SELECT min(seq) FROM event), 0),
  coalesce((SELECT max(seq) FROM event), 0)
"""
DEAD_KEYS = """
SELECT id, event FROM dead WHERE id > ? ORDER BY id LIMIT ?
"""
DEAD_KEYS_NEWEST = """
SELECT id, event FROM dead WHERE id < ? ORDER BY id DESC LIMIT ?
"""
DEAD_KEYS_OF_SINK = """
SELECT id, event FROM dead
WHERE sink = (SELECT id FROM sink WHERE name = ?) AND id > ? ORDER BY id LIMIT ?
"""
DEAD_KEYS_OF_SINK_NEWEST = """
SELECT id, event FROM dead
WHERE sink = (SELECT id FROM sink WHERE name = ?) AND id < ? ORDER BY id DESC LIMIT ?
"""
DEAD_KEYS_OF_EVENT = "SELECT id, event FROM dead WHERE event = ? ORDER BY id LIMIT ?"
DEAD = """
SELECT dead.id, sink.name, event.data_offset, event.id, {body}, reason, status,
  {excerpt}, attempts, stored, died, names, dead.event
FROM dead JOIN event ON event.seq = dead.event LEFT JOIN sink ON sink.id = dead.sink
  LEFT JOIN route_set ON route_set.id = event.routes
WHERE dead.id IN (SELECT value FROM carray(?))
"""
SINK_NAMES = "SELECT id, name FROM sink"
WAITING_KEYS = """
SELECT event FROM delivery
WHERE sink = ? AND event > ? AND event <= ? ORDER BY event LIMIT ?
"""
WAITING_KEYS_NEWEST = """
SELECT event FROM delivery
WHERE sink = ? AND event < ? AND event >= ? ORDER BY event DESC LIMIT ?
"""
WAITING = """
SELECT delivery.sink, event, stored, data_offset, event.id, {body}, names, attempts,
  CASE WHEN delay IS NULL THEN NULL ELSE due END
FROM json_each(?) AS one CROSS JOIN delivery
  ON delivery.sink = one.value ->> 0 AND delivery.event = one.value ->> 1
  JOIN event ON event.seq = delivery.event
  LEFT JOIN route_set ON route_set.id = event.routes
"""
COUNT_DELAYED = """
SELECT count(*) FROM delivery INDEXED BY delivery_due
WHERE delay IS NOT NULL AND sink = ? AND due > ?
"""
OLDEST = """
SELECT stored FROM delivery JOIN event ON event.seq = delivery.event
WHERE delivery.sink = ? ORDER BY delivery.event LIMIT 1
"""
