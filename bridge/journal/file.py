"""The file of the journal: chunks of attempts in the order of their ends.

A row for each attempt would cost as much as the delivery itself; a chunk of up to a
thousand costs next to nothing, and says which events it may hold.
"""

import errno
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import apsw
import msgspec

from bridge.files.private import make_database, make_folder
from bridge.journal import Attempt
from bridge.logs import get_logger

APPLICATION_ID = 0x6B626A31
"""Written into the file's header, so that no other SQLite file is taken for ours."""

SPARE_BYTES = 32 * 2**20
"""What is left free on the volume: it belongs to the queue."""

LONGEST_SUCCESS, LONGEST_FAILURE = 256, 4096
"""Bytes kept of what a sink answered."""

LONGEST_NUMBER = 19
"""Digits of a number that SQLite does not know any more."""

_SCHEMA = """
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  first_event INTEGER NOT NULL,     -- events of its attempts lie between
  last_event INTEGER NOT NULL,
  last_at REAL NOT NULL,            -- Unix seconds
  sinks TEXT NOT NULL,              -- JSON array of names
  attempts BLOB NOT NULL            -- a compressed MessagePack array
) STRICT;
CREATE INDEX chunk_events ON chunk (first_event, last_event);
"""
_VERSION = 1
_INSERT = """
INSERT INTO chunk (first_event, last_event, last_at, sinks, attempts)
VALUES (?, ?, ?, ?, ?)
"""
_DROP_OLD = """
DELETE FROM chunk WHERE last_at < ? AND id IN (
  SELECT id FROM chunk ORDER BY id LIMIT 100)
"""
_DROP_OLDEST = """
DELETE FROM chunk WHERE id IN (SELECT id FROM chunk ORDER BY id LIMIT 4)
"""
_ABOUT = """
SELECT id FROM chunk
WHERE first_event <= ? AND last_event >= ? AND (?3 IS NULL OR instr(sinks, ?3))
ORDER BY id DESC
"""
_ONE = "SELECT attempts FROM chunk WHERE id = ?"
_NEXT = """
SELECT id, attempts FROM chunk WHERE id >= ? AND last_at >= ? ORDER BY id LIMIT 1
"""

_PREVIOUS = """
SELECT id, attempts FROM chunk WHERE id <= ? AND last_at >= ? ORDER BY id DESC LIMIT 1
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Attempt]).decode
_names = msgspec.json.Encoder().encode


class JournalFile:
    """The open file; for one thread only."""

    def __init__(
        self, path: Path, connection: apsw.Connection, max_size_bytes: int
    ) -> None:
        """Take what `open` has prepared."""
        self._folder = path.parent
        self._connection = connection
        self._max_size = max_size_bytes

    @classmethod
    def open(cls, path: Path, *, max_size_bytes: int) -> Self:
        """Open the file or begin one; what is damaged or not ours is set aside.

        Raises:
            apsw.Error: It cannot be opened nor begun.
            OSError: It cannot be set aside.
        """
        try:
            return cls(path, _connect(path), max_size_bytes)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            aside = _set_aside(path)
            get_logger().warning(
                "The journal was set aside and begun anew.",
                error=str(error),
                aside=str(aside),
            )
            return cls(path, _connect(path), max_size_bytes)

    def append(self, attempts: Sequence[Attempt], *, oldest: float) -> None:
        """Store a chunk, and drop what is too old or too much.

        Args:
            attempts: At least one.
            oldest: What ended before is not kept, Unix seconds.

        Raises:
            apsw.Error: It could not be stored.
            OSError: The volume is nearly full.
        """
        self._check_room()
        events = [event_number(one.event) for one in attempts]
        row = (
            min(events),
            max(events),
            max(one.at for one in attempts),
            _names(sorted({one.sink for one in attempts})).decode(),
            zlib.compress(_encode([_shortened(one) for one in attempts]), 1),
        )
        with self._connection:
            self._connection.execute(_INSERT, row)
            self._connection.execute(_DROP_OLD, (oldest,))
        while self.used_bytes() > self._max_size:
            self._connection.execute(_DROP_OLDEST)

    def chunks_about(self, first: int, last: int, sink: str | None) -> list[int]:
        """Return the chunks that may hold events between two, newest first."""
        name = None if sink is None else _names(sink).decode()
        rows = self._connection.execute(_ABOUT, (last, first, name))
        return [row[0] for row in rows]

    def read(self, chunks: Collection[int]) -> Iterator[list[Attempt]]:
        """Yield the attempts of those chunks that are still there."""
        for chunk in chunks:
            found = self._connection.execute(_ONE, (chunk,)).get
            if found is not None:
                yield _decode(zlib.decompress(found))

    def next_chunk(
        self, chunk: int, *, since: float, newest: bool = False
    ) -> tuple[int, list[Attempt]] | None:
        """Return the first chunk from a number on with an attempt since then.

        Args:
            chunk: Its number, or that of one before.
            since: Unix seconds.
            newest: Look backwards: the last chunk up to that number.
        """
        statement = _PREVIOUS if newest else _NEXT
        found = self._connection.execute(statement, (chunk, since)).get
        if found is None:
            return None
        return found[0], _decode(zlib.decompress(found[1]))

    def used_bytes(self) -> int:
        """Return the bytes of the pages in use."""
        ask = self._connection.pragma
        pages: int = ask("page_count") - ask("freelist_count")
        size: int = ask("page_size")
        return pages * size

    def close(self) -> None:
        """Close the file in any state."""
        with suppress(apsw.Error):
            self._connection.close()

    def _check_room(self) -> None:
        volume = os.statvfs(self._folder)
        if volume.f_bavail * volume.f_frsize < SPARE_BYTES:
            raise OSError(errno.ENOSPC, "what is left on the volume is the queue's")


def event_number(handle: str) -> int:
    """Return the number in the handle of an event; 0: there is none."""
    number = handle[1:]
    return int(number) if number.isdecimal() and len(number) < LONGEST_NUMBER else 0


def _shortened(attempt: Attempt) -> Attempt:
    longest = LONGEST_SUCCESS if attempt.ending == "delivered" else LONGEST_FAILURE
    if len(attempt.excerpt) <= longest:
        return attempt
    return msgspec.structs.replace(attempt, excerpt=attempt.excerpt[:longest])


def _connect(path: Path) -> apsw.Connection:
    make_folder(path.parent)
    make_database(path)
    connection = apsw.Connection(str(path))
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(1000)
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if is_empty:
        connection.pragma("auto_vacuum", 2)  # incremental: the file can shrink again
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", _VERSION)
    known = (connection.pragma("application_id"), connection.pragma("user_version"))
    if known != (APPLICATION_ID, _VERSION):
        raise apsw.NotADBError("another database, or one of another version")
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 1)  # evidence: a power failure may take the last
    connection.pragma("temp_store", 2)
    connection.pragma("journal_size_limit", 4 * 2**20)
    if is_empty:
        connection.execute(_SCHEMA)
    if (fault := connection.pragma("quick_check", 1)) != "ok":
        raise apsw.CorruptError(str(fault))
    connection.pragma("incremental_vacuum")


def _set_aside(path: Path) -> Path:
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return aside
