"""Cursors of namespaces that are gone (issue 10, item 44)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bridge.ingest.scoping import FORGET_SECONDS, forget_gone
from bridge.queue import Scope
from tests.unit.ingest.test_scoping import scopes
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime
NOW = datetime(2026, 11, 30, tzinfo=UTC)
ONE = "{name: one, kind: Pod, namespaces: [a]}"


async def left(queue: MemoryQueue, *, days: float, found=None) -> set[Scope]:
    """Look twice, so many days after the cursors moved; return what is left."""
    queue.now = (NOW - timedelta(days=days)).timestamp
    async with asyncio.TaskGroup() as tasks:
        reading = found or scopes(ONE, everywhere=False)
        task = tasks.create_task(forget_gone(lambda: reading, queue, now=lambda: NOW))  # type: ignore[arg-type]
        await asyncio.sleep(2.5 * FORGET_SECONDS)
        task.cancel()
    return set(queue.positions)


def scope(namespace: str, resource: str = "pods", cluster: str = "uid") -> Scope:
    """Return a scope of Pods."""
    return Scope(cluster=cluster, resource=resource, namespace=namespace)


KEPT = {scope("a"), scope("*"), scope("gone", "nodes"), scope("gone", cluster="other")}


@pytest.mark.parametrize(
    ("days", "is_kept"), [(6.9, True), (7.1, False)], ids=["6.9", "7.1"]
)
async def test_cursor_of_a_namespace_that_is_gone_is_forgotten_after_a_week(
    days: float, is_kept: bool
) -> None:
    """With what was known there; all others stay (issue 10, item 44)."""
    gone = scope("gone")
    queue = MemoryQueue(positions=dict.fromkeys({*KEPT, gone}, "5"))
    queue.memory[gone] = {"+gone/web": b"{}"}

    found = await left(queue, days=days)

    assert found == (KEPT | {gone} if is_kept else KEPT)
    assert (gone in queue.memory) == is_kept


async def test_nothing_is_forgotten_while_nothing_is_read() -> None:
    """No namespace may be selected just now (issue 10, item 44)."""
    queue = MemoryQueue(positions={scope("gone"): "5"})
    none = scopes('{name: t, kind: Pod, namespaceSelector: "team=x"}', everywhere=False)

    assert await left(queue, days=99, found=none) == {scope("gone")}
