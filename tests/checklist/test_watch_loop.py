"""B: the watch goes on, whatever ends it, and nothing is listed anew without need."""

import asyncio
import base64
import json
from contextlib import AsyncExitStack

import pytest

from bridge.cluster import client as client_module
from bridge.cluster.reflector import retry as patience
from bridge.cluster.requests import LineSplitter
from bridge.errors import ApiStatusError, ThrottledError, UnreadableError
from tests.checklist.reading import reading
from tests.contract.client import revision_of
from tests.faultproxy.faults import Cut, Inject, empty, html, refusal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WATCHES = ("watch", "watchlist")
LISTS = ("list", "list-exact")


async def test_b1_watches_end_at_different_times(proxied, proxy, shop):
    """Each asks for 300 to 600 s and gives up 30 s after them."""
    async with AsyncExitStack() as stack:
        for _ in range(30):
            how = {"namespace": shop.namespace}
            seen = await stack.enter_async_context(reading(proxied, **how))
            await seen.until_open()
        await seen.until(lambda: proxy.count()["watch"] == 30)

    found = {request.query.get("timeoutSeconds") for request in proxy.requests}
    seconds = {int(text) for text in found if text}
    assert all(300 <= each < 600 for each in seconds)
    assert len(seconds) > 20
    assert client_module.WATCH_GRACE_SECONDS == 30


async def test_b2_a_good_end_is_followed_by_a_watch(
    proxied, proxy, shop, short_watches
):
    """The server ends one watch after the other; nothing is lost, nothing listed."""
    short_watches(1)
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        proxy.requests.clear()
        created = [revision_of(await shop.event("e0"))]
        while seen.counts["reconnect-end"] < 3:
            created.append(revision_of(await shop.event(f"e{len(created)}")))
            await asyncio.sleep(0.05)
        await seen.until_version(created[-1])

    assert seen.versions == created
    assert set(proxy.count()) == {"watch"}
    assert (seen.errors, seen.counts.keys()) == ([], {"reconnect-end"})


async def test_b3_an_expired_watch_is_repaired_once(
    plane, proxied, proxy, shop, short_watches
):
    """One watch is refused by 410, one snapshot is read, and it goes on from there."""
    short_watches(1)
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        for name in ("b", "c"):
            await shop.create("v1/configmaps", {"metadata": {"name": name}})
        await shop.compact(plane.etcd.current_revision())
        await seen.until(lambda: seen.counts["relist"])
        after = revision_of(await shop.event("after"))
        await seen.until_version(after)

    assert seen.versions == [after]
    assert (seen.counts["expired"], seen.counts["relist"]) == (1, 1)
    assert seen.errors == []


async def test_b4_an_empty_watch_is_tried_twice_and_then_doubted(proxied, proxy, shop):
    """After the second one the cursor is probed, with longer waits, and it recovers."""
    cursor = await shop.revision()
    proxy.fault(empty(), kinds=["watch"], times=3)
    async with reading(proxied, namespace=shop.namespace, cursor=str(cursor)) as seen:
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    kinds = [request.kind for request in proxy.requests]
    assert kinds.index("list-exact", 1) == 3, kinds
    assert (seen.counts["watch-empty"], kinds.count("watch")) == (3, 4)
    assert seen.versions == [created]


async def test_b5_a_server_that_is_down_is_asked_ever_more_rarely(
    plane, wired, wire, shop, monkeypatch
):
    """0.8 s, doubled each time and stretched at random, until it is back."""
    delays = []
    usual = patience.delay_seconds

    def note(error, *, backoff_seconds, random):
        delays.append(usual(error, backoff_seconds=backoff_seconds, random=random))
        return delays[-1] / 10

    monkeypatch.setattr(patience, "delay_seconds", note)
    async with reading(wired, namespace=shop.namespace) as seen:
        await seen.until_open()
        wire.refuse()
        wire.reset()
        await seen.until(lambda: len(delays) >= 4)
        wire.heal()
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    for delay, least in zip(delays, (0.8, 1.6, 3.2, 6.4), strict=False):
        assert least <= delay < 2 * least
    assert seen.counts["relist"] == 0


