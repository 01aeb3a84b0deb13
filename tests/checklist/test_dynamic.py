"""E: any resource, found when it comes, read without wasting anything."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from bridge.cluster.builtin import BUILTIN
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import Target
from bridge.cluster.store import Store
from bridge.errors import NotServedError
from bridge.events.convert import convert
from bridge.events.origin import Origin
from tests.checklist.conftest import kubeconfig_of
from tests.checklist.reading import reading
from tests.contract.client import Client, revision_of
from tests.contract.samples import definition, widget
from tests.contract.test_custom_resources import DEFINITIONS
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIGMAPS = BUILTIN["", "ConfigMap"]


async def test_e1_a_kind_is_found_once_it_is_defined(proxied, proxy, shop):
    """By documents of its own group only, asked anew each time; then it is read."""
    group = f"{shop.namespace}.example.com"
    target = Target(api_version=f"{group}/v1", kind="Widget")
    with pytest.raises(NotServedError):
        await find_resource(proxied, target)
    await shop.call("POST", DEFINITIONS, definition(group))
    await shop.call_until(200, "GET", shop.path(f"{group}/v1/widgets"))

    found = await find_resource(proxied, target)
    async with reading(proxied, found, namespace=shop.namespace) as seen:
        await seen.until_open()
        made = await shop.create(f"{group}/v1/widgets", widget(group, "one"))
        await seen.until_version(revision_of(made))
    await shop.call("DELETE", f"{DEFINITIONS}/widgets.{group}")

    asked = {one.path for one in proxy.requests if one.kind == "other"}
    assert asked == {f"/apis/{group}/v1", f"/apis/{group}"}
    assert (found.plural, found.namespaced) == ("widgets", True)


async def test_e2_an_object_stays_as_it_came(client, shop):
    """Byte for byte, until it becomes an event, without what nobody reads."""
    cursor = await shop.revision()
    created = revision_of(await shop.event("a"))
    query = {"watch": "true", "resourceVersion": str(cursor), "timeoutSeconds": "1"}
    path, headers = shop.path(), shop.authorization
    async with shop.http.get(path, params=query, headers=headers) as answer:
        line = await answer.read()

    how = {"namespace": shop.namespace, "cursor": str(cursor)}
    async with reading(client, **how) as seen:
        await seen.until_version(created)

    (change,) = seen.changes
    told = convert(change, origin=Origin(cluster="c"), recorded="2026-01-01T00:00:00Z")
    assert line == b'{"type":"ADDED","object":' + change.object + b"}\n"
    assert "managedFields" not in json.loads(told.data or b"")["metadata"]


@pytest.mark.parametrize("metadata_only", [False, True])
async def test_e3_of_an_object_its_identity_is_remembered(client, shop, metadata_only):
    """Not the object: 100 of 10 kB each are known by less than 300 bytes each."""
    store = Store()
    how = {"namespace": shop.namespace, "metadata_only": metadata_only}
    async with reading(client, CONFIGMAPS, store=store, **how) as seen:
        await seen.until_open()
        for number in range(100):
            value = {"metadata": {"name": f"big-{number}"}, "data": {"x": "y" * 10_000}}
            last = await shop.create("v1/configmaps", value)
        await seen.until_version(revision_of(last))

    remembered = [msgspec.json.encode(known) for known in store]
    assert len(remembered) == 100
    assert max(map(len, remembered)) < 300
    assert (b"yyy" in seen.changes[-1].object) is not metadata_only


async def test_e4_every_change_of_an_object_comes_in_order(client, shop):
    """1,000 patches of one Event, by many at once: none is left out or overtaken."""
    cursor = revision_of(await shop.event("a"))
    written = await patched(shop, "a", 1_000)

    how = {"namespace": shop.namespace, "cursor": str(cursor)}
    async with reading(client, **how) as seen:
        await seen.until_version(written[-1])

    assert seen.versions == written


async def patched(shop: Client, name: str, times: int) -> list[int]:
    """Patch an Event so often; return the versions, sorted."""
    counts = iter(range(2, times + 2))
    versions: list[int] = []

    async def work() -> None:
        for count in counts:
            changed = await shop.patch(name, {"count": count})
            versions.append(revision_of(changed))

    async with asyncio.TaskGroup() as tasks:
        for worker in range(8):
            tasks.create_task(work(), name=f"patch {worker}")
    return sorted(versions)


def test_e5_a_resync_asks_the_server_nothing(plane, proxy, tmp_path):
    """What is known is told again, twice, and no list is read for it."""
    path = "/api/v1/namespaces/default/configmaps"
    plane.apiserver.request("POST", path, {"metadata": {"name": "again"}})
    with Receiver() as receiver, hasty(plane, proxy, tmp_path, receiver) as bridge:
        bridge.start_and_wait()
        before = proxy.count(plural="configmaps")
        wait_until(lambda: len(resyncs(receiver)) >= 2)
        after = proxy.count(plural="configmaps")

    assert resyncs(receiver)[:2] == [1, 2]
    assert before == after


def resyncs(receiver: Receiver) -> list[int]:
    """Return the resyncs by which an object was told again."""
    events = receiver.ledger.events("resource")
    return [one["resync"] for one in events if one["name"] == "again"]


def hasty(plane, proxy, folder: Path, receiver: Receiver) -> Bridge:
    """Return a bridge that tells all ConfigMaps of a namespace again every second."""
    source = {"kind": "ConfigMap", "namespaces": ["default"], "resync": "1s"}
    return Bridge(
        folder=folder,
        kubeconfig=kubeconfig_of(plane, url=proxy.url),
        module="tests.checklist.hasty",
        sources=[source],
        sinks=[{"name": "hook", "url": receiver.url}],
    )
