"""A reader that runs beside the test and keeps all it is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bridge.cluster import CORE_EVENTS, Change, Gap, Item, Resource
from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError
from tests.batches import build_reflector


class Reading:
    """What a reflector puts, reports and counts.

    Attributes:
        items: Everything that was put, in order.
        errors: Everything that was reported as waited out.
        counts: How often each `Happening` was counted.
        is_open: Whether a watch is open, as far as is reported.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.errors: list[ClusterError] = []
        self.counts: Counter[str] = Counter()
        self.is_open = False
        self._told = asyncio.Event()

    @property
    def changes(self) -> list[Change]:
        """The changes, in order."""
        return [one for one in self.items if isinstance(one, Change)]

    @property
    def versions(self) -> list[int]:
        """The versions of the changes, in order."""
        return [int(one.resource_version) for one in self.changes]

    @property
    def gaps(self) -> list[Gap]:
        """What was said to be missing."""
        return [one for one in self.items if isinstance(one, Gap)]

    async def until(
        self, condition: Callable[[], object], *, seconds: float = 60.0
    ) -> None:
        """Wait until something is true, looking at everything that is told."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._told.clear()
                await self._told.wait()

    async def until_open(self) -> None:
        """Wait until a watch is open."""
        await self.until(lambda: self.is_open)

    async def until_version(self, version: int, *, seconds: float = 60.0) -> None:
        """Wait until a change of this version, or a later one, is read."""
        await self.until(
            lambda: self.versions and max(self.versions) >= version, seconds=seconds
        )

    async def run(self, client: ClusterClient, resource: Resource, **how: Any) -> None:
        """Read until cancelled."""
        reflector = build_reflector(
            client,
            resource,
            into=self,
            report=self._report,
            count=self._count,
            **how,
        )
        await reflector.run()

    async def put(self, batch: Sequence[Item]) -> None:
        """Keep a batch."""
        self.items += batch
        self._told.set()

    def _report(self, error: ClusterError | None) -> None:
        self.is_open = error is None
        if error is not None:
            self.errors.append(error)
        self._told.set()

    def _count(self, happening: str) -> None:
        self.counts[happening] += 1
        self._told.set()


@asynccontextmanager
async def reading(
    client: ClusterClient, resource: Resource = CORE_EVENTS, **how: Any
) -> AsyncIterator[Reading]:
    """Read a resource until the block is left."""
    seen = Reading()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(seen.run(client, resource, **how), name="read")
        try:
            yield seen
        finally:
            task.cancel()
