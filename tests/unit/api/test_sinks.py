"""Sinks over the API."""

import time
from datetime import UTC, datetime

import pytest

from tests.unit.queue.samples import closed


async def sinks(client):
    """Return what is shown of each sink, by its name."""
    items = (await client.get("/api/v1/sinks")).json()["items"]
    return {item["name"]: item for item in items}


async def test_a_sink_is_shown_with_its_backlog(client, world):
    """What waits, what died, and how old the oldest is."""
    await world.store("a")
    await world.give_up()
    await world.store("b", "c")

    hook = (await sinks(client))["hook"]

    assert (hook["configured"], hook["state"]) == (True, "active")
    assert (hook["backlog"], hook["deadLetters"]) == (2, 1)
    assert 0 <= hook["oldestAgeSeconds"] < 10


async def test_an_idle_sink_has_no_oldest(client):
    """None waits."""
    assert (await sinks(client))["spare"]["oldestAgeSeconds"] is None


async def test_a_paused_sink_says_why(client, world):
    """State, reason, last error and the time of the next try."""
    status = world.health.sinks["hook"]
    status.state, status.reason = "paused", "401 Unauthorized"
    status.until = datetime(2026, 1, 2, tzinfo=UTC)

    hook = (await sinks(client))["hook"]

    assert (hook["state"], hook["reason"]) == ("paused", "401 Unauthorized")
    assert hook["until"] == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("error", "success", "failing"),
    [
        (None, None, False),
        (1, None, True),
        (2, 1, True),
        (1, 2, False),
        (None, 1, False),
    ],
)
async def test_an_error_is_known_to_be_over(client, world, error, success, failing):
    """It stays with its time, and is not taken for now (issue 10, item 21)."""
    status = world.health.sinks["hook"]
    status.last_error = "503"
    status.last_error_at = error and datetime(2026, 1, error, tzinfo=UTC)
    status.last_success_at = success and datetime(2026, 1, success, tzinfo=UTC)

    hook = (await sinks(client))["hook"]

    assert (hook["failing"], hook["lastError"]) == (failing, "503")
    assert (hook["lastErrorAt"] is None) == (error is None)


async def test_a_sink_says_how_many_it_has_taken(client, world):
    """Since the process started, from the books of the queue (issue 10, item 21)."""
    await world.store("a", "b")
    await world.deliver()
    await world.store("c")

    hook = (await sinks(client))["hook"]

    assert (hook["delivered"], hook["backlog"]) == (2, 1)


async def test_a_sink_that_is_no_longer_configured_is_shown_with_its_rows(
    client, world
):
    """What waits for it is kept, and said to be so."""
    await world.queue.open_sink("gone")
    await world.store("a", sinks=("gone",))

    gone = (await sinks(client))["gone"]

    assert (gone["configured"], gone["state"], gone["backlog"]) == (False, None, 1)


@pytest.mark.parametrize("name", ["hook", "gone"])
async def test_purge_ends_what_waits(client, world, name):
    """Also of a sink that is no longer configured; it is counted as intended."""
    await world.queue.open_sink("gone")
    await world.store("a", "b", sinks=(name,))

    answer = await client.post(f"/api/v1/sinks/{name}/purge")

    assert answer.json() == {"purged": 2}
    assert (await world.queue.depth(name)).waiting == 0
    assert world.counted(name, "purged") == 2


async def test_purge_leaves_dead_letters(client, world):
    """They have a purge of their own."""
    await world.store("a")
    await world.give_up()

    await client.post("/api/v1/sinks/hook/purge")

    assert (await world.queue.depth("hook")).dead == 1


async def test_resume_opens_the_gate(client, world):
    """The sink is tried at once."""
    await world.queue.gate("hook", closed(time.time() + 60, "401"))

    first = await client.post("/api/v1/sinks/hook/resume")
    again = await client.post("/api/v1/sinks/hook/resume")

    assert (first.json(), again.json()) == ({"resumed": True}, {"resumed": False})
    assert await world.queue.gated("hook") is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "stopped by an operator"),
        ({"reason": "moving house"}, "stopped by an operator: moving house"),
    ],
)
async def test_pause_shows_at_once_and_survives(client, world, body, reason):
    """State and reason are there before the answer is; the queue keeps them."""
    answer = await client.post("/api/v1/sinks/hook/pause", json=body)

    hook = (await sinks(client))["hook"]
    assert answer.json() == {"paused": True}
    assert (hook["state"], hook["reason"], hook["until"]) == ("stopped", reason, None)
    gate = await world.queue.gated("hook")
    assert (gate.kind, gate.until, gate.reason) == ("stopped", None, reason)


async def test_resume_ends_a_pause_by_an_operator(client, world):
    """State and gate are open again."""
    await client.post("/api/v1/sinks/hook/pause")

    answer = await client.post("/api/v1/sinks/hook/resume")

    assert answer.json() == {"resumed": True}
    assert (await sinks(client))["hook"]["state"] == "active"
    assert await world.queue.gated("hook") is None


@pytest.mark.parametrize("reason", ["a\nb", "x" * 257, 5])
async def test_a_reason_is_a_short_line(client, reason):
    """It goes into logs and lists."""
    answer = await client.post("/api/v1/sinks/hook/pause", json={"reason": reason})

    assert answer.status_code == 422


@pytest.mark.parametrize("verb", ["purge", "pause", "resume"])
async def test_a_sink_that_is_not_there_is_404(client, verb):
    """The error names it."""
    answer = await client.post(f"/api/v1/sinks/none/{verb}")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "no such sink: none"},
    )
