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
KEPT = """
SELECT seq, stored, data_offset, event.id, body, names
FROM event LEFT JOIN route_set ON route_set.id = event.routes
WHERE seq > ? AND stored >= ? AND data_offset IS NOT NULL ORDER BY seq LIMIT ?
"""
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
DEAD_OF_ALL = """
SELECT dead.id, sink.name, event.data_offset, event.id, event.body, reason, status,
  excerpt, attempts, stored, died, names, dead.event
FROM dead JOIN event ON event.seq = dead.event LEFT JOIN sink ON sink.id = dead.sink
  LEFT JOIN route_set ON route_set.id = event.routes
WHERE dead.id > ? ORDER BY dead.id LIMIT ?
"""
DEAD_OF_SINK = """
SELECT dead.id, sink.name, event.data_offset, event.id, event.body, reason, status,
  excerpt, attempts, stored, died, names, dead.event
FROM dead JOIN event ON event.seq = dead.event LEFT JOIN sink ON sink.id = dead.sink
  LEFT JOIN route_set ON route_set.id = event.routes
WHERE dead.sink = (SELECT id FROM sink WHERE name = ?) AND dead.id > ?
ORDER BY dead.id LIMIT ?
"""
DEAD_OF_EVENT = """
SELECT dead.id, sink.name, event.data_offset, event.id, event.body, reason, status,
  excerpt, attempts, stored, died, names, dead.event
FROM dead JOIN event ON event.seq = dead.event LEFT JOIN sink ON sink.id = dead.sink
  LEFT JOIN route_set ON route_set.id = event.routes
WHERE dead.event = ?
ORDER BY dead.id LIMIT ?
"""
WAITING = """
SELECT event, stored, data_offset, event.id, body, names, attempts,
  CASE WHEN delay IS NULL THEN NULL ELSE due END
FROM delivery JOIN event ON event.seq = delivery.event
  LEFT JOIN route_set ON route_set.id = event.routes
WHERE delivery.sink = (SELECT id FROM sink WHERE name = ?) AND delivery.event > ?
ORDER BY delivery.event LIMIT ?
"""
COUNT_DELAYED = """
SELECT count(*) FROM delivery INDEXED BY delivery_due
WHERE delay IS NOT NULL AND sink = ? AND due > ?
"""
OLDEST = """
SELECT stored FROM delivery JOIN event ON event.seq = delivery.event
WHERE delivery.sink = ? ORDER BY delivery.event LIMIT 1
"""
