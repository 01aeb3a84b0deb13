"""A list, read page by page, however long that takes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from bridge.cluster import Item
from bridge.cluster.changes import ListedObject, read_listed
from bridge.cluster.client import ListPage
from bridge.cluster.metadata import MetadataFilter
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.observer import Observer
from bridge.cluster.reflector.repair import Relist, examine
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.errors import ExpiredError, FutureVersionError

_RESTARTS_LIMIT = 3
"""After so many expired repairs the newest state has to do."""


class Pages:
    """Reads lists for snapshots."""

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        keeps: MetadataFilter,
        retry: WatchRetry,
        observer: Observer,
    ) -> None:
        """Bind what is read.

        Args:
            list_watch: What is listed.
            keeps: What is remembered of objects.
            retry: Waits out what prevents it.
            observer: What the caller lends.
        """
        self._list_watch = list_watch
        self._keeps = keeps
        self._retry = retry
        self._observer = observer

    async def read(self, snapshot: Snapshot) -> AsyncGenerator[list[Item]]:
        """Yield what the snapshot makes of the pages, to its end."""
        restarts = 0
        plan = snapshot.plan
        while True:
            try:
                snapshot.begin(plan)
                async with aclosing(self._read_once(snapshot)) as batches:
                    async for batch in batches:
                        yield batch
            except (ExpiredError, FutureVersionError) as error:
                restarts += 1
                self._observer.count("relist-restart")
                await self._retry.back_off(error)
                plan = await self._plan_again(plan, restarts)
            else:
                return

    async def _read_once(self, snapshot: Snapshot) -> AsyncGenerator[list[Item]]:
        token = ""
        while True:
            page, listed = await self._page(snapshot.plan, token)
            if gap := snapshot.announced(page.resource_version):
                yield gap
            async with aclosing(snapshot.take(listed)) as batches:
                async for batch in batches:
                    yield batch
            token = page.continue_token
            if not token:
                break
        async with aclosing(snapshot.finish(page.resource_version)) as batches:
            async for batch in batches:
                yield batch

    async def _page(
        self, plan: Relist, token: str
    ) -> tuple[ListPage, list[ListedObject]]:
        return await self._retry.call(
            partial(self._read_page, version=plan.version, token=token),
            unless=(ExpiredError, FutureVersionError),
        )

    async def _read_page(
        self, *, version: str | None, token: str
    ) -> tuple[ListPage, list[ListedObject]]:
        page = await self._list_watch.page(version=version, continue_token=token)
        resource = self._list_watch.resource
        return page, [*read_listed(page.items, resource=resource, keeps=self._keeps)]

    async def _plan_again(self, plan: Relist, restarts: int) -> Relist:
        if plan.version is None or plan.cursor is None:
            return plan
        # What was to be listed whole, at the cursor, is found expired like any other.
        newest = replace(plan, version=None, cause=plan.cause or "expired")
        if restarts >= _RESTARTS_LIMIT:
            return newest
        found = await examine(
            self._list_watch,
            plan.cursor,
            watch_fault="expired",
            retry=self._retry,
        )
        return found if isinstance(found, Relist) else newest
