"""Find out where to go on from after a watch ended, and count its faults."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.versions import is_newer, middle
from bridge.errors import ExpiredError, FutureVersionError

FaultKind = Literal["empty", "expired", "unreadable"]
"""A watch ended at once with nothing in it; history is gone; something in it cannot be
read."""

WatchFault = Literal["none"] | FaultKind
"""The fault that counts; ``none``: none was seen often enough."""

_TIMES: dict[FaultKind, int] = {
    # Some control planes end an expired watch instead of answering 410
    # (kubernetes/kubernetes#137089); a server that restarts does so too.
    "empty": 2,
    # At first the probe is asked whether it is so. A watch cache forgets sooner than
    # etcd, so that the history may be listed and yet not be watched.
    "expired": 2,
    # An object that cannot be decoded is there for ever, trouble with etcd is not.
    "unreadable": 3,
}


class FaultCounter:
    """Counts the faults of watches from the same version."""

    def __init__(self) -> None:
        """Start without a fault."""
        self._version = ""
        self._times: Counter[FaultKind] = Counter()

    def add(self, kind: FaultKind, *, version: str) -> WatchFault:
        """Return the fault if it was seen often enough at this version, else none."""
        if version != self._version:
            self.clear()
        self._version = version
        self._times[kind] += 1
        if self._times[kind] < _TIMES[kind]:
            return "none"
        self._times[kind] = 0
        return kind

    def clear(self) -> None:
        """Start again: a watch ended well."""
        self._times.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Watch from the cursor: nothing is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relist:
    """List, then watch from there.

    Attributes:
        version: List the state at exactly this version; None: at the newest.
        cursor: Up to here everything was read before; None: nothing was.
        cause: Why the watch cannot go on; None: it never began.
        announces: Whether unknown objects are news; False: they are only kept.
        rewinds: Whether every state since the cursor can still be listed, although no
            watch begins there.
    """

    version: str | None = None
    cursor: str | None = None
    cause: Literal["expired", "rolled-back", "unreadable"] | None = None
    announces: bool = True
    rewinds: bool = False

    @property
    def newer_than(self) -> str | None:
        """Return the version after which objects are news; None: all are."""
        return None if self.cause == "rolled-back" else self.cursor


async def examine(
    list_watch: ListWatch,
    cursor: str,
    *,
    watch_fault: WatchFault,
    watchable: str | None = None,
    retry: WatchRetry,
) -> Resume | Relist:
    """Return where to go on from, however long it takes to find out.

    Args:
        list_watch: What is read.
        cursor: Up to here everything was read.
        watch_fault: The fault of the watches from there.
        watchable: The oldest version that can be watched; None: not known.
        retry: Waits errors out.
    """
    if watch_fault == "unreadable":
        return Relist(cursor=cursor, cause="unreadable")
    while True:
        found = await retry.call(partial(list_watch.probe, cursor))
        # Readable, but not by watching, is as good as expired.
        if found == "readable" and watch_fault != "expired":
            return Resume()
        newest = await retry.call(list_watch.newest_version)
        if is_newer(cursor, than=newest):
            return Relist(cursor=cursor, cause="rolled-back")
        if found == "future":
            await retry.back_off(_lagging(cursor, newest))
            continue
        if found == "unknown" and watch_fault == "none":
            return Resume()
        if found == "expired":
            oldest = await find_oldest(list_watch, cursor, newest, retry=retry)
            return Relist(version=oldest, cursor=cursor, cause="expired")
        return _beyond_watching(
            cursor, newest, watchable, is_readable=found == "readable"
        )


def _beyond_watching(
    cursor: str, newest: str, watchable: str | None, *, is_readable: bool
) -> Relist:
    """Return how to list what no watch brings: as early as a watch can follow it."""
    is_between = watchable is not None and (
        is_newer(watchable, than=cursor) and not is_newer(watchable, than=newest)
    )
    return Relist(
        version=watchable if is_readable and is_between else None,
        cursor=cursor,
        cause="expired",
        rewinds=is_readable,
    )


def oldest_watchable(error: ExpiredError) -> str | None:
    """Return the oldest version of a watch cache, from an error's text; None: unknown.

    kube-apiserver says ``too old resource version: 34 (84)`` (watch_cache.go); nothing
    depends on it: without it, the newest state is listed.
    """
    found = re.search(r"too old resource version: \d+ \((\d+)\)", str(error))
    return found[1] if found else None


async def find_oldest(
    list_watch: ListWatch, expired: str, newest: str, *, retry: WatchRetry
) -> str:
    """Return the oldest version that can be listed, by bisection.

    Compaction may move on meanwhile, so that it is not readable any more when it is
    used; then the examination is repeated.

    Args:
        list_watch: What is read.
        expired: A version that cannot be listed any more.
        newest: One that can.
        retry: Waits errors out.
    """
    while (half := middle(expired, newest)) is not None:
        if await retry.call(partial(list_watch.probe, half)) == "expired":
            expired = half
        else:
            newest = half
    return newest


def _lagging(cursor: str, newest: str) -> FutureVersionError:
    return FutureVersionError(
        f"expected the API server to know version {cursor}, as its newest is {newest}:"
        " a replica lags",
        status=504,
    )
