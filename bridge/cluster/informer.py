"""Keep the metadata of one resource's objects in memory, deleted ones for a while."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence

from bridge.cluster import Change, Item, ObjectMeta, Resource, Synced
from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.reflector import Reflector
from bridge.cluster.reflector.retry import Observer
from bridge.cluster.store import Store
from bridge.errors import ClusterError, ForbiddenError, NotServedError
from bridge.retry import Backoff

KEPT_SECONDS = 600.0
"""Kubernetes Events about a deleted Pod come up to minutes after it."""

MOST = 50_000
"""About 25 MB; the oldest leave first."""


class Tombstones:
    """Keeps deleted objects for `KEPT_SECONDS`; there may be several of one name."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        """Start with none.

        Args:
            now: Any clock that does not jump, in seconds.
        """
        self._now = now
        self._buried: OrderedDict[tuple[str, str], tuple[float, ObjectMeta]] = (
            OrderedDict()
        )

    def __len__(self) -> int:
        """Return how many are kept, including those too old to be found."""
        return len(self._buried)

    def add(self, known: ObjectMeta) -> None:
        """Remember what was known of a deleted object."""
        name = (known.key, known.uid)
        self._buried[name] = (self._now(), known)
        self._buried.move_to_end(name)
        while len(self._buried) > MOST or self._is_old(self._oldest()):
            self._buried.popitem(last=False)

    def get(self, key: str, uid: str) -> ObjectMeta | None:
        """Return the metadata of a deleted object; None: unknown, or too long ago."""
        buried_at, known = self._buried.get((key, uid), (0.0, None))
        return None if self._is_old(buried_at) else known

    def _oldest(self) -> float:
        buried_at, _ = next(iter(self._buried.values()))
        return buried_at

    def _is_old(self, buried_at: float) -> bool:
        return self._now() - buried_at > KEPT_SECONDS


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class Informer:
    """Reads metadata only, from the beginning at each start; nothing is persisted.

    Attributes:
        resource: What it reads.
        store: What is there, as far as it was read: all of it once `synced` is set.
        synced: Set when everything was read for the first time.
        error: Why it cannot read just now; empty: nothing is wrong.
        is_refused: Whether that is because it is not permitted.
    """

    def __init__(
        self,
        client: ClusterClient,
        resource: Resource,
        *,
        store: Store,
    ) -> None:
        """Bind what is read; `run` reads it.

        Args:
            client: The cluster.
            resource: What to read, in all namespaces.
            store: Empty; says by its `keeps` what is remembered of each object.
        """
        self.resource = resource
        self.store = store
        self.synced = asyncio.Event()
        self.error = ""
        self.is_refused = False
        self._list_watch = ListWatch(
            client=client, resource=resource, metadata_only=True
        )
        self._tombstones = Tombstones(now=_loop_time)
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep the store as the cluster is, until cancelled.

        A resource that is not served (yet, or any more) is waited for.
        """
        backoff = Backoff(random=random.random, now=_loop_time)
        while True:
            reflector = Reflector(
                self._list_watch,
                into=self,
                initial="emit",
                store=self.store,
                observer=Observer(report=self._report),
            )
            try:
                await reflector.run()
            except NotServedError as error:
                self._report(error)
                await asyncio.sleep(backoff.next_delay())

    async def put(self, batch: Sequence[Item]) -> None:
        """Take what the reflector read: the store holds it already."""
        for item in batch:
            self._take(item)
        self._announce()

    def find(self, key: str, uid: str) -> ObjectMeta | None:
        """Return what is known of one object, also if it was deleted minutes ago.

        Args:
            key: ``<namespace>/<name>``.
            uid: Which of that name; empty: the one that is there.

        Returns:
            None: it was never seen, or it is gone for more than ten minutes.
        """
        known = self.store.get(key)
        if known is not None and uid in {"", known.uid}:
            return known
        return self._tombstones.get(key, uid)

    async def wait_for_change(self) -> None:
        """Return when the store, `synced` or `error` may have changed.

        Look first, then wait: nothing happens between the two.
        """
        await self._changed.wait()

    def _take(self, item: Item) -> None:
        match item:
            case Change(change="deleted", known=ObjectMeta() as known):
                self._tombstones.add(known)
            case Synced():
                self.synced.set()
            case _:
                pass

    def _report(self, error: ClusterError | None) -> None:
        self.error = "" if error is None else str(error)
        self.is_refused = isinstance(error, ForbiddenError)
        self._announce()

    def _announce(self) -> None:
        self._changed.set()  # wakes all who wait now
        self._changed = asyncio.Event()
