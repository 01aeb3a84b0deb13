"""The queue file as its one writer thread sees it: rows, sums, and transactions."""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, TypeVar

import apsw

from bridge.errors import QueueError
from bridge.logs import Rationed, get_logger
from bridge.queue import Gate, GateKind, Lease, Scope, Tally
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.capacity import Capacity, Reserve
from bridge.queue.sqlite.clock import SECOND, ActiveClock, Clock, micros
from bridge.queue.sqlite.connection import open_writer
from bridge.queue.sqlite.sink_state import SinkBacklog

Way = Literal["routed", "enqueued", "delivered", "dead", "purged"]
Key = TypeVar("Key")


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums as they are after the last commit; a copy is put back when one fails.

    Attributes:
        last_event: The highest `seq` ever given.
        ends: Bytes of all events ever stored, up to that one.
        swept: Events up to this one are only there because something refers to them.
        waiting: Deliveries by sink.
        dead: Dead letters by sink; None: what could not be converted.
        ways: How deliveries began and ended since the start, by sink and way.
        begun: Deliveries that waited at the start, by sink; never changed.
    """

    last_event: int = 0
    ends: int = 0
    swept: int = 0
    waiting: Counter[int] = field(default_factory=Counter)
    dead: Counter[int | None] = field(default_factory=Counter)
    ways: Counter[tuple[int, Way]] = field(default_factory=Counter)
    begun: Counter[int] = field(default_factory=Counter)

    def copy(self) -> Self:
        """Return the same sums, to be kept aside."""
        copied = copy(self)
        copied.waiting = _copied(self.waiting)
        copied.dead = _copied(self.dead)
        copied.ways = _copied(self.ways)
        return copied

    def begin(self, sink: int, count: int, way: Way) -> None:
        """Count deliveries that begin to wait."""
        self.waiting[sink] += count
        self.ways[sink, way] += count

    def finish(self, sink: int, count: int, way: Way) -> None:
        """Count deliveries that wait no longer."""
        self.waiting[sink] -= count
        self.ways[sink, way] += count

    def tally(self, sink: int) -> Tally:
        """Return how deliveries to one sink began and ended."""
        return Tally(
            begun=self.begun[sink],
            routed=self.ways[sink, "routed"],
            enqueued=self.ways[sink, "enqueued"],
            delivered=self.ways[sink, "delivered"],
            dead=self.ways[sink, "dead"],
            purged=self.ways[sink, "purged"],
            waiting=self.waiting[sink],
            letters=self.dead[sink],
        )


def _copied(counter: Counter[Key]) -> Counter[Key]:
    """Return a copy; `Counter.copy` takes ten times as long."""
    copied: Counter[Key] = Counter()
    dict.update(copied, counter)
    return copied


_STORED_KINDS: Final[Mapping[GateKind, str]] = {
    "resting": "waiting",
    "circuit-open": "tripped",
}
"""How files name kinds of gates, where it is otherwise: as the first of them did, so
that any version opens the files of any other."""

_KINDS: Final = {stored: kind for kind, stored in _STORED_KINDS.items()}


class SqliteStore:
    """Holds the writer's connection, its transactions, and sums that need no query.

    `totals` are those of the transaction under way, `committed` those that last; other
    threads may read the latter. `damaged` are events whose bytes are not those that
    were stored; `condemned` are leases of such that nobody was given.

    The modules beside this one are its verbs: each is a function of a store, and runs
    on its one thread inside a transaction.
    """

    def __init__(self, *, settings: QueueConfig, clock: Clock) -> None:
        """Open the file, make or migrate it, and count what is in it.

        Raises:
            QueueCorruptError: The file is damaged, or no queue.
            QueueNewerError: A later version wrote it.
        """
        self.settings = settings
        self.clock = clock
        path = settings.path
        reserve = Reserve(
            path=path.with_name(path.name + ".reserve"),
            size_bytes=settings.reserve,
        )
        self.connection = open_writer(
            path, reserve_bytes=reserve.size_bytes, release=reserve.release
        )
        self.capacity = Capacity(
            connection=self.connection,
            path=path,
            max_bytes=settings.max_size,
            reserve=reserve,
        )
        self.totals = self.committed = Totals()
        self.backlogs: dict[str, SinkBacklog] = {}
        self.scopes: dict[Scope, int] = {}
        self.route_sets: dict[tuple[str, ...], int | None] = {(): None}
        self.is_stalled = False
        self.damaged: set[int] = set()
        self.condemned: list[Lease] = []
        self.buried = Rationed(
            get_logger().error,
            "Deliveries became dead letters: too many waited.",
            now=lambda: clock.steady() / SECOND,
        )
        self.next_token = 0
        self.next_sweep = 0
        self.has_old = False
        self._on_commit: list[Callable[[], None]] = []
        self._count()
        reserve.make()

    def execute(self, statement: str, bindings: Sequence[Any] = ()) -> apsw.Cursor:
        """Run one statement; every statement of the writer passes here."""
        return self.connection.execute(statement, bindings)

    def rows(self, statement: str, bindings: Sequence[Any]) -> list[Any]:
        """Return rows that a statement gives as one JSON array, in one step."""
        found: list[Any] = json.loads(self.execute(statement, bindings).get)
        return found

    def column(self, statement: str, bindings: Sequence[Any]) -> list[Any]:
        """Return the only column of all rows."""
        return [row[0] for row in self.execute(statement, bindings)]

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Have `effect` called once this job is durable, never if it is not."""
        self._on_commit.append(effect)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that happens inside durable, or undo it."""
        self.totals = self.committed.copy()
        self._on_commit.clear()
        try:
            self.execute("BEGIN IMMEDIATE")
            yield
            self.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.execute("ROLLBACK")
            raise
        self.committed = self.totals
        for effect in self._on_commit:
            effect()

    @contextmanager
    def job(self) -> Iterator[None]:
        """Undo what happens inside, and nothing else, if it fails."""
        totals, effects = self.totals.copy(), len(self._on_commit)
        self.execute("SAVEPOINT job")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:
                self.execute("ROLLBACK TO job")
                self.execute("RELEASE job")
            self.totals = totals
            del self._on_commit[effects:]
            raise
        self.execute("RELEASE job")

    def backlog(self, sink: str) -> SinkBacklog:
        """Return a sink that was opened.

        Raises:
            QueueError: It was not.
        """
        backlog = self.backlogs.get(sink)
        if backlog is None or not backlog.is_open:
            raise QueueError(f"sink {sink}: expected one that is open in the queue")
        return backlog

    def add_backlog(self, sink: int, name: str, *, tryable: int = 0) -> SinkBacklog:
        """Begin to know a sink."""
        steady = self.clock.steady()
        backlog = SinkBacklog(
            id=sink,
            name=name,
            tryable=ActiveClock(counted=tryable, steady=steady),
            saved_tryable=tryable,
        )
        backlog.tail.is_complete = not self.totals.waiting[sink]
        self.backlogs[name] = backlog
        return backlog

    def save_sinks(self, *, older_than: int = SECOND) -> None:
        """Write down gates, and clocks that moved more than `older_than`."""
        steady = self.clock.steady()
        for backlog in self.backlogs.values():
            tryable = backlog.tryable.read(steady)
            late = tryable - backlog.saved_tryable > older_than
            if late or not backlog.is_gate_saved:
                self._save_sink(backlog, tryable)

    def close(self, *, is_sound: bool) -> None:
        """Leave the file; write down what is only in memory if the file `is_sound`."""
        try:
            if is_sound:
                with suppress(apsw.FullError), self.transaction():
                    self.save_sinks(older_than=0)
        finally:
            self.connection.close()

    def _save_sink(self, backlog: SinkBacklog, tryable: int) -> None:
        self.execute(sql.SAVE_SINK, (*_columns(backlog.gate), tryable, backlog.id))

        def saved() -> None:
            backlog.saved_tryable = tryable
            backlog.is_gate_saved = True

        self.after_commit(saved)

    def _count(self) -> None:
        self.totals.last_event = self.execute(sql.LAST_EVENT).get or 0
        self.totals.ends = self.execute(sql.LAST_ENDS).get or 0
        self.totals.waiting.update(dict(self.execute(sql.COUNT_WAITING)))
        self.totals.begun.update(self.totals.waiting)
        self.totals.dead.update(dict(self.execute(sql.COUNT_DEAD)))
        wall, steady = self.clock.wall(), self.clock.steady()
        sinks: list[Any] = self.execute(sql.SINKS).fetchall()
        for sink, name, tryable, kind, until, reason, count, ordering in sinks:
            backlog = self.add_backlog(sink, name, tryable=tryable)
            backlog.saved_ordering = ordering
            if kind is not None:
                opens = None if until is None else until / SECOND
                gate = Gate(
                    until=opens,
                    kind=_KINDS.get(kind, kind),
                    reason=reason,
                    count=count,
                )
                backlog.close_gate(gate, wall=wall, steady=steady)
                backlog.is_gate_saved = True


def _columns(gate: Gate | None) -> tuple[str | None, int | None, str, int]:
    if gate is None:
        return None, None, "", 0
    until = None if gate.until is None else micros(gate.until)
    return _STORED_KINDS.get(gate.kind, gate.kind), until, gate.reason, gate.count


def numbers(values: Iterable[int]) -> Any:
    """Return integers as one binding of a carray; there must be at least one."""
    return apsw.carray(array("q", values))
