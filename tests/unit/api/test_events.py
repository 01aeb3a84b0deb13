"""Kept events over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import QueueFullError
from bridge.operate import streams


async def listed(client, **params):
    """Return the ids on a page of events, and what is next."""
    answer = await client.get("/api/v1/events", params=params)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [item["attributes"]["id"] for item in page["items"]], page["next"]


async def handles(client):
    """Return the handle of each event by its id."""
    page = (await client.get("/api/v1/events")).json()
    return {item["attributes"]["id"]: item["handle"] for item in page["items"]}


async def test_events_are_listed_without_their_data(client, world):
    """Attributes, where they wait, and how large they are."""
    await world.store("a", sinks=("hook", "spare"))
    await world.deliver("spare")

    [item] = (await client.get("/api/v1/events")).json()["items"]

    assert item["attributes"]["reason"] == "BackOff"
    assert "data" not in item["attributes"]
    assert item["waiting"] == ["hook"]
    assert item["sizeBytes"] > 100


async def test_events_are_paged_by_handle(client, world):
    """`next` leads on, and is null at the end."""
    await world.store("a", "b", "c")

    first, after = await listed(client, limit=2)
    second, end = await listed(client, limit=2, after=after)

    assert (first, second, end) == (["c", "b"], ["a"], None)


async def test_a_request_looks_at_a_bounded_number_of_rows(client, world, monkeypatch):
    """A filter that matches nothing does not read the whole file at once."""
    monkeypatch.setattr(streams, "MOST_SCANNED", 2)
    await world.store("a", "b", "c")

    found, after = await listed(client, attribute="id=a")
    rest, end = await listed(client, attribute="id=a", after=after)

    assert (found, rest, end) == ([], ["a"], None)


async def test_events_are_chosen_by_attribute(client, world):
    """All that are named must be equal; an attribute may hold an equals sign."""
    await world.store("a", reason="x=y")
    await world.store("b", reason="Killing")

    assert (await listed(client, attribute="reason=x=y"))[0] == ["a"]
    assert (await listed(client, attribute=["reason=Killing", "id=a"]))[0] == []


async def test_events_are_chosen_by_the_sink_they_wait_for(client, world):
    """Those that were delivered there are left out."""
    await world.store("a")
    await world.deliver()
    await world.store("b")

    assert (await listed(client, waiting="hook"))[0] == ["b"]


@pytest.mark.parametrize(("hours", "found"), [(-1, ["a"]), (1, [])])
@pytest.mark.parametrize("zone", [UTC, None])
async def test_events_are_chosen_by_time(client, world, hours, found, zone):
    """A time without a zone is UTC."""
    await world.store("a")
    since = datetime.now(UTC).replace(tzinfo=zone) + timedelta(hours=hours)

    assert (await listed(client, since=since.isoformat()))[0] == found


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"attribute": "reason"}, "attribute: expected text, got ''"),
        ({"attribute": "Reason=x"}, "attribute: expected the name of an attribute"),
        ({"limit": 0}, "query.limit: input should be greater than or equal to 1"),
        ({"limit": 501}, "query.limit: input should be less than or equal to 500"),
        ({"since": "soon"}, "query.since: "),
        ({"after": "x"}, "handle 'x': expected e and a number"),
    ],
    ids=str,
)
async def test_a_question_without_sense_is_422(client, params, error):
    """The error names the parameter."""
    answer = await client.get("/api/v1/events", params=params)

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)


async def test_one_event_is_shown_whole(client, world):
    """With its data."""
    await world.store("a", "b")
    handle = (await handles(client))["b"]

    event = (await client.get(f"/api/v1/events/{handle}")).json()["event"]

    assert (event["id"], event["data"]) == ("b", {"a": 1})


async def test_an_event_that_is_not_there_is_404(client):
    """The error names the handle."""
    answer = await client.get("/api/v1/events/e999")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "no such handle: e999"},
    )


async def test_events_are_replayed_to_a_sink(client, world):
    """They wait again with the same ids, and are counted."""
    await world.store("a", "b")
    await world.deliver()
    known = await handles(client)

    answer = await client.post(
        "/api/v1/events/replay",
        json={"toSink": "hook", "handles": [known["a"], "e999"]},
    )

    assert answer.json() == {"replayed": 1, "skipped": 1}
    assert (await world.queue.depth("hook")).waiting == 1
    assert world.counted("hook", "replayed") == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"toSink": "gone", "handles": ["e1"]}, 404),
        ({"toSink": "hook", "handles": []}, 422),
        ({"toSink": "hook", "handles": ["e1"] * 1001}, 422),
        ({"toSink": "hook", "handles": ["x"]}, 422),
        ({"toSink": "hook", "handles": ["e1"], "more": 1}, 422),
        ({"handles": ["e1"]}, 422),
    ],
    ids=["sink", "none", "many", "handle", "key", "no sink"],
)
async def test_a_replay_without_sense_is_refused(client, body, code):
    """Nothing is put into the queue."""
    answer = await client.post("/api/v1/events/replay", json=body)

    assert answer.status_code == code
    assert answer.json()["error"]


async def test_a_queue_that_cannot_answers_503(client, world, monkeypatch):
    """It is the store's state, not the question, that is at fault."""

    async def refuse(*_):
        raise QueueFullError("the volume is full")

    monkeypatch.setattr(world.queue, "enqueue", refuse)

    answer = await client.post(
        "/api/v1/events/replay", json={"toSink": "hook", "handles": ["e1"]}
    )

    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "the volume is full"},
    )
