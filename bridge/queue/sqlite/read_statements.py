"""The SQL of the queue, by name: what is only asked (see `statements`)."""

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
