"""An informer, and what it is to find: for tests on a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from bridge.cluster import Change, Gap, Item, Observed, Resource, Synced
from bridge.cluster.client import ClusterClient
from bridge.cluster.store import Store
from tests.batches import reading_batches
from tests.controlplane.cluster import ControlPlane

CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps", kind="ConfigMap")
WIDGETS = Resource(group="test.example", version="v1", plural="widgets", kind="Widget")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.test.example"},
    "spec": {
        "group": "test.example",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


class Informer:
    """Keeps what a reflector puts, and where it stands."""

    def __init__(self, plane: ControlPlane, namespace: str, resource: Resource) -> None:
        self.store = Store()
        self.cursor: str | None = None
        self.items: list[Item] = []
        self.counts: list[str] = []
        self.history: list[str] = []
        self.plane = plane
        self.namespace = namespace
        self.resource = resource

    async def run(self, *, until: Callable[[], bool], seconds: float = 60) -> None:
        """Read until something has come; go on where it stood."""
        async with asyncio.timeout(seconds), self._batches() as batches:
            async for batch in batches:
                self._take(batch)
                if until():
                    return

    @asynccontextmanager
    async def _batches(self) -> AsyncIterator[AsyncIterator[list[Item]]]:
        kubeconfig = self.plane.apiserver.kubeconfig()
        async with (
            ClusterClient.open(kubeconfig=kubeconfig, environ={}) as client,
            reading_batches(
                client,
                self.resource,
                namespace=self.namespace,
                cursor=self.cursor,
                store=self.store,
                count=self.counts.append,
            ) as batches,
        ):
            yield batches

    def _take(self, batch: list[Item]) -> None:
        for item in batch:
            listed = isinstance(item, Change) and item.listed
            if not (listed or isinstance(item, Gap | Observed)):
                self.cursor = item.resource_version
        self.items += batch

    def forget(self) -> None:
        """Forget what came until now, but not what is known."""
        self.history += self.counts
        self.items.clear()
        self.counts.clear()

    def has_synced(self) -> bool:
        """Whether a snapshot is complete."""
        return any(isinstance(item, Synced) for item in self.items)

    def has_caught_up(self) -> bool:
        """Whether that was read from a list."""
        return "relist" in self.counts and isinstance(self.items[-1], Synced)

    def has(self, version: str) -> Callable[[], bool]:
        """Whether a change with this version has come."""
        return lambda: version in self.versions

    @property
    def versions(self) -> list[str]:
        """The versions of the changes, in their order."""
        return [one.resource_version for one in self.changes]

    @property
    def changes(self) -> list[Change]:
        """The changes."""
        return [item for item in self.items if isinstance(item, Change)]

    @property
    def gaps(self) -> list[Gap]:
        """The gaps."""
        return [item for item in self.items if isinstance(item, Gap)]


class ConfigMaps:
    """Writes ConfigMaps and keeps the version of each revision."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"

    def create(self, name: str) -> str:
        """Create one; return its version."""
        body = {"metadata": {"name": name}, "data": {"n": "0"}}
        return self._version(self._plane.apiserver.request("POST", self._path, body))

    def modify(self, name: str, times: int = 1) -> list[str]:
        """Change one so often; return the versions."""
        return [
            self._version(
                self._plane.apiserver.request(
                    "PATCH", f"{self._path}/{name}", {"data": {"n": uuid4().hex}}
                )
            )
            for _ in range(times)
        ]

    def delete(self, name: str) -> str:
        """Delete one; return the version of that."""
        answer = self._plane.apiserver.request("GET", f"{self._path}/{name}")
        self._plane.apiserver.request("DELETE", f"{self._path}/{name}")
        etcd, version = self._plane.etcd, int(self._version(answer))
        writes = etcd.writes(since=version, prefix="/registry/configmaps/")
        return next(str(one.revision) for one in writes if one.is_delete)

    def _version(self, answer: Any) -> str:
        return str(answer["metadata"]["resourceVersion"])


class Widgets:
    """A custom resource that comes and goes."""

    def __init__(self, plane: ControlPlane) -> None:
        self._request = plane.apiserver.request

    def define(self) -> None:
        """Define it, and wait until it is served."""
        self._request("POST", DEFINITIONS, DEFINITION)
        self._wait_until(is_served=True)

    def undefine(self) -> None:
        """Delete the definition, and with it every object."""
        self._request("DELETE", f"{DEFINITIONS}/widgets.test.example")
        self._wait_until(is_served=False)

    def create(self, name: str) -> str:
        """Create a widget; return its version."""
        body = {
            "apiVersion": WIDGETS.api_version,
            "kind": "Widget",
            "metadata": {"name": name},
        }
        answer = self._request("POST", WIDGETS.path("default"), body)
        return str(answer["metadata"]["resourceVersion"])

    def _wait_until(self, *, is_served: bool) -> None:
        while self._is_served() != is_served:
            time.sleep(0.1)

    def _is_served(self) -> bool:
        try:
            self._request("GET", WIDGETS.path("default"))
        except httpx.HTTPStatusError:
            return False
        return True


def told(changes: Iterable[Change]) -> list[tuple[str, str]]:
    """What happened, at which version."""
    return [(one.change, one.resource_version) for one in changes]
