"""Watches that begin in a past that is gone, or in a future that is to come."""

import pytest

from tests.contract.client import INITIAL, Client, gist, revision_of, types


async def test_a_watch_from_a_compacted_version_says_that_it_is_gone(api: Client):
    """The answer is 200; the error is the only line."""
    start = revision_of(await api.event("one"))
    await api.patch("one", {"count": 2})
    edge = revision_of(await api.patch("one", {"count": 3}))
    await api.compact(edge)

    async with api.watch(resourceVersion=start) as stream:
        lines = await stream.rest()

    assert types(lines) == ["ERROR"]
    status = lines[0]["object"]
    assert (status["kind"], status["code"]) == ("Status", 410)
    assert (status["reason"], "too old" in status["message"]) == ("Expired", True)


async def test_a_watch_from_the_compacted_version_works(api: Client):
    """The compacted revision is the oldest from which a watch can begin."""
    edge = revision_of(await api.event("one"))
    await api.patch("one", {"count": 2})
    await api.compact(edge)

    async with api.watch(resourceVersion=edge) as stream:
        first = await stream.next()

    assert gist([first]) == [("MODIFIED", "one")]


async def test_one_before_the_compacted_version_a_change_is_an_error(api: Client):
    """The store has that write, but no longer what was there before it: 500, not 410.

    It will never be otherwise, so that a client that tries again tries for ever.
    """
    start, edge = await _neighbours(api)
    await api.compact(edge)

    async with api.watch(resourceVersion=start) as stream:
        lines = await stream.rest()

    assert types(lines) == ["ERROR"]
    status = lines[0]["object"]
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert "etcd event received with PrevKv=nil" in status["message"]


async def _neighbours(api: Client) -> tuple[int, int]:
    """Change an Event until no write of the server's own came between two changes."""
    start = revision_of(await api.event("one"))
    for count in range(2, 52):
        edge = revision_of(await api.patch("one", {"count": count}))
        if edge == start + 1:
            return start, edge
        start = edge
    pytest.fail("another write came between all of 50 changes")


async def test_one_before_the_compacted_version_a_creation_is_shown(api: Client):
    """Nothing was there before a creation, so nothing is missed."""
    edge = revision_of(await api.event("one"))
    await api.compact(edge)

    async with api.watch(resourceVersion=edge - 1) as stream:
        first = await stream.next()

    assert gist([first]) == [("ADDED", "one")]


async def test_compaction_does_not_end_a_watch(api: Client):
    """A watch that is up to date does not need the past."""
    async with api.watch(resourceVersion=await api.revision()) as stream:
        await api.event("one")
        await stream.next()
        await api.compact(revision_of(await api.patch("one", {"count": 2})))
        await api.patch("one", {"count": 3})
        lines = await stream.take(2)

    assert types(lines) == ["MODIFIED", "MODIFIED"]


@pytest.mark.parametrize("resource", ["v1/events", "v1/configmaps"])
async def test_a_watch_from_the_future_is_silent(api: Client, resource):
    """A server that was rolled back does not say so."""
    query = {"resourceVersion": 10**9, "timeoutSeconds": 1}

    async with api.watch(api.path(resource), **query) as stream:
        await api.create(resource, _something(api, resource))
        lines = await stream.rest()

    assert lines == []


def _something(api: Client, resource: str):
    about = {"kind": "Pod", "namespace": api.namespace, "name": "web"}
    more = {"involvedObject": about} if resource == "v1/events" else {}
    return {"metadata": {"name": "one"}, **more}


async def test_initial_events_from_the_future_are_refused(api: Client):
    """The error stands in the stream."""
    async with api.watch(**INITIAL, resourceVersion=10**9) as stream:
        lines = await stream.rest()

    assert types(lines) == ["ERROR"]
    status = lines[0]["object"]
    assert (status["code"], status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
