"""Salvage what can still be read of a damaged queue file into a new one.

The damaged file is only copied. Of each table every row is read that a sound page
holds: where reading fails, the range of keys is halved until what fails is one key.

What cannot be read is made up for on the safe side: where the list of waiting
deliveries has a hole, every surviving event of that range waits again. Better a repeat
than a loss.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from bridge.errors import QueueCorruptError, QueueError
from bridge.files.private import make_file
from bridge.queue.sqlite import schema
from bridge.queue.sqlite.connection import translated
from bridge.queue.sqlite.lockfile import locked_now

_UNREADABLE = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError)
_MOST_FAILURES = 50_000
_LAST_KEY = 1 << 40


class _Table(NamedTuple):
    """A table to salvage: rows whose `key`, the first column, is in a range.

    If it has an `owner`, only those of one owner; text keys are one range for all.
    """

    name: str
    key: str
    columns: str
    owner: str = ""
    has_text_keys: bool = False

    def select(self) -> str:
        own = f"AND {self.owner} = ?" if self.owner else ""
        return (
            f"SELECT {self.columns} FROM {self.name} NOT INDEXED"  # noqa: S608  # ours
            f" WHERE {self.key} >= ? AND {self.key} <= ? {own} ORDER BY {self.key}"
        )

    def insert(self) -> str:
        marks = ", ".join("?" * len(self.columns.split(",")))
        return f"INSERT OR IGNORE INTO {self.name} ({self.columns}) VALUES ({marks})"  # noqa: S608  # ours


_ROUTE_SET = _Table("route_set", "id", "id, names")
# Not `ordering`: so the rows are given lanes anew when the sink is opened.
_SINK = _Table(
    "sink",
    "id",
    "id, name, gate_kind, gate_until, gate_reason, gate_count, tryable",
)
_EVENT = _Table("event", "seq", "seq, stored, ends, data_offset, id, body, routes, crc")
_DEAD = _Table("dead", "id", "id, sink, event, reason, status, excerpt, attempts, died")
_CURSOR = _Table(
    "cursor",
    "id",
    "id, cluster, resource, namespace, field_selector, label_selector, version, moved",
)
_DELIVERY = _Table(
    "delivery", "event", "event, sink, due, attempts, first, delay", "sink"
)
_REMEMBERED = _Table("remembered", "key", "key, scope, value", "scope", True)

_NO_ROUTES = """
DELETE FROM route_set
WHERE CASE WHEN json_valid(names) THEN json_type(names) <> 'array' ELSE true END
  OR id NOT IN (SELECT routes FROM event WHERE routes IS NOT NULL);
