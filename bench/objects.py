"""Writes ConfigMaps and Pods to a real API server, many at once."""

import asyncio
from collections.abc import Iterator

import aiohttp

from bench.load import IN_FLIGHT
from tests.controlplane.apiserver import ApiServer


def pod(name: str) -> dict[str, object]:
    """Return a Pod like one of a Deployment."""
    container = {
        "name": "checkout",
        "image": "registry.example.com/shop/checkout:1.4.2",
        "env": [{"name": f"SETTING_{n}", "value": "x" * 20} for n in range(10)],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    labels = {"app": "checkout", "pod-template-hash": "7d9c5b7f6d", "tier": "web"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container]},
    }


def config_map(name: str) -> dict[str, object]:
    """Return a ConfigMap."""
    return {
        "metadata": {"name": name, "labels": {"app": "checkout"}},
        "data": {f"setting-{n}": "x" * 40 for n in range(10)},
    }


class Objects:
    """Creates and changes objects of one resource in namespace `default`."""

    def __init__(self, server: ApiServer, plural: str) -> None:
        self._server = server
        self._url = f"{server.url}/api/v1/namespaces/default/{plural}"

    async def create(self, bodies: Iterator[dict[str, object]]) -> None:
        """POST each."""
        await self._together("POST", ((self._url, body) for body in bodies))

    async def touch(self, names: Iterator[str]) -> None:
        """PATCH an annotation of each; a name may come again and again."""
        patches = (
            (f"{self._url}/{name}", {"metadata": {"annotations": {"seen": str(turn)}}})
            for turn, name in enumerate(names)
        )
        await self._together("PATCH", patches)

    async def _together(
        self, verb: str, requests: Iterator[tuple[str, dict[str, object]]]
    ) -> None:
        async with self._session() as session, asyncio.TaskGroup() as tasks:
            for worker in range(IN_FLIGHT):
                work = _send(session, verb, requests)
                tasks.create_task(work, name=f"w{worker}")

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._server.ssl_context(), limit=IN_FLIGHT
            ),
            headers={"Authorization": f"Bearer {self._server.token()}"},
        )


async def _send(
    session: aiohttp.ClientSession,
    verb: str,
    requests: Iterator[tuple[str, dict[str, object]]],
) -> None:
    headers = {}
    if verb == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
    for url, body in requests:
        async with session.request(verb, url, json=body, headers=headers) as answer:
            await answer.read()
            answer.raise_for_status()
