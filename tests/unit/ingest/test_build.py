"""Readers are made for what their sources, routes and sinks ask for."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.cluster import CORE_EVENTS, Resource
from bridge.cluster.builtin import BUILTIN
from bridge.health import Health, ReaderStatus
from bridge.ingest import EventForm
from bridge.ingest.build import ClusterParts, build_origins
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.metrics import Metrics
from bridge.queue import Scope
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.ingest.fakes import FakeApi, settings_of
from tests.unit.ingest.objects import ids
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

PODS = BUILTIN["", "Pod"]
BY_PATH = (
    "routes: [{name: r, filters: [{prefix: {changedpaths: spec}}]}]",
    "routes: [{name: r}]",
)


class Cluster(FakeCluster):
    """A cluster of one kind that says who asks."""

    server = "https://api.test"


@dataclass
class Bench:
    """Readers of one configuration."""

    sources: str
    more: str = ""
    resource: Resource = PODS
    cluster: Cluster = field(default_factory=Cluster)
    queue: MemoryQueue = field(default_factory=MemoryQueue)

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[ClusterParts]:
        """Make parts, whose informers run while the block does."""
        async with asyncio.TaskGroup() as tasks:
            yield ClusterParts(
                settings_of(self.sources, more=self.more),
                self.cluster,  # type: ignore[arg-type]
                uid="uid",
                queue=self.queue,  # type: ignore[arg-type]
                metrics=Metrics(version="0"),
                tasks=tasks,
            )
            _cancel_all(tasks)

    @asynccontextmanager
    async def reading(self, namespace: str = "*") -> AsyncIterator[None]:
        """Read while the block runs."""
        async with self.parts() as parts, asyncio.TaskGroup() as tasks:
            name = self.resource.name
            self.status = ReaderStatus(
                sources=("s",), resource=name, namespace=namespace
            )
            reader = parts.builder.build(
                self.resource,
                Scope(cluster="uid", resource=name, namespace=namespace),
                parts.builder.sources,
                self.status,
            )
            task = tasks.create_task(reader.run())
            await asyncio.sleep(5)
            yield
            await asyncio.sleep(10)
            task.cancel()

    @property
    def data(self) -> list[Any]:
        """The data of every event."""
        return [json.loads(e.event.data or b"") for e in self.queue.entries if e.event]


def _cancel_all(tasks: asyncio.TaskGroup) -> None:
    for task in list(tasks._tasks):  # type: ignore[attr-defined]
        task.cancel()


async def test_changes_of_a_resource_reach_the_queue() -> None:
    """From the moment of the first start."""
    bench = Bench("{kind: Pod}")
    bench.cluster.write("old")

    async with bench.reading():
        version = bench.cluster.write("web")

    [id_] = ids(bench.queue.entries)
    assert id_ == f"u{version}-{version}"


async def test_source_may_ask_for_what_is_there() -> None:
    """Also in one namespace."""
    bench = Bench("{kind: Pod, initial: emit, namespaces: [shop]}")
    version = bench.cluster.write("old")

    async with bench.reading("shop"):
        pass

    assert ids(bench.queue.entries) == [f"u{version}-{version}"]


@pytest.mark.parametrize(("more", "is_kept"), [(BY_PATH[0], True), (BY_PATH[1], False)])
async def test_objects_are_kept_for_a_filter_that_compares(
    more: str, is_kept: bool
) -> None:
    """A route that reads `changedpaths` needs them, another does not."""
    bench = Bench("{kind: Pod}", more)

    async with bench.reading():
        bench.cluster.write("web")

    [known] = bench.queue.memory.values()
    assert ("=shop/web" in known) is is_kept


async def test_objects_of_events_are_looked_up_where_that_is_asked_for() -> None:
    """By informers that start with the first Event of a kind."""
    bench = Bench("{enrich: {labels: true}}", resource=CORE_EVENTS)

    async with bench.reading():
        before = bench.cluster.asked("list 500")
        bench.cluster.write("web.1", involvedObject=_about("Pod"))
        bench.cluster.write("web.2", involvedObject=_about("Spaceship"))
        await asyncio.sleep(5)
        streams = len(bench.cluster.streams)

    assert (before, streams) == (0, 2)
    assert list(bench.status.stores) == ["pods"]


def _about(kind: str) -> dict[str, str]:
    return {"kind": kind, "namespace": "shop", "name": "web", "apiVersion": "v1"}


async def test_nothing_is_looked_up_where_nobody_asks() -> None:
    """No further watch."""
    bench = Bench("{}", resource=CORE_EVENTS)

    async with bench.reading():
        bench.cluster.write("web.1", involvedObject=_about("Pod"))

    assert len(bench.cluster.streams) == 1
    assert "ownername" not in bench.queue.entries[-1].event.extensions  # type: ignore[union-attr]


class Everything(Cluster):
    """A cluster that says what it is, and that it serves Pods."""

    get = FakeApi.get
    cluster_uid = FakeApi.cluster_uid

    def __init__(self) -> None:
        """Serve what a fake API server does."""
        super().__init__()
        api = FakeApi()
        self.answers, self.uids = api.answers, api.uids
        self.requests, self.server, self.answered_at = [], "https://api.test", 0.0


async def test_cluster_is_read_from_its_name_to_the_queue() -> None:
    """All parts together."""
    cluster, queue = Everything(), MemoryQueue()
    supervisor = ReaderSupervisor(
        settings_of("{kind: Pod}"),
        queue=queue,  # type: ignore[arg-type]
        health=Health(),
        metrics=Metrics(version="0"),
    )

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(supervisor.run(cluster))  # type: ignore[arg-type]
        await asyncio.sleep(5)
        version = cluster.write("web")
        await asyncio.sleep(5)
        read = [one.resource.name for one in supervisor.scopes()]
        task.cancel()

    assert read == ["pods"]
    assert ids(queue.entries) == [f"u{version}-{version}"]
    assert queue.positions == {Scope(cluster="uid", resource="pods"): version}


async def test_namespaces_are_watched_once() -> None:
    """Whoever asks for them, and however often."""
    bench = Bench("{}")

    async with bench.parts() as parts:
        same = parts.namespaces is parts.namespaces
        await asyncio.sleep(5)
        streams = len(bench.cluster.streams)

    assert (same, streams) == (True, 1)


def test_origin_is_told_in_each_form() -> None:
    """Profile and data as a sink wants them, the names of the configuration in all."""
    settings = settings_of("{}", more="cluster: {name: prod}")

    origins = build_origins(settings, cluster="uid", server="https://api.test")

    assert {(o.profile, o.data): f for f, o in origins.items()} == {
        (form.profile, form.data): form for form in origins
    }
    assert {origin.cluster for origin in origins.values()} == {"prod"}
    assert origins[EventForm("knative", "reference")].uri == "https://api.test"


def test_cluster_without_a_name_is_called_by_its_uid() -> None:
    """There is always a source."""
    origins = build_origins(settings_of("{}"), cluster="uid", server="https://api.test")

    assert origins[EventForm("kubebridge", "object")].uri == "kubernetes://uid"


def test_form_of_each_sink_is_the_configured_one() -> None:
    """By name."""
    assert settings_of("{}").forms == {"out": EventForm("kubebridge", "object")}


async def test_reader_goes_on_with_its_noise_control() -> None:
    """A reader that is replaced holds back what the last one would have."""
    bench = Bench("{kind: Pod}", "routes: [{name: r, dedup: {key: [kind]}}]")

    for name in ("web", "shop"):
        async with bench.reading():
            bench.cluster.write(name)
            bench.cluster.write(f"{name}-2")

    assert len(ids(bench.queue.entries)) == 1


async def test_backfill_skips_noise_control() -> None:
    """An operator asks for all of it."""
    bench = Bench("{kind: Pod}", "routes: [{name: r, dedup: {}}]")
    scope = Scope(cluster="uid", resource="pods")

    async with bench.parts() as parts:
        builder = parts.builder
        skipping = builder.conversion(PODS, scope, builder.sources)
        reading = builder.conversion(PODS, scope, builder.sources, None, {})

    assert (skipping.noise.is_needed, reading.noise.is_needed) == (False, True)


async def test_reader_sends_a_digest_when_nothing_else_happens() -> None:
    """It is looked for each second."""
    bench = Bench("{kind: Pod}", "routes: [{name: r, dedup: {key: []}, digest: 1ms}]")

    async with bench.reading():
        for name in ("a", "b", "c"):
            bench.cluster.write(name)
        await asyncio.sleep(10)

    assert [one.get("count") for one in bench.data] == [None, 2]
