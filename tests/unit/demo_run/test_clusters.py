"""Both stages take the workload's writes and keep a true record."""

import asyncio
from itertools import islice

import pytest

from bridge.demo import guest_cluster
from bridge.demo.apiserver import ApiServer
from bridge.demo.guest_cluster import GuestCluster
from bridge.demo.ledger import expected_ids
from bridge.demo.play_cluster import PlayCluster
from bridge.demo.workload import Afternoon
from bridge.errors import ApiStatusError, UnreachableError


@pytest.fixture
async def server():
    """Return an API server as somebody's cluster."""
    async with ApiServer() as server:
        yield server


@pytest.fixture
def kubeconfig(server, tmp_path):
    """Return the way to the server."""
    path = tmp_path / "kubeconfig"
    server.kubeconfig(path)
    return path


def acts_for(cluster):
    """Return one round of acts."""
    afternoon = Afternoon(
        namespace=cluster.namespace, with_nodes=isinstance(cluster, PlayCluster)
    )
    return list(islice(afternoon.acts(), 3))


async def until(condition):
    """Wait until a condition holds; pytest-timeout is the limit."""
    while not condition():  # noqa: ASYNC110  # it is not ours to tell
        await asyncio.sleep(0.01)


def truth(server):
    """Return the ids that the server's own record makes."""
    return [
        f"{record.object['metadata']['uid']}-{record.revision}"
        for record in server.history("events")
        if record.change != "DELETED"
    ]


async def test_play_cluster_records_every_write(tmp_path):
    """Each write of the afternoon is one revision."""
    async with PlayCluster.open(tmp_path) as cluster:
        writes = [w for act in acts_for(cluster) for w in (*act.openings, *act.repeats)]
        for write in writes:
            await cluster.write(write)

        assert len(expected_ids(cluster.revisions())) == len(writes)
        assert (tmp_path / "kubeconfig").exists()


async def test_play_cluster_forgets_what_can_be_repaired(tmp_path):
    """History goes up to the newest write; nobody reads on from before."""
    async with PlayCluster.open(tmp_path) as cluster:
        openings = acts_for(cluster)[0].openings
        await cluster.write(openings[0])
        read = cluster.revisions()[-1].number

        await cluster.expire(openings[1:], read=read)

        storage = cluster.server.storage
        assert storage.compacted == cluster.revisions()[-1].number
        assert read + 1 < storage.compacted


async def test_play_cluster_keeps_what_could_not_be_repaired(tmp_path):
    """History stays from the first object on that changed twice."""
    async with PlayCluster.open(tmp_path) as cluster:
        act = acts_for(cluster)[1]

        await cluster.expire([*act.openings, *act.repeats], read=0)

        last_opening = cluster.revisions()[len(act.openings) - 1].number
        assert cluster.server.storage.compacted == last_opening


async def test_play_cluster_bears_somebody_who_deletes(tmp_path):
    """An Event that is gone is not repeated; the rest goes on."""
    async with PlayCluster.open(tmp_path) as cluster:
        act = acts_for(cluster)[1]
        first = act.repeats[0]
        for write in act.openings:
            await cluster.write(write)
        cluster.server.delete("events", first.namespace, first.name)
        written = len(expected_ids(cluster.revisions()))

        await cluster.write(first)

        assert len(expected_ids(cluster.revisions())) == written


async def test_guest_cluster_bears_somebody_who_deletes(server, kubeconfig):
    """An Event that is gone is not repeated."""
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        act = acts_for(cluster)[1]
        first = act.repeats[0]
        for write in act.openings:
            await cluster.write(write)
        server.delete("events", first.namespace, first.name)

        await cluster.write(first)

        assert expected_ids(cluster.revisions()) == truth(server)


async def test_guest_cluster_keeps_a_true_record(server, kubeconfig):
    """What the answers told is what the server recorded."""
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        act = acts_for(cluster)[1]
        for write in (*act.openings, *act.repeats):
            await cluster.write(write)

        assert expected_ids(cluster.revisions()) == truth(server)


@pytest.mark.parametrize("compacts", [False, True])
async def test_guest_cluster_sees_what_others_write(
    server, kubeconfig, monkeypatch, compacts
):
    """The watch adds what did not come from the workload, also after a break."""
    monkeypatch.setattr(guest_cluster, "AGAIN_SECONDS", 0.01)
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        first, second, *_ = acts_for(cluster)[0].openings
        await until(lambda: server.faults.watches)
        server.create("events", cluster.namespace, first.body)
        await until(cluster.revisions)

        server.faults.close_watches()
        for name in ("some", "other"):
            server.create("configmaps", "default", {"metadata": {"name": name}})
        if compacts:
            server.compact()
        await until(lambda: any(watch.is_open for watch in server.faults.watches))
        server.create("events", cluster.namespace, second.body)

        await until(lambda: expected_ids(cluster.revisions()) == truth(server))


async def test_guest_cluster_outlives_a_server_that_is_away(
    server, kubeconfig, monkeypatch
):
    """A watch that is refused is tried again."""
    monkeypatch.setattr(guest_cluster, "AGAIN_SECONDS", 0.01)
    server.faults.answer(verb="list", status=503, times=2)
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        await until(lambda: server.faults.watches)
        write = acts_for(cluster)[0].openings[0]
        server.create("events", cluster.namespace, write.body)

        await until(cluster.revisions)


async def test_guest_cluster_forgets_nothing(server, kubeconfig):
    """It writes, and leaves history as it is."""
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        openings = acts_for(cluster)[0].openings

        assert not await cluster.expire(openings, read=0)

        assert len(truth(server)) == len(openings)
        assert server.storage.compacted == 0


async def test_guest_cluster_removes_its_namespace(server, kubeconfig):
    """Nothing of it stays."""
    async with GuestCluster.open(kubeconfig, context=None) as cluster:
        assert server.get("namespaces", "", cluster.namespace)

    with pytest.raises(Exception, match="not found"):
        server.get("namespaces", "", cluster.namespace)


async def test_guest_cluster_names_a_refusal(server, kubeconfig):
    """A cluster that forbids it says what and why."""
    server.faults.forbid(verb="create", resource="namespaces")

    with pytest.raises(ApiStatusError, match="POST /api/v1/namespaces"):
        async with GuestCluster.open(kubeconfig, context=None):
            pass


async def test_guest_cluster_names_a_server_that_is_away(tmp_path):
    """A server that nobody runs is named."""
    async with ApiServer() as server:
        server.kubeconfig(tmp_path / "kubeconfig")

    with pytest.raises(UnreachableError, match="POST /api/v1/namespaces"):
        async with GuestCluster.open(tmp_path / "kubeconfig", context=None):
            pass
