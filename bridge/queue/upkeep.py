"""What has to be done at open and now and then, whether or not anything happens."""

from functools import partial

from bridge.queue import retention
from bridge.queue.clock import SECOND, Clock
from bridge.queue.connection import limit_log
from bridge.queue.faults import translated
from bridge.queue.gates import advance_waits, cap_waits
from bridge.queue.store import Settings, Store

_IDLE_SAVE = 60 * SECOND


def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the file, and let nothing wait for a clock that was set back meanwhile.

    Raises:
        QueueError: The file cannot be used.
    """
    with translated(str(settings.path)):
        store = Store(settings=settings, clock=clock)
        with store.transaction():
            cap_waits(store)
        return store


def resize(store: Store, settings: Settings) -> None:
    """Take other sizes and times; the file and the leases stay as they are."""
    before, store.settings = store.settings, settings
    store.room.max_bytes = settings.max_size_bytes
    if settings.reserve_bytes != before.reserve_bytes:
        store.room.reserve.resize(settings.reserve_bytes)
        limit_log(store.connection, reserve_bytes=settings.reserve_bytes)


def keep_up(store: Store) -> None:
    """Look at the clock, the leases and the room; the queue calls it every second."""
    if lost := store.clock.set_back_by():
        advance_waits(store, lost)
        store.after_commit(partial(store.clock.forget, lost))
    if not store.is_stalled:
        steady = store.clock.steady()
        for outbox in store.outboxes.values():
            outbox.expire(steady)
    if not store.room.reserve.is_held:
        retention.shed_some(store)
    store.room.tidy()
    store.save_sinks(older_than=_IDLE_SAVE)
    store.buried.flush()
