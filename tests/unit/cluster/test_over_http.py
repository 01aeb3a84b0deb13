"""A reflector through real sockets, against the demo's API server."""

from contextlib import asynccontextmanager

import pytest

from bridge.cluster import CORE_EVENTS, Change, Gap, Synced
from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector import retry
from bridge.demo.apiserver.server import ApiServer
from tests.batches import reading_batches


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Trouble is waited out for 10 ms."""
    monkeypatch.setattr(retry, "delay_seconds", lambda *_, **__: 0.01)


@asynccontextmanager
async def connected(folder):
    """An API server and a client of it."""
    async with ApiServer() as server:
        server.kubeconfig(folder / "kubeconfig")
        path = folder / "kubeconfig"
        async with ClusterClient.open(kubeconfig=path, environ={}) as client:
            yield server, client


def create(server, name):
    """Create a Kubernetes Event; return its version."""
    metadata = {"name": name, "namespace": "default"}
    involved = {"kind": "Pod", "namespace": "default", "name": "p"}
    value = {"metadata": metadata, "involvedObject": involved, "reason": "R"}
    return server.create("events", "default", value)["metadata"]["resourceVersion"]


def repeat(server, name, times):
    """Raise the count of an Event; return the versions."""
    return [
        server.patch("events", "default", name, {"count": count})["metadata"][
            "resourceVersion"
        ]
        for count in range(2, 2 + times)
    ]


async def read_until(client, version, **options):
    """Return all items up to the change with this version."""
    items = []
    async with reading_batches(client, CORE_EVENTS, **options) as batches:
        async for batch in batches:
            items += batch
            if any(getattr(one, "resource_version", "") == version for one in batch):
                break
    return items


def versions(items):
    """The versions of the changes."""
    return [one.resource_version for one in items if isinstance(one, Change)]


@pytest.mark.parametrize("step", [1, 7, 400])
async def test_a_watch_cut_at_any_byte_loses_nothing(tmp_path, step):
    """Half a line is dropped and comes again whole."""
    async with connected(tmp_path) as (server, client):
        cursor = create(server, "a")
        written = repeat(server, "a", 4)
        for after_bytes in range(1, 30 * step, step):
            server.faults.cut_watch(after_bytes=after_bytes)

        items = await read_until(client, written[-1], cursor=cursor)

    assert versions(items) == written


async def test_a_list_and_its_watch_give_the_same_bytes(tmp_path):
    """So one revision is one event, whichever way it came."""
    async with connected(tmp_path) as (server, client):
        version = create(server, "a")
        listed = await read_until(client, version, initial="emit")
        watched = await read_until(client, version, cursor=str(int(version) - 1))

    assert listed[0].object == watched[1].object


async def test_an_expired_cursor_is_repaired(tmp_path):
    """As on a kube-apiserver: everything after the compaction, and one gap."""
    async with connected(tmp_path) as (server, client):
        cursor = create(server, "a")
        written = repeat(server, "a", 9)
        server.compact(int(written[4]))

        items = await read_until(client, written[-1], cursor=cursor)

    assert versions(items) == written[4:]
    gaps = [one for one in items if isinstance(one, Gap)]
    assert [(one.cursor, one.snapshot) for one in gaps] == [(cursor, written[4])]


async def test_a_rolled_back_cluster_is_listed_whole(tmp_path):
    """What was restored is announced and emitted."""
    async with connected(tmp_path) as (server, client):
        kept = create(server, "a")
        lost = repeat(server, "a", 5)
        server.rollback(int(kept))

        items = await read_until(client, kept, cursor=lost[-1])

    assert items[0].cause == "rolled-back"
    assert versions(items) == [kept]


async def test_a_refused_list_is_seen_and_outlived(tmp_path):
    """403 is reported with its resource, and it goes on when it is over."""
    reports = []
    async with connected(tmp_path) as (server, client):
        server.faults.forbid(verb="list", resource="events")

        def heal(error):
            reports.append(str(error))
            server.faults.clear()

        items = await read_until(client, str(server.storage.revision), report=heal)

    assert isinstance(items[0], Synced)
    assert "list events in all namespaces: 403" in reports[0]