async def test_b6_a_throttled_watch_waits_as_long_as_it_is_told(proxied, proxy, shop):
    """429 with Retry-After: the same version again, no sooner, and no snapshot."""
    proxy.fault(
        refusal(429, "TooManyRequests", retry_after=2), kinds=["watch"], times=2
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert loop.time() - began >= 4
    assert all(isinstance(error, ThrottledError) for error in seen.errors)
    assert seen.counts["relist"] == 0
    watches = [one for one in proxy.requests if one.kind == "watch"]
    assert len({one.query["resourceVersion"] for one in watches}) == 1


@pytest.mark.parametrize("kinds", [["list"], ["list-exact"]])
async def test_b7_a_lagging_replica_is_asked_again(proxied, proxy, shop, kinds):
    """504, too large: it waits as told and asks again, and nothing is rolled back."""
    cursor = str(await shop.revision())
    causes = [{"reason": "ResourceVersionTooLarge"}]
    too_large = refusal(504, "Timeout", retry_after=1, causes=causes)
    proxy.fault(too_large, kinds=kinds, times=1)
    known = cursor if kinds == ["list-exact"] else None
    async with reading(proxied, namespace=shop.namespace, cursor=known) as seen:
        await seen.until_open()
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert (seen.versions, seen.gaps) == ([created], [])
    assert len(seen.errors) == 1


@pytest.mark.usefixtures("impatient")
async def test_b8_broken_connections_lose_nothing(wired, wire, shop):
    """Reset, closed and truncated 60 times: every revision once, and no snapshot."""
    created = []
    async with reading(wired, namespace=shop.namespace) as seen:
        await seen.until_open()
        for number in range(60):
            (wire.reset, wire.close_all, lambda: wire.truncate(300))[number % 3]()
            created.append(revision_of(await shop.event(f"e{number}")))
            await asyncio.sleep(0.02)
            wire.heal()
        await seen.until_version(created[-1])

    assert seen.versions == created
    assert seen.counts["reconnect-error"] > 10
    assert (seen.counts["relist"], seen.gaps) == (0, [])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (html(503), ApiStatusError, "503"),
        (html(200), UnreadableError, "text/html"),
        (refusal(401, "Unauthorized"), ApiStatusError, "401"),
    ],
    ids=["503 HTML", "200 HTML", "401 JSON"],
)
async def test_b9_what_is_no_watch_is_never_read(
    proxied, proxy, shop, fault, error, said
):
    """Status and content type come before the first line."""
    proxy.fault(fault, kinds=["watch"], times=2)
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        created = revision_of(await shop.event("a"))
        await seen.until(lambda: len(seen.errors) >= 1)
        await seen.until_version(created)

    assert isinstance(seen.errors[0], error)
    assert said in str(seen.errors[0])
    assert seen.versions == [created]


@pytest.mark.usefixtures("impatient")
async def test_b10_an_object_that_cannot_be_read_is_passed(plane, client, shop):
    """Three failures at one version: then a snapshot, and a gap that says so."""
    cursor = await shop.revision()
    key = f"/registry/events/{shop.namespace}/broken".encode()
    name, value = (base64.b64encode(each).decode() for each in (key, b"k8s\0rubbish"))
    plane.etcd._call("kv/put", {"key": name, "value": value})
    plane.etcd._call("kv/deleterange", {"key": name})
    after = revision_of(await shop.event("after"))

    async with reading(client, namespace=shop.namespace, cursor=str(cursor)) as seen:
        await seen.until_version(after)

    assert (len(seen.errors), seen.versions) == (3, [after])
    assert [gap.cause for gap in seen.gaps] == ["unreadable"]
    assert (seen.counts["unreadable"], seen.counts["relist"]) == (1, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "status", [{}, {"code": 410}, {"reason": "Gone"}, {"code": 500}]
)
async def test_b10_an_error_may_lack_reason_and_code(proxied, proxy, shop, status):
    """Whatever an ERROR line says or leaves out, the watch goes on after it."""
    line = json.dumps({"type": "ERROR", "object": status}).encode()
    proxy.fault(Inject(lines=(line,), is_ended=True), kinds=["watch"], times=1)
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert seen.versions == [created]
    assert seen.gaps == []


async def test_b11_a_line_that_is_cut_off_does_not_count(plane, client, shop):
    """Truncated after any byte, a stream says exactly its complete lines."""
    cursor = await shop.revision()
    for name in "abc":
        await shop.event(name)
    path = f"/api/v1/namespaces/{shop.namespace}/events"
    query = {"watch": "true", "resourceVersion": str(cursor), "timeoutSeconds": "1"}
    async with shop.http.get(path, params=query, headers=shop.authorization) as answer:
        recorded = await answer.read()

    for offset in range(len(recorded) + 1):
        start = recorded[:offset]
        assert LineSplitter().feed(start) == start.split(b"\n")[:-1]
    assert recorded.count(b"\n") == 3


@pytest.mark.usefixtures("impatient")
async def test_b11_what_was_cut_off_comes_again(proxied, proxy, shop):
    """A connection that breaks after some bytes, and then after some more."""
    cursor = await shop.revision()
    created = [revision_of(await shop.event(name)) for name in "abcd"]
    for offset in range(1, 1500, 61):
        proxy.fault(Cut(after=offset), kinds=["watch"], times=1)
    async with reading(proxied, namespace=shop.namespace, cursor=str(cursor)) as seen:
        await seen.until_version(created[-1])

    assert seen.versions == created
    assert seen.counts["reconnect-error"] > 5


async def test_b12_what_is_not_understood_is_counted_and_passed(proxied, proxy, shop):
    """An unknown type, and an object without metadata, stop nothing."""
    lines = (
        b'{"type":"RENAMED","object":{"metadata":{"resourceVersion":"7"}}}',
        b'{"type":"ADDED","object":{"kind":"Event"}}',
        b'{"type":"ADDED"}',
    )
    proxy.fault(Inject(lines=lines), kinds=["watch"])
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until(lambda: seen.counts["line-skipped"] == len(lines))
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert (seen.versions, seen.errors) == ([created], [])
    assert proxy.count()["watch"] == 1
