"""A: how a reader comes to know what is there, and what it may believe meanwhile."""

import asyncio

import pytest

from bridge.cluster import CORE_EVENTS, Change, ObjectMeta, Synced
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector import watchlist as initial
from bridge.cluster.store import Store
from tests.batches import reading_batches
from tests.checklist.reading import reading
from tests.contract.client import Client, revision_of
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.faultproxy.faults import Cut, Reply, refusal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIGMAPS = BUILTIN["", "ConfigMap"]
NOT_STREAMED = refusal(422, "Invalid")
STREAMS = ["watchlist"]


async def fill(shop: Client, count: int) -> list[int]:
    """Create Events; return their versions, sorted."""
    numbers = iter(range(count))
    versions: list[int] = []

    async def work() -> None:
        for number in numbers:
            created = await shop.event(f"e{number:05d}")
            versions.append(revision_of(created))

    async with asyncio.TaskGroup() as tasks:
        for worker in range(32):
            tasks.create_task(work(), name=f"fill {worker}")
    return sorted(versions)


def whole(shop: Client) -> dict[str, object]:
    """Return how to read everything in a namespace."""
    return {"namespace": shop.namespace, "initial": "emit"}


async def test_a1_what_is_there_is_streamed_by_one_request(plane, proxied, proxy, shop):
    """All of it, then the bookmark, then what is new, on the same stream."""
    start = plane.etcd.current_revision()
    before = await fill(shop, 1_500)
    async with reading(proxied, **whole(shop)) as seen:
        await seen.until(lambda: seen.changes)
        after = revision_of(await shop.event("during"))
        await seen.until_version(after)

    prefix = f"/registry/events/{shop.namespace}/"
    written = plane.etcd.writes(since=start, prefix=prefix)
    assert {each.revision for each in written} == set(seen.versions)
    assert len(seen.versions) == len(before) + 1
    assert [request.kind for request in proxy.requests] == STREAMS


