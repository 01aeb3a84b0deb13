"""Readers are made for what their sources, routes and sinks ask for."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.app.backfill import Backfill
from bridge.app.build import build_router
from bridge.app.readers import Readers, build_origins, forms_of
from bridge.app.reading import read_cluster
from bridge.app.sources import wanted_sources
from bridge.cluster import CORE_EVENTS, Resource
from bridge.cluster.builtin import BUILTIN
from bridge.errors import ForbiddenError
from bridge.health import Health, ReaderStatus
from bridge.ingest import EventForm
from bridge.metrics import Metrics
from bridge.queue import Scope
from tests.unit.app.fakes import FakeApi, config_of
from tests.unit.cluster.fakes import FakeCluster
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
    async def readers(self) -> AsyncIterator[Readers]:
        """Make readers, whose informers run while the block does."""
        config = config_of(self.sources, more=self.more)
        router = build_router(config)
        self.wanted = wanted_sources(config, router)
        async with asyncio.TaskGroup() as tasks:
            yield Readers(
                self.cluster,  # type: ignore[arg-type]
                config=config,
                cluster="uid",
                wanted=self.wanted,
                router=router,
                queue=self.queue,  # type: ignore[arg-type]
                metrics=Metrics(version="0"),
                tasks=tasks,
            )
            _cancel_all(tasks)

    @asynccontextmanager
    async def reading(self, namespace: str = "*") -> AsyncIterator[None]:
        """Read while the block runs."""
        async with self.readers() as readers, asyncio.TaskGroup() as tasks:
            name = self.resource.name
            reader = readers.build(
                self.resource,
                Scope(cluster="uid", resource=name, namespace=namespace),
                [one.source for one in self.wanted],
                ReaderStatus(sources=("s",), resource=name, namespace=namespace),
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
        self.requests, self.server, self.heard_at = [], "https://api.test", 0.0


async def test_cluster_is_read_from_its_name_to_the_queue() -> None:
    """All parts together."""
    cluster, queue, config = Everything(), MemoryQueue(), config_of("{kind: Pod}")
    router, metrics = build_router(config), Metrics(version="0")
    backfill = Backfill(
        config,
        router=router,
        queue=queue,  # type: ignore[arg-type]
        metrics=metrics,
    )
    reading = read_cluster(
        cluster,  # type: ignore[arg-type]
        config=config,
        queue=queue,  # type: ignore[arg-type]
        router=router,
        health=Health(),
        metrics=metrics,
        backfill=backfill,
    )

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(reading)
        await asyncio.sleep(5)
        version = cluster.write("web")
        await asyncio.sleep(5)
        followed = [one.resource.name for one in backfill._parts().followed()]
        task.cancel()

    assert followed == ["pods"]
    assert ids(queue.entries) == [f"u{version}-{version}"]
    assert queue.positions == {Scope(cluster="uid", resource="pods"): version}


async def test_namespaces_are_watched_once() -> None:
    """Whoever asks for them, and however often."""
    bench = Bench("{}")

    async with bench.readers() as readers:
        same = readers.namespaces() is readers.namespaces()
        await asyncio.sleep(5)
        streams = len(bench.cluster.streams)

    assert (same, streams) == (True, 1)


async def test_reason_why_a_kind_is_not_read_is_logged_once() -> None:
    """Each reason, for each kind."""
    bench = Bench("{}")
    errors = [ForbiddenError(text, status=403) for text in ("no", "no", "never")]

    with capture_logs() as logs:
        async with bench.readers() as readers:
            for error in errors:
                readers.failed("v1 Pod", error)

    assert [one["error"] for one in logs] == ["no", "never"]


def test_origin_is_told_in_each_form() -> None:
    """Profile and data as a sink wants them, the names of the configuration in all."""
    config = config_of("{}", more="cluster: {name: prod}")

    origins = build_origins(config, cluster="uid", server="https://api.test")

    assert {(o.profile, o.data): f for f, o in origins.items()} == {
        (form.profile, form.data): form for form in origins
    }
    assert {origin.cluster for origin in origins.values()} == {"prod"}
    assert origins[EventForm("knative", "reference")].uri == "https://api.test"


def test_cluster_without_a_name_is_called_by_its_uid() -> None:
    """There is always a source."""
    origins = build_origins(config_of("{}"), cluster="uid", server="https://api.test")

    assert origins[EventForm("kubebridge", "object")].uri == "kubernetes://uid"


def test_form_of_each_sink_is_the_configured_one() -> None:
    """By name."""
    assert forms_of(config_of("{}")) == {"out": EventForm("kubebridge", "object")}
