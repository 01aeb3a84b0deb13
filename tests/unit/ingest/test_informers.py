"""Informers run from the moment somebody asks."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.cluster.builtin import NAMESPACES
from bridge.cluster.store import Store
from bridge.errors import ForbiddenError
from bridge.ingest.build import Informers
from tests.unit.cluster.fakes import FakeCluster

pytestmark = pytest.mark.looptime


async def test_informer_runs_until_its_group_ends() -> None:
    """It knows what is there, and what comes."""
    cluster = FakeCluster()
    cluster.write("a")

    async with asyncio.TaskGroup() as tasks:
        informers = Informers(cluster, tasks)  # type: ignore[arg-type]
        informer = informers.start(NAMESPACES, Store())
        await informer.synced.wait()
        cluster.write("b")
        await informer.wait_for_change()
        names = sorted(known.name for known in informer.store)
        next(iter(tasks._tasks)).cancel()  # type: ignore[attr-defined]

    assert names == ["a", "b"]


async def test_reason_why_it_cannot_read_is_logged_once() -> None:
    """Until there is another one."""
    cluster = FakeCluster()
    cluster.fail("", *[ForbiddenError("no", status=403)] * 5)

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            informers = Informers(cluster, tasks)  # type: ignore[arg-type]
            informer = informers.start(NAMESPACES, Store())
            await informer.synced.wait()
            next(iter(tasks._tasks)).cancel()  # type: ignore[attr-defined]

    assert [(one["event"], one.get("error")) for one in logs] == [
        ("Looking up failed.", "no"),
        ("Looking up works again.", None),
    ]


async def test_informers_stop_together() -> None:
    """When other lookups take their place."""
    cluster = FakeCluster()

    async with asyncio.TaskGroup() as tasks:
        informers = Informers(cluster, tasks)  # type: ignore[arg-type]
        informer = informers.start(NAMESPACES, Store())
        await informer.synced.wait()
        informers.stop()

    assert informer.error == ""
