"""`list_and_watch` with a store, on a real API server that restarts and forgets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bridge.cluster import Change, Gap, Item, Learned, Resource, Synced
from bridge.cluster.client import ClusterClient
from bridge.cluster.store import Store
from bridge.cluster.watch import list_and_watch
from bridge.errors import NotServedError
from tests.controlplane.cluster import ControlPlane
from tests.e2e.conftest import make_namespace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

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
    """Keeps what `list_and_watch` yields, and where it stands."""

    def __init__(self, plane: ControlPlane, namespace: str, resource: Resource) -> None:
        self.store = Store()
        self.cursor: str | None = None
        self.items: list[Item] = []
        self.counts: list[str] = []
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
            list_and_watch(
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
            if not (listed or isinstance(item, Gap | Learned)):
                self.cursor = item.resource_version
        self.items += batch

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


def told(changes: Iterable[Change]) -> list[tuple[str, str]]:
    """What happened, at which version."""
    return [(one.change, one.resource_version) for one in changes]


async def started(
    plane: ControlPlane, names: Iterable[str]
) -> tuple[ConfigMaps, Informer]:
    """ConfigMaps in a namespace of their own, and an informer that knows them."""
    namespace = make_namespace(plane)
    maps = ConfigMaps(plane, namespace)
    for name in names:
        maps.create(name)
    informer = Informer(plane, namespace, CONFIG_MAPS)
    await informer.run(until=informer.has_synced)
    informer.items.clear()
    informer.counts.clear()
    return maps, informer


async def joined(other: Informer) -> Informer:
    """Return an informer of the same that knows what is there."""
    informer = Informer(other.plane, other.namespace, other.resource)
    await informer.run(until=informer.has_synced)
    informer.items.clear()
    return informer


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


async def test_first_sync_streams_two_thousand_objects(
    control_plane: ControlPlane, namespace: str
) -> None:
    """One request brings them all, as `Learned`, and then what happens."""
    maps = ConfigMaps(control_plane, namespace)
    names = [f"map-{number:04}" for number in range(2_000)]
    await asyncio.to_thread(lambda: [maps.create(name) for name in names])
    informer = Informer(control_plane, namespace, CONFIG_MAPS)

    await informer.run(until=informer.has_synced)
    version = maps.create("later")
    await informer.run(until=informer.has(version))

    learned = [item for item in informer.items if isinstance(item, Learned)]
    assert sorted(item.known.name for item in learned) == names
    assert (len(informer.store), informer.store.is_complete) == (2_001, True)
    assert told(informer.changes) == [("added", version)]
    assert informer.counts == ["relist"]


async def test_what_an_api_server_forgets_at_its_restart_is_walked_back(
    fresh_control_plane: ControlPlane,
) -> None:
    """Each revision comes once, although no watch begins at the cursor any more."""
    maps, informer = await started(fresh_control_plane, ["changed", "gone", "same"])

    changed = maps.modify("changed", 5)
    modified_then_gone = maps.modify("gone", 2)
    deleted = maps.delete("gone")
    created = [maps.create("new"), *maps.modify("new", 3)]
    fresh_control_plane.apiserver.restart()
    await informer.run(until=informer.has_caught_up)
    last = maps.modify("same")
    await informer.run(until=informer.has(*last))

    kinds = ["modified"] * 7 + ["deleted", "added"] + ["modified"] * 4
    versions = [*changed, *modified_then_gone, deleted, *created, *last]
    found = sorted(told(informer.changes), key=lambda one: int(one[1]))
    assert found == list(zip(kinds, versions, strict=True))
    assert informer.gaps == []
    assert informer.counts.count("rewound") == 4 + 3 + 3


async def test_a_deletion_that_is_walked_back_to_is_as_it_was_watched(
    fresh_control_plane: ControlPlane,
) -> None:
    """The same object at the same version, so the same id."""
    maps, watching = await started(fresh_control_plane, ["gone", "same"])
    absent = await joined(watching)

    deleted = maps.delete("gone")
    await watching.run(until=watching.has(deleted))
    maps.create("other")
    fresh_control_plane.apiserver.restart()
    await absent.run(until=absent.has(deleted))

    (watched,), walked = watching.changes, absent.changes[-1]
    assert json.loads(watched.object) == json.loads(walked.object)
    assert watched.known == walked.known
    assert (watched.listed, walked.listed) == (False, True)


async def test_a_quiet_resource_announces_no_gap_after_a_restart(
    fresh_control_plane: ControlPlane,
) -> None:
    """The cursor cannot be watched any more, and nothing is missing."""
    _, informer = await started(fresh_control_plane, ["a", "b"])
    others = ConfigMaps(fresh_control_plane, "default")

    others.create("elsewhere")
    fresh_control_plane.apiserver.restart()
    await informer.run(until=informer.has_caught_up)

    assert [type(item) for item in informer.items] == [Synced, Synced]
    assert "rewound" not in informer.counts


async def test_what_etcd_forgot_is_a_gap_and_the_rest_is_walked_back(
    fresh_control_plane: ControlPlane,
) -> None:
    """Compacted while away: a snapshot at the oldest state, and every one after it."""
    maps, informer = await started(fresh_control_plane, ["a", "gone"])

    maps.modify("a", 5)
    maps.delete("gone")
    oldest = maps.modify("a")
    fresh_control_plane.etcd.compact(int(oldest[0]))
    newer = maps.modify("a", 5)
    fresh_control_plane.apiserver.restart()
    await informer.run(until=informer.has(newer[-1]))

    expected = [("modified", version) for version in oldest + newer]
    assert [one for one in told(informer.changes) if one[0] != "deleted"] == expected
    assert [one.known.name for one in informer.changes if one.change == "deleted"] == [
        "gone"
    ]
    assert [gap.cause for gap in informer.gaps] == ["expired"]


async def test_a_custom_resource_that_goes_is_told_and_found_again(
    fresh_control_plane: ControlPlane,
) -> None:
    """`NotServedError` comes out; with the resource back it goes on where it stood."""
    plane = fresh_control_plane
    widgets = Widgets(plane)
    widgets.define()
    first = widgets.create("one")
    informer = Informer(plane, "default", WIDGETS)
    await informer.run(until=informer.has_synced)

    widgets.undefine()
    with pytest.raises(NotServedError):
        await informer.run(until=lambda: False)
    widgets.define()
    second = widgets.create("one")
    await informer.run(until=informer.has(second))

    assert [one.change for one in informer.changes] == ["deleted", "added"]
    assert int(informer.versions[0]) > int(first)
    assert informer.gaps == []