async def test_a2_a_server_without_streams_is_listed(tmp_path):
    """A real one whose gate WatchList is off refuses them by 422."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    off = ["--feature-gates=WatchList=false"]
    with ControlPlane(folder=tmp_path, binaries=binaries, apiserver_flags=off) as old:
        path = old.apiserver.kubeconfig()
        async with ClusterClient.open(kubeconfig=path, environ={}) as client:
            how = {"namespace": "default", "initial": "emit"}
            async with reading(client, CONFIGMAPS, **how) as seen:
                await seen.until_open()

    assert seen.counts["watchlist-fallback"] == 1
    assert len(seen.items) >= 1


async def test_a2_a_server_that_never_ends_the_stream_is_listed(
    proxied, proxy, shop, monkeypatch
):
    """It ignores what it was asked for; 30 s of silence are enough."""
    assert initial.SILENCE_SECONDS == 30
    monkeypatch.setattr(initial, "SILENCE_SECONDS", 0.5)
    silent = Reply(headers={"Content-Length": "9"}, is_ended=False)
    proxy.fault(silent, kinds=STREAMS)
    created = revision_of(await shop.event("a"))
    async with reading(proxied, **whole(shop)) as seen:
        await seen.until_version(created)

    assert seen.counts["watchlist-fallback"] == 1


@pytest.mark.usefixtures("impatient")
async def test_a3_a_stream_that_is_cut_moves_no_cursor(proxied, proxy, shop):
    """Objects come in the order of names: only the bookmark says how far it is."""
    versions = await fill(shop, 200)
    for after in (1_000, 20_000):
        proxy.fault(Cut(after=after), kinds=STREAMS, times=1)
    async with reading(proxied, **whole(shop)) as seen:
        await seen.until_open()
        await seen.until(lambda: any(isinstance(one, Synced) for one in seen.items))

    assert seen.versions.count(versions[0]) == 1
    assert sorted(set(seen.versions)) == versions
    (synced,) = (one for one in seen.items if isinstance(one, Synced))
    assert int(synced.resource_version) >= versions[-1]
    assert not any(isinstance(one, Synced) for one in seen.items[:-1])


async def test_a4_a_list_is_read_in_pages_and_watched_from_its_own_version(
    proxied, proxy, shop
):
    """Never from that of an item, which may be compacted already."""
    proxy.fault(NOT_STREAMED, kinds=STREAMS)
    versions = await fill(shop, 600)
    await shop.create("v1/configmaps", {"metadata": {"name": "newer"}})
    async with reading(proxied, **whole(shop)) as seen:
        await seen.until_open()

    first, second = (one.query for one in proxy.requests if one.kind == "list")
    (watch,) = (one.query for one in proxy.requests if one.kind == "watch")
    assert (first["limit"], second["limit"]) == ("500", "500")
    assert second["continue"]
    assert "resourceVersion" not in first | second
    assert int(watch["resourceVersion"]) > versions[-1]
    assert sorted(seen.versions) == versions


@pytest.mark.usefixtures("impatient")
async def test_a5_a_page_that_expired_begins_the_list_anew(proxied, proxy, shop):
    """Its second token, which would mix two states, is not used."""
    proxy.fault(NOT_STREAMED, kinds=STREAMS)
    versions = await fill(shop, 600)
    found: list[int] = []
    async with reading_batches(proxied, CORE_EVENTS, **whole(shop)) as batches:
        async for batch in batches:
            changes = (one for one in batch if isinstance(one, Change))
            found += [int(one.resource_version) for one in changes]
            if any(isinstance(one, Synced) for one in batch):
                break
            if len(found) == 500:
                found.append(revision_of(await shop.event("a-before-the-others")))
                await shop.compact(found[-1])

    starts = [one for one in proxy.requests if one.is_whole and one.kind == "list"]
    assert len(starts) == 2
    assert set(found) == {*versions, max(found)}


async def test_a6_a_slow_taker_holds_the_server_back(proxied, proxy, shop):
    """One request, no 410: what is not taken is not read, and waits in the network."""
    versions = await fill(shop, 1_000)
    taken: list[int] = []
    async with reading_batches(proxied, CORE_EVENTS, **whole(shop)) as batches:
        async for batch in batches:
            changes = (one for one in batch if isinstance(one, Change))
            taken += [int(one.resource_version) for one in changes]
            await asyncio.sleep(0.1)
            if any(isinstance(one, Synced) for one in batch):
                break

    assert sorted(taken) == versions
    assert [request.kind for request in proxy.requests] == STREAMS


async def test_a7_what_changed_unseen_is_found_by_comparison(plane, client, shop):
    """Gone, made anew under its name, changed and new, after history has gone."""
    made = {name: await configmap(shop, name) for name in ("gone", "again", "changed")}
    store = Store(map(known_of, made.values()), is_complete=True)
    cursor = str(revision_of(made["changed"]))
    for name in ("gone", "again"):
        await shop.call("DELETE", shop.path("v1/configmaps", name))
    anew = await configmap(shop, "again")
    path = shop.path("v1/configmaps", "changed")
    await shop.call("PUT", path, {"metadata": {"name": "changed"}, "data": {"a": "b"}})
    new = await configmap(shop, "new")
    await shop.compact(plane.etcd.current_revision())
    await asyncio.to_thread(plane.apiserver.restart)  # or its cache would still know

    how = {"namespace": shop.namespace, "cursor": cursor, "store": store}
    async with reading(client, CONFIGMAPS, **how) as seen:
        await seen.until_version(revision_of(new))

    told = {(one.change, one.known.uid) for one in seen.changes if one.listed}
    uids = {name: each["metadata"]["uid"] for name, each in made.items()}
    assert told == {
        ("deleted", uids["gone"]),
        ("deleted", uids["again"]),
        ("added", anew["metadata"]["uid"]),
        ("modified", uids["changed"]),
        ("added", new["metadata"]["uid"]),
    }


async def configmap(shop: Client, name: str) -> dict:
    """Create a ConfigMap and return it."""
    return await shop.create("v1/configmaps", {"metadata": {"name": name}})


def known_of(value: dict) -> ObjectMeta:
    """Return what a store remembers of an object."""
    metadata = value["metadata"]
    return ObjectMeta(
        key=f"{metadata['namespace']}/{metadata['name']}",
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
    )


async def test_a8_a_snapshot_of_events_is_what_is_newer_than_the_cursor(client, shop):
    """Interrupted and begun again it is whole; in each batch versions rise."""
    cursor = (await fill(shop, 10))[-1]
    newer = [revision_of(await shop.event(f"new{number}")) for number in range(5)]
    newer.append(revision_of(await shop.patch("e00003", {"count": 2})))
    await shop.compact(newer[-1])

    how = {"namespace": shop.namespace, "cursor": str(cursor)}
    for _ in ("interrupted", "again"):
        async with reading_batches(client, CORE_EVENTS, **how) as batches:
            first = await anext(batches)

    assert [int(one.resource_version) for one in first] == newer
