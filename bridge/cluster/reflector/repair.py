"""Where to go on from: the decision after a start, a failure or an expiry.

probe the cursor ──readable──▶ Resume
      │ but not by watching    Relist where watching begins, and walk objects back
      │ expired                Relist at K, the oldest readable version
      │ beyond the newest      Relist all: the cluster was rolled back
      └ cannot be told         as the watch said
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bridge.cluster.reflector.collection import Collection
from bridge.cluster.reflector.patience import Patience
from bridge.cluster.reflector.suspicion import Suspicion
from bridge.cluster.versions import is_newer, middle
from bridge.errors import ExpiredError, FutureVersionError


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
        announces: Whether what was not known is news; False: it is only learned.
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
        """Only what is newer than this counts; None: everything does."""
        return None if self.cause == "rolled-back" else self.cursor


async def examine(
    collection: Collection,
    cursor: str,
    *,
    suspicion: Suspicion,
    watchable: str | None = None,
    patience: Patience,
) -> Resume | Relist:
    """Return where to go on from, however long it takes to find out.

    Args:
        collection: What is read.
        cursor: Up to here everything was read.
        suspicion: What is believed of the watches from there.
        watchable: The oldest version that is said to be watchable; None: not known.
        patience: Waits out what prevents finding out.
    """
    if suspicion == "unreadable":
        return Relist(cursor=cursor, cause="unreadable")
    while True:
        found = await patience.insist(partial(collection.probe, cursor))
        # Readable, but not by watching, is as good as expired.
        if found == "readable" and suspicion != "expired":
            return Resume()
        newest = await patience.insist(collection.newest_version)
        if is_newer(cursor, than=newest):
            return Relist(cursor=cursor, cause="rolled-back")
        if found == "future":
            await patience.wait_out(_lagging(cursor, newest))
            continue
        if found == "unknown" and suspicion == "none":
            return Resume()
        if found == "expired":
            oldest = await find_oldest(collection, cursor, newest, patience=patience)
            return Relist(version=oldest, cursor=cursor, cause="expired")
        return _beyond_watching(
            cursor, newest, watchable, is_readable=found == "readable"
        )


def _beyond_watching(
    cursor: str, newest: str, watchable: str | None, *, is_readable: bool
) -> Relist:
    """Return how to list what no watch tells: as early as a watch can go on from it."""
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
    """Return where a watch cache begins, if the error tells; None: it does not.

    kube-apiserver says ``too old resource version: 34 (84)`` (watch_cache.go); nothing
    depends on it: without it, the newest state is listed.
    """
    found = re.search(r"too old resource version: \d+ \((\d+)\)", str(error))
    return found[1] if found else None


async def find_oldest(
    collection: Collection, expired: str, newest: str, *, patience: Patience
) -> str:
    """Return the oldest version that can be listed, by bisection.

    Compaction may move on meanwhile, so that it is not readable any more when it is
    used; then the examination is repeated.

    Args:
        collection: What is read.
        expired: A version that cannot be listed any more.
        newest: One that can.
        patience: Waits out failures.
    """
    while (half := middle(expired, newest)) is not None:
        if await patience.insist(partial(collection.probe, half)) == "expired":
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
