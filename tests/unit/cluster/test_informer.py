"""What is there of one resource, and what was there a moment ago."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bridge.cluster import Owner
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import KEPT_SECONDS, Informer
from bridge.cluster.store import Store
from bridge.demo.apiserver.server import ApiServer
from bridge.errors import ForbiddenError, NotServedError
from tests.unit.cluster.fakes import FakeCluster

PODS = BUILTIN["", "Pod"]


@asynccontextmanager
async def running(cluster, store=None):
    """An informer at work on a cluster."""
    informer = Informer(cluster, PODS, store=Store() if store is None else store)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(informer.run())
        try:
            yield informer
        finally:
            task.cancel()


def versions(informer):
    """The version of each object."""
    return {known.name: known.version for known in informer.store}


@pytest.mark.looptime
async def test_what_is_there_is_known_once_it_is_synced():
    """And changes from then on."""
    cluster = FakeCluster()
    first, second = cluster.write("web"), cluster.write("db")

    async with running(cluster) as informer:
        before = informer.synced.is_set()
        await informer.synced.wait()
        known = versions(informer)
        await asyncio.sleep(1)
        third = cluster.write("web")
        async with asyncio.timeout(1):
            await informer.wait_for_change()

        assert (before, known) == (False, {"web": first, "db": second})
        assert versions(informer) == {"web": third, "db": second}


@pytest.mark.looptime
async def test_a_deleted_object_is_found_for_ten_minutes():
    """By key and uid; under its name alone only what is there."""
    cluster = FakeCluster()
    cluster.write("web")
    async with running(cluster) as informer:
        await informer.synced.wait()
        uid = informer.store.get("shop/web").uid
        cluster.delete("web")
        await informer.wait_for_change()

        found = [informer.find("shop/web", one) for one in (uid, "", "other")]
        await asyncio.sleep(KEPT_SECONDS + 1)
        later = informer.find("shop/web", uid)

    assert [one and one.uid for one in found] == [uid, None, None]
    assert later is None


@pytest.mark.looptime
async def test_an_object_of_the_same_name_is_another_one():
    """Each is found by its own uid, the living one by its name as well."""
    cluster = FakeCluster()
    cluster.write("web")
    async with running(cluster) as informer:
        await informer.synced.wait()
        old = informer.store.get("shop/web").uid
        cluster.delete("web")
        cluster.write("web")
        await informer.wait_for_change()
        new = informer.store.get("shop/web").uid

        found = [informer.find("shop/web", uid) for uid in (old, new, "")]

    assert old != new
    assert [one.uid for one in found] == [old, new, new]


@pytest.mark.looptime
async def test_what_was_deleted_unseen_is_found_too():
    """The history ran away from a cut watch; the difference tells of the deletion."""
    cluster = FakeCluster()
    cluster.write("web")
    async with running(cluster) as informer:
        await informer.synced.wait()
        uid = informer.store.get("shop/web").uid
        cluster.end_all(ForbiddenError("no", status=403))
        await informer.wait_for_change()
        cluster.delete("web")
        cluster.compact()
        await asyncio.sleep(120)

        assert informer.store.get("shop/web") is None
        assert informer.find("shop/web", uid).uid == uid


@pytest.mark.looptime
async def test_trouble_is_told_while_it_lasts():
    """Whoever waits hears of it too."""
    cluster = FakeCluster()
    cluster.fail("", *[ForbiddenError("list pods: 403", status=403)] * 2)
    async with running(cluster) as informer:
        await informer.wait_for_change()
        during = informer.error
        await informer.synced.wait()
        await asyncio.sleep(1)

        assert (during, informer.error) == ("list pods: 403", "")


@pytest.mark.looptime
async def test_a_resource_that_is_not_served_is_waited_for():
    """It may come with a CustomResourceDefinition, or come back."""
    cluster = FakeCluster()
    version = cluster.write("web")
    cluster.fail("", *[NotServedError("list pods: 404", status=404)] * 6)
    async with running(cluster) as informer:
        await asyncio.sleep(5)
        during = informer.error
        await informer.synced.wait()

        assert during == "list pods: 404"
        assert versions(informer) == {"web": version}


@pytest.mark.looptime
async def test_it_asks_for_no_more_than_it_keeps():
    """Metadata only."""
    asked = {}

    class Asked(FakeCluster):
        def watch(self, resource, **options):
            asked.update(options)
            return super().watch(resource, **options)

    async with running(Asked()) as informer:
        await informer.synced.wait()

    assert asked["metadata_only"]


async def test_metadata_is_kept_as_far_as_it_is_asked_for(tmp_path):
    """Labels, chosen annotations and the controller; the rest is never sent."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "r"}
    metadata = {
        "name": "web",
        "labels": {"app": "shop"},
        "annotations": {"team": "a", "secret": "b"},
        "ownerReferences": [{**owner, "controller": True}],
    }
    store = Store(
        keeps_labels=True, keeps_annotations=frozenset({"team"}), keeps_owner=True
    )
    async with ApiServer() as server:
        path = tmp_path / "kubeconfig"
        server.kubeconfig(path)
        server.create("pods", "default", {"metadata": metadata, "spec": {}})
        async with (
            ClusterClient.open(kubeconfig=path, environ={}) as client,
            running(client, store) as informer,
        ):
            await informer.synced.wait()

    known = store.get("default/web")
    assert (known.labels, known.annotations) == ({"app": "shop"}, {"team": "a"})
    assert known.owner == Owner(
        api_version="apps/v1", kind="ReplicaSet", name="rs", uid="r"
    )
