"""Open the file, keep it up periodically, and end events that were kept long enough.

The newest `keep_size` bytes of events, as far as they are younger than `keep`, are kept
whatever became of them. A line moves behind that window: an event that it passes goes,
unless a delivery or a dead letter still refers to it; then it goes with the last of
these.
"""

from collections.abc import Iterable
from functools import partial

from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import SECOND, Clock, micros
from bridge.queue.sqlite.connection import limit_log, translated
from bridge.queue.sqlite.gates import advance_waits, cap_waits
from bridge.queue.sqlite.store import SqliteStore, numbers

_CHUNK = 500
_MOST_CHUNKS = 20


def tidy(store: SqliteStore) -> None:
    """Move the line on by a chunk, at most once a second unless there is more to do."""
    steady = store.clock.steady()
    if steady >= store.next_sweep:
        store.has_old = sweep(store)
        store.next_sweep = steady if store.has_old else steady + SECOND


def sweep(store: SqliteStore) -> bool:
    """Move the line over a chunk of what left the window; return whether it moved."""
    settings, totals = store.settings, store.totals
    stored = store.clock.wall() - micros(settings.keep)
    ends = totals.ends - settings.keep_size
    return _sweep_to(store, stored=stored, ends=ends)


def shed(store: SqliteStore, size_bytes: int) -> None:
    """Let kept events go, oldest first, until so much can be stored or none is left.

    Bounded, because it runs while a put waits: a refused put goes on where this ended.
    """
    for _ in range(1 if store.capacity.volume_is_full else _MOST_CHUNKS):
        if not store.capacity.wants(size_bytes) or not shed_some(store):
            return


def shed_some(store: SqliteStore) -> bool:
    """Let some of the oldest kept events go; return whether there were any.

    On a full volume few bytes of them: a removal is written to the log first.
    """
    swept = store.totals.swept
    first = store.execute(sql.NEXT_ENDS, (swept,)).get
    if first is None:
        return False
    most = (
        store.capacity.budget_bytes()
        if store.capacity.volume_is_full
        else store.totals.ends
    )
    return _sweep_to(store, stored=0, ends=first + most)


def forget(store: SqliteStore, events: Iterable[int]) -> None:
    """Remove events behind the line to which nothing refers any more."""
    behind = [event for event in events if event <= store.totals.swept]
    if behind:
        store.execute(sql.FORGET_EVENTS, (numbers(behind), store.totals.swept))


def _sweep_to(store: SqliteStore, *, stored: int, ends: int) -> bool:
    swept = store.totals.swept
    line = store.execute(sql.SWEEP_LINE, (swept, _CHUNK, stored, ends)).get
    if line is None:
        return False
    store.execute(sql.SWEEP_EVENTS, (swept, line))
    store.totals.swept = line
    return True


_IDLE_SAVE = 60 * SECOND


def open_store(settings: QueueConfig, clock: Clock) -> SqliteStore:
    """Open the file, and let nothing wait for a clock that was set back meanwhile.

    Raises:
        QueueError: The file cannot be used.
    """
    with translated(str(settings.path)):
        store = SqliteStore(settings=settings, clock=clock)
        with store.transaction():
            cap_waits(store)
        return store


def resize(store: SqliteStore, settings: QueueConfig) -> None:
    """Take other sizes and times; the file and the leases stay as they are."""
    before, store.settings = store.settings, settings
    store.capacity.max_bytes = settings.max_size
    if settings.reserve != before.reserve:
        store.capacity.reserve.resize(settings.reserve)
        limit_log(store.connection, reserve_bytes=settings.reserve)


def keep_up(store: SqliteStore) -> bool:
    """Look at the clock, the leases and the room.

    Returns:
        Whether to look again in a second: something waits for a time, or for room. Else
        once in several seconds does.
    """
    if lost := store.clock.set_back_by():
        advance_waits(store, lost)
        store.after_commit(partial(store.clock.forget, lost))
    if not store.is_stalled:
        steady = store.clock.steady()
        for backlog in store.backlogs.values():
            backlog.expire(steady)
    if not store.capacity.reserve.is_held:
        shed_some(store)
    store.capacity.tidy()
    store.save_sinks(older_than=_IDLE_SAVE)
    store.buried.flush()
    return _is_waiting(store) or _is_short(store)


def _is_waiting(store: SqliteStore) -> bool:
    """Whether anything depends on a clock."""
    return any(
        backlog.leased or (backlog.is_open and backlog.has_wait)
        for backlog in store.backlogs.values()
    )


def _is_short(store: SqliteStore) -> bool:
    """Whether there is less room than there should be, or more to be cleared away."""
    capacity = store.capacity
    return (
        store.is_stalled
        or capacity.has_shortage
        or store.has_old
        or store.buried.is_counting
    )
