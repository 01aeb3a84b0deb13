"""What has to be done at open and now and then, whether or not anything happens."""

from functools import partial

from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite import retention
from bridge.queue.sqlite.clock import SECOND, Clock
from bridge.queue.sqlite.connection import limit_log
from bridge.queue.sqlite.errors import translated
from bridge.queue.sqlite.gates import advance_waits, cap_waits
from bridge.queue.sqlite.store import SqliteStore

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
        retention.shed_some(store)
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
