"""Labels and owners of what an Event is about, from a real API server's objects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import Informer
from bridge.cluster.kubernetes_event import Reference
from bridge.cluster.store import Store
from bridge.events.context import InvolvedObject
from bridge.ingest.enrichment import Enrichment, Missing
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.cluster import ControlPlane

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KINDS = [("", "Pod"), ("apps", "ReplicaSet"), ("apps", "Deployment")]
CONTAINERS = [{"name": "web", "image": "example.com/web"}]
LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS}}
WORKLOAD = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}


class Maker:
    """Creates objects, each controlled by the one before."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        """Create them in one namespace."""
        self._server = server
        self._namespace = namespace
        self._owners: list[dict[str, Any]] = []

    async def make(self, version: str, kind: str, name: str, spec: Any) -> Reference:
        """Create the next one; an Event would refer to it so."""
        metadata = {"name": name, "labels": LABELS, "ownerReferences": self._owners}
        metadata["annotations"] = {"team": "shop", "other": "x"}
        body = {"metadata": metadata, "spec": spec}
        path = self._path(version, kind)
        made = await asyncio.to_thread(self._server.request, "POST", path, body)
        uid = made["metadata"]["uid"]
        owner = {"apiVersion": version, "kind": kind, "name": name, "uid": uid}
        self._owners = [owner | {"controller": True}]
        return Reference(
            api_version=version,
            kind=kind,
            namespace=self._namespace,
            name=name,
            uid=uid,
        )

    async def make_pod(self) -> Reference:
        """Create a Pod, always of the same name, that controls nothing."""
        owners = self._owners
        made = await self.make("v1", "Pod", "web-1-a", {"containers": CONTAINERS})
        self._owners = owners
        return made

    async def delete(self, made: Reference) -> None:
        """Delete an object at once."""
        path = f"{self._path(made.api_version, made.kind)}/{made.name}"
        path += "?gracePeriodSeconds=0"
        await asyncio.to_thread(self._server.request, "DELETE", path)

    def _path(self, version: str, kind: str) -> str:
        root = "/api" if version == "v1" else "/apis"
        return f"{root}/{version}/namespaces/{self._namespace}/{kind.lower()}s"


@pytest.fixture
def maker(control_plane: ControlPlane, namespace: str) -> Maker:
    """Return what makes objects in a namespace of its own."""
    return Maker(control_plane.apiserver, namespace)


@asynccontextmanager
async def enriching(plane: ControlPlane, folder: Path) -> AsyncIterator[Enrichment]:
    """Look up the workloads of a real cluster."""
    kubeconfig = plane.apiserver.kubeconfig(path=folder / "config")
    running: list[asyncio.Task[None]] = []
    async with (
        ClusterClient.open(kubeconfig=kubeconfig) as client,
        asyncio.TaskGroup() as tasks,
    ):

        def start(resource: Resource) -> Informer:
            keeps = frozenset({"team"})
            store = Store(keeps_labels=True, keeps_annotations=keeps, keeps_owner=True)
            informer = Informer(client, resource, store=store)
            running.append(tasks.create_task(informer.run(), name=resource.kind))
            return informer

        yield Enrichment([BUILTIN[kind] for kind in KINDS], start=start)
        for task in running:
            task.cancel()


async def found(enrichment: Enrichment, about: Reference) -> InvolvedObject:
    """Return what is known once it is."""
    while isinstance(  # noqa: ASYNC110  # a reader asks so too
        known := enrichment.find(about), Missing
    ):
        await asyncio.sleep(0.01)
    assert known is not None
    return known


async def test_pod_is_found_with_its_deployment(
    control_plane: ControlPlane, maker: Maker, tmp_path: Path
) -> None:
    """Whether it is created before or after the informers have started."""
    deployment = await maker.make("apps/v1", "Deployment", "web", WORKLOAD)
    replica_set = await maker.make("apps/v1", "ReplicaSet", "web-1", WORKLOAD)
    async with enriching(control_plane, tmp_path) as enrichment:
        before = await found(enrichment, replica_set)
        after = await found(enrichment, await maker.make_pod())

    assert before == after
    assert (before.labels, before.annotations) == (LABELS, {"team": "shop"})
    assert before.owner is not None
    assert (before.owner.kind, before.owner.uid) == ("Deployment", deployment.uid)


async def test_deleted_pod_is_still_found(
    control_plane: ControlPlane, maker: Maker, tmp_path: Path
) -> None:
    """Its last Events come after it, when another Pod may have its name."""
    await maker.make("apps/v1", "ReplicaSet", "web-1", WORKLOAD)
    async with enriching(control_plane, tmp_path) as enrichment:
        pod = await maker.make_pod()
        alive = await found(enrichment, pod)
        await maker.delete(pod)
        await found(enrichment, await maker.make_pod())

        assert enrichment.find(pod) == alive
