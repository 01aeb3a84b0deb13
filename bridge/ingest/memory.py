"""What a reader remembers beside its cursor, in the same commit."""

from datetime import datetime

import msgspec

from bridge.cluster import Note

EPOCH = "@epoch"
"""How often the cluster was rolled back; part of ids, for versions are used again."""

NOTE = "@note"
"""When the stream was last known to be complete, see `bridge.cluster.Note`."""


def write_epoch(epoch: int) -> bytes:
    """Return what `read_epoch` reads."""
    return b"%d" % epoch


def read_epoch(value: bytes | None) -> int:
    """Return the epoch; 1 where none was ever stored."""
    return 1 if value is None else int(value)


def write_note(note: Note) -> bytes:
    """Return what `read_note` reads."""
    return msgspec.json.encode([note.resource_version, note.time])


def read_note(value: bytes | None) -> Note | None:
    """Return the note; None where none was ever stored."""
    if value is None:
        return None
    version, time = msgspec.json.decode(value, type=tuple[str, datetime])
    return Note(resource_version=version, time=time)
