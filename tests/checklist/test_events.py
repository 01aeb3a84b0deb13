"""D: what Kubernetes Events mean, and what is promised of them."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.cluster import CORE_EVENTS, Change, ProgressMark
from bridge.cluster.builtin import BUILTIN
from bridge.events.cloudevent import CloudEvent
from bridge.events.convert import convert
from bridge.events.origin import Origin
from tests.checklist.reading import reading
from tests.contract.client import Client, revision_of
from tests.contract.samples import new_event
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEW_EVENTS = BUILTIN["events.k8s.io", "Event"]
START = datetime(2026, 11, 21, tzinfo=UTC)
NOW = "2026-11-21T10:00:00Z"


def converted(change: Change) -> CloudEvent:
    """Return the event that a change becomes."""
    return convert(change, origin=Origin(cluster="prod"), recorded=NOW)


def ids(changes: list[Change]) -> list[str]:
    """Return the ids of the events that changes become."""
    return [converted(change).id for change in changes]


async def read_from(client, shop: Client, cursor: int, *, until: int, **how):
    """Return what is read from a cursor up to a version."""
    how |= {"namespace": shop.namespace, "cursor": str(cursor)}
    async with reading(client, **how) as seen:
        await seen.until_version(until)
    return seen


def test_d1_the_end_of_an_event_is_no_event(tmp_path: Path):
    """They expire in a batch, which a watch shows as deletions: nothing is sent."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    with ControlPlane(folder=tmp_path, binaries=binaries, event_ttl="3s") as plane:
        with Receiver() as receiver, run_bridge(tmp_path, plane, receiver) as bridge:
            bridge.start_and_wait()
            writer = Writer(plane.apiserver, make_namespace(plane))
            start = plane.etcd.current_revision()
            writer.fill(20, prefix="short-lived", repeats=0)
            wait_until(lambda: deletions(plane, since=start) >= 20)
            writer.fill(1, prefix="last", repeats=0)
            wait_until(lambda: writer.ids[-1] in receiver.ledger.ids())

        assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def deletions(plane: ControlPlane, *, since: int) -> int:
    """Return how many Events have gone."""
    return sum(write.is_delete for write in plane.etcd.writes(since=since))


def run_bridge(folder: Path, plane: ControlPlane, receiver: Receiver, **source):
    """Return a bridge from a cluster to a receiver, not started."""
    return Bridge(
        folder=folder,
        kubeconfig=plane.apiserver.kubeconfig(),
        sources=[source],
        sinks=[{"name": "hook", "url": receiver.url}],
    )


async def test_d2_a_revision_has_one_id_however_it_is_read(client, shop):
    """Watched, watched again or listed: uid and version say which one it is."""
    cursor = await shop.revision()
    created = await shop.event("a")
    metadata = created["metadata"]
    version = revision_of(created)

    first = await read_from(client, shop, cursor, until=version)
    again = await read_from(client, shop, cursor, until=version)
    async with reading(client, namespace=shop.namespace, initial="emit") as listed:
        await listed.until_version(version)

    expected = f"{metadata['uid']}-{metadata['resourceVersion']}"
    assert ids(first.changes) == ids(again.changes) == ids(listed.changes)
    assert ids(first.changes) == [expected]


