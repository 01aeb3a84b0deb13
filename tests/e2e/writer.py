"""Writes Events through the real API and keeps every revision that came of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bench.load import event
from tests.controlplane.apiserver import ApiServer

IN_FLIGHT = 24
MERGE = {"Content-Type": "application/merge-patch+json"}


class Writer:
    """One namespace's writer.

    Attributes:
        ids: The CloudEvent id of each revision written, `<uid>-<resourceVersion>`.
        names: The Events that exist.
        padding: How many bytes longer than usual new Events are.
    """

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self.ids: list[str] = []
        self.names: list[str] = []
        self.padding = 0
        self._server = server
        self._namespace = namespace
        self._url = f"{server.url}/api/v1/namespaces/{namespace}/events"
        self._counts: dict[str, int] = {}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Open connections to the API server."""
        connector = aiohttp.TCPConnector(
            ssl=self._server.ssl_context(), limit=IN_FLIGHT
        )
        headers = {"Authorization": f"Bearer {self._server.token()}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as one:
            yield one

    async def create(self, session: aiohttp.ClientSession, name: str) -> None:
        """Create one Event."""
        body = event(self._namespace, name, "Back-off restarting failed container")
        body["metadata"] |= {"annotations": {"padding": "x" * self.padding}}  # type: ignore[operator]
        async with session.post(self._url, json=body) as answer:
            self._note(await answer.json(), answer.status)
        self.names.append(name)

    async def repeat(self, session: aiohttp.ClientSession, name: str) -> None:
        """Count one Event up: by `count`, or by `series` as newer recorders do."""
        count = self._counts[name] = self._counts.get(name, 3) + 1
        patch: dict[str, Any] = {"count": count}
        if count % 3 == 0:
            time = f"2026-11-20T10:00:00.{count:06d}Z"
            patch = {"series": {"count": count, "lastObservedTime": time}}
        url = f"{self._url}/{name}"
        async with session.patch(url, json=patch, headers=MERGE) as answer:
            self._note(await answer.json(), answer.status)

    def _note(self, body: dict[str, Any], status: int) -> None:
        assert status in {200, 201}, body
        metadata = body["metadata"]
        self.ids.append(f"{metadata['uid']}-{metadata['resourceVersion']}")

    def fill(self, count: int, *, prefix: str, repeats: float = 0.3) -> None:
        """Create and repeat until `count` revisions are written."""
        asyncio.run(self._fill(count, prefix=prefix, repeats=repeats))

    async def _fill(self, count: int, *, prefix: str, repeats: float) -> None:
        chance = random.Random(prefix)  # repeatable
        numbers = iter(range(count))

        async def work(session: aiohttp.ClientSession) -> None:
            for number in numbers:
                if self.names and chance.random() < repeats:
                    await self.repeat(session, chance.choice(self.names))
                else:
                    await self.create(session, f"{prefix}-{number:06d}")

        await self._together(work)

    def repeat_all(self, count: int, *, names: list[str]) -> None:
        """Write `count` repeats, spread evenly over the named Events."""
        numbers = iter(range(count))

        async def work(session: aiohttp.ClientSession) -> None:
            for number in numbers:
                await self.repeat(session, names[number % len(names)])

        asyncio.run(self._together(work))

    async def _together(
        self, work: Callable[[aiohttp.ClientSession], Awaitable[None]]
    ) -> None:
        async with self.session() as session, asyncio.TaskGroup() as tasks:
            for number in range(IN_FLIGHT):
                tasks.create_task(_run(work, session), name=f"write {number}")


async def _run(
    work: Callable[[aiohttp.ClientSession], Awaitable[None]],
    session: aiohttp.ClientSession,
) -> None:
    await work(session)
