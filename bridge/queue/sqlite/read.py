"""What can be asked of the file beside the writer: each a function of a connection."""

import json
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

import apsw

from bridge.errors import QueueError
from bridge.queue import RECALL_LIMIT, Scope, StoredCursor
from bridge.queue.sqlite import read_statements as lookups
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import micros, moment
from bridge.queue.sqlite.put import scope_names

_PAGE_KEYS = 5000
_PAGE_BYTES = 2 * 1024 * 1024
_LAST = "\U0010ffff"  # no key has a character after it


class Waits(NamedTuple):
    """Of the deliveries of a sink: how many are delayed; when the oldest was stored."""

    delayed: int
    oldest: datetime | None


def cursor(scope: Scope, connection: apsw.Connection) -> str | None:
    """Return the cursor of a scope."""
    found = connection.execute(sql.FIND_SCOPE, scope_names(scope)).get
    return None if found is None else found[1]


def cursors(connection: apsw.Connection) -> list[StoredCursor]:
    """Return every cursor that is set."""
    found = []
    for *names, version, moved in connection.execute(lookups.CURSORS):
        cluster, resource, namespace, field_selector, label_selector = names
        scope = Scope(
            cluster=cluster,
            resource=resource,
            namespace=namespace,
            field_selector=field_selector,
            label_selector=label_selector,
        )
        found.append(
            StoredCursor(scope=scope, resource_version=version, moved=moment(moved))
        )
    return found


def remembered(
    scope: Scope, prefix: str, start: str, connection: apsw.Connection
) -> list[tuple[str, bytes]]:
    """Return a page of what is known in a scope, in key order.

    Args:
        scope: Whose.
        prefix: Begins each key that is wanted.
        start: The first key that may be on this page.
        connection: Where to ask.
    """
    place = (*scope_names(scope), start, prefix + _LAST)
    sizes = connection.execute(lookups.REMEMBERED_SIZES, (*place, _PAGE_KEYS)).get
    count = bisect_left(list(accumulate(json.loads(sizes))), _PAGE_BYTES) + 1
    return _pairs(*connection.execute(lookups.REMEMBERED, (*place, count)).get)


def key_after(key: str) -> str:
    """Return the first key that can follow another one."""
    return key + "\0"


def recall(
    scope: Scope, keys: Sequence[str], connection: apsw.Connection
) -> dict[str, bytes]:
    """Return the values of those keys that are known in a scope.

    Raises:
        QueueError: There are too many.
    """
    if len(keys) > RECALL_LIMIT:
        raise QueueError(
            f"recall: expected at most {RECALL_LIMIT} keys, got {len(keys)}"
        )
    bindings = (*scope_names(scope), json.dumps(keys))
    return dict(_pairs(*connection.execute(lookups.RECALL, bindings).get))


def _pairs(described: str, values: bytes) -> list[tuple[str, bytes]]:
    """Return keys and values; what was described are keys and lengths."""
    pairs = []
    start = 0
    for key, length in json.loads(described):
        pairs.append((key, values[start : start + length]))
        start += length
    return pairs


def first_since(since: datetime, connection: apsw.Connection) -> int:
    """Return an event before which all were stored earlier, by bisection.

    Events are in the order of their time, but for a clock that was set back.
    """
    target = micros(since.timestamp())
    low, high = connection.execute(lookups.EVENT_BOUNDS).get
    while low < high:
        middle = (low + high) // 2
        event, stored = connection.execute(lookups.EVENT_FROM, (middle,)).get
        if stored < target:
            low = event + 1
        else:
            high = middle
    return int(low)


def waits(sink: int, wall: int, connection: apsw.Connection) -> Waits:
    """Return what memory does not know of the deliveries of a sink."""
    oldest = connection.execute(lookups.OLDEST, (sink,)).get
    return Waits(
        delayed=connection.execute(lookups.COUNT_DELAYED, (sink, wall)).get,
        oldest=None if oldest is None else moment(oldest),
    )


def used_bytes(connection: apsw.Connection) -> int:
    """Return the bytes of the pages in use."""
    pages: int = connection.pragma("page_count") - connection.pragma("freelist_count")
    size: int = connection.pragma("page_size")
    return pages * size
