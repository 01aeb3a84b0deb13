"""Readers and cursors over the API."""

from datetime import UTC, datetime

import pytest

from bridge.health import ReaderStatus
from bridge.queue import Scope
from tests.unit.api.world import SCOPE, SCOPE_ID

PATH = f"/api/v1/cursors/{SCOPE_ID}"


async def test_sources_shows_what_each_reader_does(client):
    """State, cursor and last progress of each."""
    [reader] = (await client.get("/api/v1/sources")).json()["items"]

    assert reader["sources"] == ["events"]
    assert reader["state"] == "watching"
    assert reader["resourceVersion"] == "7"
    assert reader["lastProgress"] == "2026-01-02T00:00:00Z"


async def test_sources_shows_how_much_is_known_and_when_something_was_heard(
    client, world
):
    """Of a quiet resource too; objects are counted where they are remembered."""
    events = world.health.readers[0]
    events.last_read = datetime(2026, 1, 2, 3, tzinfo=UTC)
    world.health.readers.append(
        ReaderStatus(sources=("pods",), resource="pods", namespace="*", objects=12)
    )

    items = (await client.get("/api/v1/sources")).json()["items"]

    assert [one["lastRead"] for one in items] == ["2026-01-02T03:00:00Z", None]
    assert [one["objects"] for one in items] == [None, 12]


async def test_sources_shows_what_is_not_served(client, world):
    """As the configuration names it, with the reason."""
    absent = ReaderStatus(
        sources=("cats",),
        resource="shop.io/v1 Cat",
        namespace="*",
        state="absent",
        error="the API server does not serve shop.io/v1 Cat",
    )
    world.health.readers.append(absent)

    _, cats = (await client.get("/api/v1/sources")).json()["items"]

    assert (cats["resource"], cats["state"]) == ("shop.io/v1 Cat", "absent")
    assert (cats["started"], cats["resourceVersion"]) == (False, None)
    assert cats["error"].startswith("the API server does not serve")


async def test_cursors_are_listed_with_an_id_that_never_changes(client, world):
    """The id is a digest of the scope: the same in every process and version."""
    await world.store("a")

    [cursor] = (await client.get("/api/v1/cursors")).json()["items"]

    assert cursor["id"] == SCOPE_ID
    assert cursor["resourceVersion"] == "1"
    assert cursor["inUse"]


@pytest.mark.parametrize(
    "scope",
    [
        Scope(cluster="uid", resource="events", namespace="other"),
        Scope(cluster="uid", resource="events", namespace="shop", field_selector="a=b"),
        Scope(cluster="uid", resource="pods", namespace="shop"),
    ],
    ids=["namespace", "selector", "resource"],
)
async def test_a_cursor_that_no_source_uses_is_said_to_be_so(client, world, scope):
    """It is kept, for a source that comes may inherit it."""
    await world.queue.put([], scope=scope, since=None, to="5")

    [cursor] = (await client.get("/api/v1/cursors")).json()["items"]

    assert not cursor["inUse"]


async def test_a_cursor_can_be_set(client, world):
    """Reading goes on from there."""
    await world.store("a")

    answer = await client.put(PATH, json={"resourceVersion": "42"})

    assert answer.json()["resourceVersion"] == "42"
    assert await world.queue.cursor(SCOPE) == "42"


async def test_a_cursor_can_be_reset(client, world):
    """It is forgotten."""
    await world.store("a")

    answer = await client.delete(PATH)

    assert (answer.status_code, answer.content) == (204, b"")
    assert await world.queue.cursor(SCOPE) is None


@pytest.mark.parametrize("version", ["", "-1", "x", 5, "1" * 21])
async def test_a_cursor_is_only_set_to_a_version(client, world, version):
    """A typing error must not end in a cursor that no API server knows."""
    await world.store("a")

    answer = await client.put(PATH, json={"resourceVersion": version})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("body.resourceVersion: ")
    assert await world.queue.cursor(SCOPE) == "1"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_cursor_that_is_not_there_cannot_be_changed(client, world, method):
    """404 names it."""
    await world.store("a")
    path = "/api/v1/cursors/none"

    answer = await client.request(method, path, json={"resourceVersion": "1"})

    assert answer.status_code == 404
    assert answer.json() == {"error": "no such cursor: none"}


async def test_the_identity_of_a_cluster_can_only_be_reset(client, world):
    """Its version is a uid, which nobody types."""
    scope = Scope(cluster="prod", resource="@cluster")
    await world.queue.put([], scope=scope, since=None, to="uid")
    [cursor] = (await client.get("/api/v1/cursors")).json()["items"]
    path = f"/api/v1/cursors/{cursor['id']}"

    refused = await client.put(path, json={"resourceVersion": "1"})
    reset = await client.delete(path)

    assert (refused.status_code, reset.status_code) == (422, 204)
    assert "it can only be reset" in refused.json()["error"]
