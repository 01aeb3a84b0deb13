"""Writes Events to a real API server: many at once, or at a steady rate."""

import asyncio
import time
from zlib import crc32

import aiohttp

from tests.controlplane.apiserver import ApiServer

IN_FLIGHT = 48

OBJECTS = 5_000
"""How many different Pods the Events are about."""


def event(namespace: str, name: str, message: str) -> dict[str, object]:
    """Return an Event like those that a kubelet writes, about one of `OBJECTS` Pods."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "kind": "Pod",
            "namespace": namespace,
            "name": f"checkout-7d9c5b7f6d-{name[-5:]}",
            "uid": f"6f1b2a34-8b1c-4a52-9b1e-{crc32(name.encode()) % OBJECTS:012d}",
            "apiVersion": "v1",
            "resourceVersion": "48211",
            "fieldPath": "spec.containers{checkout}",
        },
        "reason": "BackOff",
        "message": message,
        "source": {"component": "kubelet", "host": "node-3"},
        "firstTimestamp": "2026-11-20T10:00:00Z",
        "lastTimestamp": "2026-11-20T10:00:05Z",
        "count": 3,
        "type": "Warning",
        "reportingComponent": "kubelet",
        "reportingInstance": "node-3",
    }


class Writer:
    """Creates Events through the API with many requests in flight."""

    def __init__(self, server: ApiServer, *, namespace: str = "default") -> None:
        self._server = server
        self._url = f"{server.url}/api/v1/namespaces/{namespace}/events"
        self._namespace = namespace

    async def fill(self, count: int, *, prefix: str) -> None:
        """Create `count` Events as fast as the server takes them."""
        names = iter(range(count))
        text = "Back-off restarting failed container checkout in pod"
        async with self._session() as session, asyncio.TaskGroup() as tasks:
            for worker in range(IN_FLIGHT):
                tasks.create_task(
                    self._write_all(session, names, prefix, text), name=f"w{worker}"
                )

    async def _write_all(
        self, session: aiohttp.ClientSession, names: object, prefix: str, text: str
    ) -> None:
        for number in names:  # type: ignore[attr-defined]  # one shared iterator
            await self._create(session, f"{prefix}-{number:07d}", text)

    async def pace(self, count: int, *, per_second: float, prefix: str) -> None:
        """Create `count` Events at a rate; each says when it was written."""
        start = time.monotonic()
        async with self._session() as session, asyncio.TaskGroup() as tasks:
            for number in range(count):
                await asyncio.sleep(start + number / per_second - time.monotonic())
                name = f"{prefix}-{number:07d}"
                text = f"sent={time.time():.6f}"
                tasks.create_task(self._create(session, name, text), name=name)

    async def _create(
        self, session: aiohttp.ClientSession, name: str, message: str
    ) -> None:
        body = event(self._namespace, name, message)
        async with session.post(self._url, json=body) as answer:
            await answer.read()
            answer.raise_for_status()

    def _session(self) -> aiohttp.ClientSession:
        headers = {"Authorization": f"Bearer {self._server.token()}"}
        connector = aiohttp.TCPConnector(
            ssl=self._server.ssl_context(), limit=IN_FLIGHT
        )
        return aiohttp.ClientSession(connector=connector, headers=headers)