async def test_d3_both_apis_show_one_object(client, shop):
    """So one of them is watched: the default source is core/v1 and nothing else."""
    cursor = await shop.revision()
    await shop.event("legacy")
    last = await shop.create("events.k8s.io/v1/events", new_event(shop.namespace, "n"))

    found = []
    for resource in (CORE_EVENTS, NEW_EVENTS):
        how = {"namespace": shop.namespace, "cursor": str(cursor)}
        async with reading(client, resource, **how) as seen:
            await seen.until_version(revision_of(last))
        found.append(ids(seen.changes))

    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_d4_a_killed_bridge_loses_nothing(plane, tmp_path):
    """SIGKILL after a burst: everything in etcd's own history arrives."""
    namespace = make_namespace(plane)
    writer = Writer(plane.apiserver, namespace)
    start = plane.etcd.current_revision()
    with (
        Receiver(delay_seconds=0.002) as receiver,
        run_bridge(tmp_path, plane, receiver, namespaces=[namespace]) as bridge,
    ):
        bridge.start_and_wait()
        writer.fill(150, prefix="one")
        bridge.kill()
        writer.fill(50, prefix="two")
        bridge.start()
        wait_until(lambda: set(writer.ids) <= set(receiver.ledger.ids()))

    prefix = f"/registry/events/{namespace}/"
    written = plane.etcd.writes(since=start, prefix=prefix)
    arrived = {int(each.rsplit("-", 1)[1]) for each in receiver.ledger.ids()}
    assert {write.revision for write in written} == arrived


async def test_d5_a_cursor_from_the_future_is_a_rollback(client, shop):
    """A watch from there would be silent for ever; instead all is read again."""
    created = revision_of(await shop.event("a"))

    seen = await read_from(client, shop, created + 1_000_000, until=created)

    assert [gap.cause for gap in seen.gaps] == ["rolled-back"]
    assert seen.versions == [created]


@pytest.mark.usefixtures("impatient")
async def test_d6_a_restore_under_a_running_watch_is_noticed(plane, client, shop):
    """A backup of etcd comes back: what it held is read again, and announced."""
    kept = revision_of(await shop.event("kept"))
    async with reading(client, namespace=shop.namespace) as seen:
        await seen.until_open()
        backup = await asyncio.to_thread(plane.etcd.snapshot)
        for number in range(100):
            last = await shop.event(f"undone{number}")
        await seen.until_version(revision_of(last))
        seen.items.clear()
        await asyncio.to_thread(plane.restore, backup)
        await seen.until(lambda: kept in seen.versions)

    assert [gap.cause for gap in seen.gaps] == ["rolled-back"]
    assert seen.versions == [kept]


async def test_d7_within_the_history_every_revision_arrives(client, shop):
    """However long the downtime was, as long as nothing is compacted."""
    cursor = revision_of(await shop.event("a"))
    written = [revision_of(await shop.patch("a", {"count": n})) for n in range(2, 9)]

    seen = await read_from(client, shop, cursor, until=written[-1])

    assert (seen.versions, seen.gaps) == (written, [])


async def test_d7_beyond_the_history_the_newest_arrives_and_a_gap(client, shop):
    """Of each Event that is still there; what is lost cannot be had by anybody."""
    cursor = revision_of(await shop.event("a"))
    for count in range(2, 9):
        newest = revision_of(await shop.patch("a", {"count": count}))
    other = revision_of(await shop.event("b"))
    await shop.compact(await shop.revision())

    seen = await read_from(client, shop, cursor, until=other)

    assert seen.versions == [newest, other]
    assert [(gap.cause, int(gap.cursor)) for gap in seen.gaps] == [("expired", cursor)]


async def test_d7_beyond_the_time_to_live_there_is_a_gap(client, shop):
    """The Events of the downtime are gone altogether: it is said, not hidden."""
    cursor = revision_of(await shop.event("a"))
    await shop.event("b")
    for name in "ab":
        await shop.delete(name)
    await shop.compact(await shop.revision())

    how = {"namespace": shop.namespace, "cursor": str(cursor)}
    async with reading(client, **how) as seen:
        await seen.until_open()

    assert (seen.versions, [gap.cause for gap in seen.gaps]) == ([], ["expired"])


async def test_d8_an_old_event_is_an_event(client, shop):
    """Written while nobody read, and long ago by its own time stamps."""
    cursor = await shop.revision()
    created = revision_of(
        await shop.event("old", count=7, lastTimestamp="2020-01-01T00:00:00Z")
    )

    seen = await read_from(client, shop, cursor, until=created)

    assert seen.versions == [created]
    assert converted(seen.changes[0]).time == "2020-01-01T00:00:00Z"


