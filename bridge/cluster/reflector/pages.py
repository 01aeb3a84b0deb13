"""A list, read page by page, however long that takes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from bridge.cluster import Item
from bridge.cluster.changes import Listed, read_listed
from bridge.cluster.client import Page
from bridge.cluster.identity import Keeps
from bridge.cluster.reflector.collection import Collection
from bridge.cluster.reflector.hooks import Hooks
from bridge.cluster.reflector.patience import Patience
from bridge.cluster.reflector.repair import Relist, examine
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.errors import ExpiredError, FutureVersionError

_RESTARTS_LIMIT = 3
"""After so many expired repairs the newest state has to do."""


class Pages:
    """Reads lists for snapshots."""

    def __init__(
        self,
        collection: Collection,
        *,
        keeps: Keeps,
        patience: Patience,
        hooks: Hooks,
    ) -> None:
        """Bind what is read.

        Args:
            collection: What is listed.
            keeps: What is remembered of objects.
            patience: Waits out what prevents it.
            hooks: What the caller lends.
        """
        self._collection = collection
        self._keeps = keeps
        self._patience = patience
        self._hooks = hooks

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
                self._hooks.count("relist-restart")
                await self._patience.wait_out(error)
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

    async def _page(self, plan: Relist, token: str) -> tuple[Page, list[Listed]]:
        return await self._patience.insist(
            partial(self._read_page, version=plan.version, token=token),
            unless=(ExpiredError, FutureVersionError),
        )

    async def _read_page(
        self, *, version: str | None, token: str
    ) -> tuple[Page, list[Listed]]:
        page = await self._collection.page(version=version, continue_token=token)
        resource = self._collection.resource
        return page, [*read_listed(page.items, resource=resource, keeps=self._keeps)]

    async def _plan_again(self, plan: Relist, restarts: int) -> Relist:
        if plan.version is None or plan.cursor is None:
            return plan
        # What was to be listed whole, at the cursor, is found expired like any other.
        newest = replace(plan, version=None, cause=plan.cause or "expired")
        if restarts >= _RESTARTS_LIMIT:
            return newest
        found = await examine(
            self._collection,
            plan.cursor,
            suspicion="expired",
            patience=self._patience,
        )
        return found if isinstance(found, Relist) else newest