UPDATE event SET routes = NULL WHERE routes NOT IN (SELECT id FROM route_set)
"""
_DOUBT = """
INSERT OR IGNORE INTO delivery (sink, event, due) SELECT ?1, seq, stored FROM event
WHERE seq BETWEEN ?2 AND ?3 AND data_offset IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.event = seq AND dead.sink = ?1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The number of rows that the new file holds.

    Attributes:
        events: Stored events.
        deliveries: Waiting deliveries, those in doubt included.
        in_doubt: Of these, made up for rows that could not be read.
        lost: Waiting deliveries and dead letters whose event could not be read.
        dead_letters: Dead letters.
        cursors: Cursors of scopes.
    """

    events: int
    deliveries: int
    in_doubt: int
    lost: int
    dead_letters: int
    cursors: int


def recover(path: Path, to: Path) -> Recovery:
    """Write what can be read of `path` to `to`, which must not exist yet.

    Raises:
        QueueLockedError: A process owns the damaged file.
        QueueCorruptError: Nothing of it can be read.
        QueueError: `to` exists, or a file cannot be read or written.
    """
    if to.exists():
        raise QueueError(f"recover to {to}: expected no file there yet, got one")
    with (
        locked_now(path),
        _copied(path, to.with_name(to.name + ".damaged")) as copy,
        translated(str(path)),
        closing(_open_damaged(copy, path)) as old,
        closing(_open_new(to)) as new,
    ):
        schema.migrate(new, path=str(to))
        new.execute("BEGIN")
        recovery = _salvage(old, new)
        new.execute("COMMIT")
        return recovery


def _salvage(old: apsw.Connection, new: apsw.Connection) -> Recovery:
    for table in (_ROUTE_SET, _SINK, _EVENT, _DEAD, _CURSOR):
        _carry(old, new, table)
    new.execute(schema.GATE_KINDS)
    new.execute(_NO_ROUTES)
    _keep_numbers(old, new)
    in_doubt = 0
    for sink in _column(new, "SELECT id FROM sink"):
        for low, high in _carry(old, new, _DELIVERY, sink):
            new.execute(_DOUBT, (sink, low, high))
            in_doubt += new.changes()
    for scope in _column(new, "SELECT id FROM cursor"):
        _carry(old, new, _REMEMBERED, scope)
    return Recovery(
        lost=_drop_orphans(new, "delivery") + _drop_orphans(new, "dead"),
        in_doubt=in_doubt,
        events=_count(new, "event"),
        deliveries=_count(new, "delivery"),
        dead_letters=_count(new, "dead"),
        cursors=_count(new, "cursor"),
    )


def _carry(
    old: apsw.Connection, new: apsw.Connection, table: _Table, *owner: int
) -> list[tuple[Any, Any]]:
    """Carry the rows of a table over; return the ranges that could not be read."""
    holes: list[tuple[Any, Any]] = []
    table = _as_made(old, table)
    if not table.columns:
        return holes
    for row in _read(old, table, owner, holes):
        try:
            new.execute(table.insert(), row)
        except apsw.ConstraintError:  # a damaged page that still looks like one
            continue
    return holes


def _as_made(old: apsw.Connection, table: _Table) -> _Table:
    """Return the table with those columns that its version has; maybe none."""
    made = {row[1] for row in old.execute(f"PRAGMA table_info({table.name})")}
    columns = [name for name in table.columns.split(", ") if name in made]
    return table._replace(columns=", ".join(columns))


def _read(
    old: apsw.Connection,
    table: _Table,
    owner: tuple[int, ...],
    holes: list[tuple[Any, Any]],
) -> Iterator[tuple[Any, ...]]:
    ranges: list[tuple[Any, Any]] = [(0, _LAST_KEY)]
    if table.has_text_keys:
        ranges = [("", "\U0010ffff")]
    failures = 0
    while ranges:
        low, high = ranges.pop()
        try:
            for row in old.execute(table.select(), (low, high, *owner)):
                yield row
                low = row[0] if table.has_text_keys else row[0] + 1
        except _UNREADABLE:
            failures += 1
            if table.has_text_keys or low >= high or failures > _MOST_FAILURES:
                holes.append((low, high))
            else:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]


def _keep_numbers(old: apsw.Connection, new: apsw.Connection) -> None:
    """See that no number is given twice, nor handles of old mean another event."""
    try:
        known = old.execute("SELECT seq, name FROM sqlite_sequence").fetchall()
    except _UNREADABLE:
        return
    new.executemany(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", known
    )


def _drop_orphans(new: apsw.Connection, table: str) -> int:
    new.execute(
        f"DELETE FROM {table} WHERE event NOT IN (SELECT seq FROM event)"  # noqa: S608
    )
    return new.changes()


def _count(new: apsw.Connection, table: str) -> int:
    count: int = new.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608  # ours
    return count


def _column(new: apsw.Connection, statement: str) -> list[Any]:
    return [row[0] for row in new.execute(statement)]


def _open_new(to: Path) -> apsw.Connection:
    make_file(to)
    return apsw.Connection(str(to))


def _open_damaged(copy: Path, path: Path) -> apsw.Connection:
    """Open the copy, with a first page like any queue's if its own is damaged.

    That of the newest version first: it also reads most files of older ones.
    """
    for version in (0, *range(len(schema.MIGRATIONS), 0, -1)):
        if version:
            _mend_first_page(copy, schema.MIGRATIONS[:version])
        connection = apsw.Connection(str(copy))
        try:
            if connection.table_exists(None, "event"):
                return connection
        except _UNREADABLE:
            pass
        connection.close()
    raise QueueCorruptError(f"queue {path}: nothing of it can be read")


def _mend_first_page(copy: Path, migrations: Sequence[str]) -> None:
    """Take the first page of an empty queue: its tables begin where ours do.

    SQLite file format 1.3: bytes 28 and 92 say how many pages there are, 32 to 39
    which of them are free, 24 is the number of changes that 92 has to agree with.
    """
    template = copy.with_name(copy.name + ".first")
    with closing(apsw.Connection(str(template))) as connection:
        schema.migrate(connection, path=str(template), migrations=migrations)
        connection.pragma("journal_mode", "wal")
    page = bytearray(template.read_bytes()[: schema.PAGE_BYTES])
    _remove(template)
    pages = copy.stat().st_size // schema.PAGE_BYTES
    page[28:32] = pages.to_bytes(4, "big")
    page[32:40] = bytes(8)
    page[92:96] = page[24:28]
    with copy.open("r+b") as damaged:
        damaged.write(page)


@contextmanager
def _copied(path: Path, copy: Path) -> Iterator[Path]:
    try:
        make_file(copy)
        shutil.copyfile(path, copy)
        if (log := path.with_name(path.name + "-wal")).exists():
            shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
        yield copy
    except OSError as error:
        raise QueueError(
            f"queue {path}: expected a file to copy to {copy}, got '{error.strerror}'"
        ) from error
    finally:
        _remove(copy)


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