async def test_d9_the_time_is_the_first_that_is_there(client, shop):
    """An old recorder's, a new recorder's with and without a series, and no one's."""
    cursor = await shop.revision()
    observed = {"count": 2, "lastObservedTime": "2026-11-21T09:31:00.000001Z"}
    await shop.event("a", lastTimestamp="2026-11-21T09:00:00Z", count=2)
    path = "events.k8s.io/v1/events"
    await shop.create(path, new_event(shop.namespace, "b"))
    await shop.create(path, new_event(shop.namespace, "c", series=observed))
    await shop.event("d", firstTimestamp="2026-11-21T08:00:00Z")
    last = await shop.event("e")

    seen = await read_from(client, shop, cursor, until=revision_of(last))

    assert [converted(change).time for change in seen.changes] == [
        "2026-11-21T09:00:00Z",
        "2026-11-21T09:30:00.123456Z",
        "2026-11-21T09:31:00.000001Z",
        "2026-11-21T08:00:00Z",
        last["metadata"]["creationTimestamp"],
    ]


async def test_d10_an_event_without_event_time_is_read_in_the_new_form(client, shop):
    """Typed clients refuse it: eventTime is null for an old recorder's."""
    cursor = await shop.revision()
    last = revision_of(await shop.event("legacy"))

    how = {"namespace": shop.namespace, "cursor": str(cursor)}
    async with reading(client, NEW_EVENTS, **how) as seen:
        await seen.until_version(last)

    assert json.loads(seen.changes[0].object)["eventTime"] is None
    assert converted(seen.changes[0]).type == "io.kubebridge.event.normal.v1"


async def test_d11_a_count_is_told_as_it_is(client, shop):
    """Recorders leave steps out, so the difference is the receiver's to take."""
    cursor = revision_of(await shop.event("a", count=3))
    last = revision_of(await shop.patch("a", {"count": 10}))

    seen = await read_from(client, shop, cursor, until=last)

    told = converted(seen.changes[0])
    assert told.extensions["count"] == 10
    assert json.loads(told.data or b"")["count"] == 10


async def test_d12_fifty_quiet_namespaces_cost_little(proxied, proxy, shop):
    """Their history is compacted away under them: no error, no gap, few requests.

    Once a minute a reader notes how far the cluster has come; so it has here.
    """
    cursor = await shop.revision()
    for name in ("a", "b", "c"):
        made = await shop.create("v1/configmaps", {"metadata": {"name": name}})
    await shop.compact(revision_of(made))
    mark = ProgressMark(
        resource_version=made["metadata"]["resourceVersion"], time=START
    )
    readers = []
    async with AsyncExitStack() as stack:
        for number in range(50):
            how = {"namespace": f"quiet-{number}", "cursor": str(cursor), "mark": mark}
            readers.append(await stack.enter_async_context(reading(proxied, **how)))
        for one in readers:
            await one.until_open()

    assert [one.errors + one.gaps for one in readers if one.errors or one.gaps] == []
    assert {one.counts["relist"] for one in readers} == {1}
    assert len(proxy.requests) < 10 * len(readers)


async def test_d13_an_event_that_enters_a_selection_is_a_revision(client, shop):
    """`type=Warning`: leaving it looks like a deletion, and is none of the Event."""
    cursor = revision_of(await shop.event("a", type="Normal"))
    entered = revision_of(await shop.patch("a", {"type": "Warning"}))
    await shop.patch("a", {"type": "Normal"})
    last = revision_of(await shop.patch("a", {"type": "Warning"}))

    how = {"field_selector": "type=Warning"}
    seen = await read_from(client, shop, cursor, until=last, **how)

    assert [change.change for change in seen.changes] == ["added", "deleted", "added"]
    assert [seen.versions[0], seen.versions[-1]] == [entered, last]
