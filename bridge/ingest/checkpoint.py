"""Reads and writes the memos that a reader stores beside its cursor, in one commit.

``@epoch``, ``@note``, ``@store``, ``@resync/<source>``
    the reader's own
``+<namespace>/<name>``
    a `ObjectMeta`: that there is such an object, and at which version it was seen
``=<namespace>/<name>``
    the object itself, compressed, where somebody compares
``~<route>/<stage>/<key>``
    a window of noise control (`bridge.filters.noise`)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from bridge.cluster import ObjectMeta, ProgressMark
from bridge.cluster.store import Store
from bridge.queue import Entry, Queue, Scope

EPOCH = "@epoch"
"""How often the cluster was rolled back; part of ids, for versions are used again."""

NOTE = "@note"
"""When the stream was last known to be complete, see
`bridge.cluster.ProgressMark`."""

STORE = "@store"
"""Key of the memo that says whether all objects at the cursor are remembered."""

RESYNC = "@resync/"
"""Begins the key under which the last resync of a source is remembered."""

KNOWN = "+"
"""Begins the key of what is known of an object."""

OBJECT = "="
"""Begins the key of an object as it was last seen."""

NOISE = "~"
"""Begins the key of a memo of noise control."""

OWN = "@"
"""Begins every key of the reader's own."""

_encode = msgspec.json.Encoder().encode
_decode_known = msgspec.json.Decoder(ObjectMeta).decode


def memo(key: str, value: bytes | None) -> Entry:
    """Return the entry that remembers a value from now on; None forgets the key."""
    return Entry(event=None, encoded=None, remember=(key, value))


def remember(known: ObjectMeta) -> Entry:
    """Return the entry that remembers an object from now on."""
    return memo(KNOWN + known.key, _encode(known))


def forget(known: ObjectMeta) -> Entry:
    """Return the entry that forgets an object from now on."""
    return memo(KNOWN + known.key, None)


def write_complete(*, objects: bool) -> bytes:
    """Return the memo `STORE`: all names, or all objects, are remembered."""
    return b"objects" if objects else b"names"


def write_epoch(epoch: int) -> bytes:
    """Return the memo `EPOCH`."""
    return b"%d" % epoch


def read_epoch(value: bytes | None) -> int:
    """Return the epoch of the memo `EPOCH`; 1 if there is none."""
    return 1 if value is None else int(value)


def write_note(note: ProgressMark) -> bytes:
    """Return the memo `NOTE`."""
    return _encode([note.resource_version, note.time])


def read_note(value: bytes | None) -> ProgressMark | None:
    """Return the mark of the memo `NOTE`; None if there is none."""
    if value is None:
        return None
    version, time = msgspec.json.decode(value, type=tuple[str, datetime])
    return ProgressMark(resource_version=version, time=time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """All memos of one scope, except the objects themselves.

    Attributes:
        cursor: The version up to which everything was read; None: nothing was.
        moved: When the cursor last moved; None: it never did.
        epoch: How often the cluster was rolled back, from 1.
        note: When the stream was last known to be complete; None: never.
        store: What is known of each object; None: nothing is remembered of them.
        resyncs: The number of the last resync of each source.
        noise: The memos of noise control.
    """

    cursor: str | None
    moved: datetime | None
    epoch: int
    note: ProgressMark | None
    store: Store | None
    resyncs: Mapping[str, int]
    noise: Mapping[str, bytes]


async def load_checkpoint(
    queue: Queue,
    scope: Scope,
    *,
    has_store: bool,
    keeps_objects: bool,
    keeps_labels: bool,
) -> Checkpoint:
    """Return the checkpoint from which a reader goes on.

    Args:
        queue: Where the memos are stored.
        scope: The scope of the reader.
        has_store: Whether objects are remembered in the scope.
        keeps_objects: Whether they are remembered whole from now on.
        keeps_labels: Whether their labels are from now on.
    """
    cursor = await queue.cursor(scope)
    moved = [one.moved for one in await queue.cursors() if one.scope == scope]
    own = {key: value async for key, value in queue.remembered(scope, OWN)}
    store = None
    if has_store:
        word = own.get(STORE)
        # Where objects are to be compared from now on, they have to be read first.
        is_lacking = keeps_objects and word == write_complete(objects=False)
        rows = queue.remembered(scope, KNOWN)
        known = [] if is_lacking else [_decode_known(row) async for _, row in rows]
        store = Store(
            known,
            is_complete=word is not None and not is_lacking,
            keeps_labels=keeps_labels,
        )
    noise = {
        key.removeprefix(NOISE): value
        async for key, value in queue.remembered(scope, NOISE)
    }
    resyncs = {
        key.removeprefix(RESYNC): int(value)
        for key, value in own.items()
        if key.startswith(RESYNC)
    }
    return Checkpoint(
        cursor=cursor,
        moved=moved[0] if moved else None,
        epoch=read_epoch(own.get(EPOCH)),
        note=read_note(own.get(NOTE)),
        store=store,
        resyncs=resyncs,
        noise=noise,
    )
