"""Deliveries over the API: replayed, backfilled and purged."""

import pytest

from bridge.errors import ClusterError
from bridge.operate import replay
from tests.unit.api.asking import PATH, ids, listed
from tests.unit.api.world import event


async def replayed(client, **body):
    """Return what came of a replay."""
    answer = await client.post(f"{PATH}/replay", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def waiting(world, sink):
    """Return the ids of what waits for a sink."""
    return [one.event.id async for one in world.queue.waiting(sink, None)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, ["d", "e", "a", "b", "c"]),
        ({"attribute": ["reason=Killing"]}, ["a", "b", "c"]),
        ({"route": "pods"}, ["e", "c"]),
        ({"state": "dead"}, ["e", "c"]),
        ({"state": "delivered"}, ["d", "c"]),
        ({"state": "waiting", "sink": "hook", "reason": "503"}, ["a", "b", "c"]),
        ({"handles": ["e1", "d1", "e1"]}, ["d", "e", "c"]),
    ],
    ids=str,
)
async def test_events_are_replayed_to_a_sink(client, world, mixed, body, found):
    """By handle or by choice; what waits there already, as c, is not doubled."""
    await replayed(client, toSink="spare", **body)

    assert await waiting(world, "spare") == found


async def test_a_replay_says_what_it_did(client, world, mixed):
    """How many wait now, and how far back it reached; they are counted."""
    answer = await replayed(client, toSink="spare")

    [oldest] = [one["stored"] for one in await listed(client, state="delivered")]
    assert (answer["replayed"], answer["skipped"], answer["kept"]) == (4, 1, 4)
    assert (answer["oldest"], answer["next"], answer["listed"]) == (oldest, None, [])
    assert world.counted("spare", "replayed") == 4


async def test_dead_letters_replayed_to_their_own_sink_are_none_any_more(
    client, world, mixed
):
    """They wait again; objects that could not be converted are left."""
    await world.reject(b'{"kind":"Event"}')

    answer = await replayed(client, toSink="hook", state="dead")

    assert (answer["replayed"], answer["skipped"]) == (1, 0)
    assert await ids(client, state="dead") == ["raw"]


async def test_a_replay_is_continued(client, world, mixed, monkeypatch):
    """`next` goes on; events that came meanwhile are not meant."""
    monkeypatch.setattr(replay, "STEP", 2)
    monkeypatch.setattr(replay, "MOST_SECONDS", 0.0)
    body = {"toSink": "spare"}
    while body.get("after", "") is not None:
        body["after"] = (await replayed(client, **body))["next"]
        await world.store(f"late-{body['after']}")

    assert await waiting(world, "spare") == ["d", "e", "a", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"toSink": "spare", "sink": "hook"},
        {"toSink": "spare", "handles": ["e1"], "backfill": True},
        {"toSink": "spare", "handles": ["e1"], "route": "all"},
        {"toSink": "spare", "handles": []},
        {"toSink": "spare", "handles": ["x1"]},
        {"toSink": "spare", "state": "dead", "backfill": True},
        {"toSink": "spare", "after": "x"},
    ],
    ids=str,
)
async def test_a_replay_without_sense_is_refused(client, body):
    """Nothing happens by mistake."""
    assert (await client.post(f"{PATH}/replay", json=body)).status_code == 422


async def test_a_replay_to_a_sink_that_is_not_there_is_404(client):
    """The error names it."""
    answer = await client.post(f"{PATH}/replay", json={"toSink": "none"})

    assert (answer.status_code, answer.json()["error"]) == (404, "no such sink: none")


async def test_backfill_goes_on_with_what_the_api_server_holds(client, world):
    """First what is stored and a route leads there, then lists without the same."""
    await world.store("a", "b")
    world.backfill.refused = {"b"}
    world.backfill.pages = [["a", "x"], ["b", "x", "y"]]

    answer = await replayed(client, toSink="spare", backfill=True)

    assert await waiting(world, "spare") == ["a"]
    assert world.backfill.put == ["x", "b", "y"]
    assert (answer["replayed"], answer["kept"], answer["next"]) == (4, 1, None)
    [reached] = answer["listed"]
    assert (reached["listed"], reached["replayed"]) == (5, 3)
    assert reached["oldest"] == "2026-11-20T10:00:00Z"


async def test_backfill_takes_what_is_chosen(client, world):
    """The same questions are asked of what is listed; its time is that of the event."""
    world.backfill.pages = [["x", "y"]]

    await replayed(
        client, toSink="spare", backfill=True, attribute=["id=y"], route="all"
    )
    await replayed(client, toSink="spare", backfill=True, since="2020-01-01T00:00:00Z")

    assert world.backfill.put == ["y"]
    assert event("x").time is None


async def test_backfill_is_continued(client, world, monkeypatch):
    """A page a request, if no more is possible in its time."""
    monkeypatch.setattr(replay, "MOST_SECONDS", 0.0)
    await world.store("a")
    world.backfill.pages = [["x"], ["y"]]
    body, answers = {"toSink": "spare", "backfill": True}, []
    while body.get("after", "") is not None:
        answers.append(await replayed(client, **body))
        body["after"] = answers[-1]["next"]

    assert [one["replayed"] for one in answers] == [1, 1, 1]
    assert world.backfill.put == ["x", "y"]


async def test_backfill_with_nothing_to_list_ends(client, world):
    """No source of the sink is read."""
    answer = await replayed(client, toSink="spare", backfill=True)

    assert (answer["replayed"], answer["next"], answer["listed"]) == (0, None, [])


async def test_backfill_says_when_the_api_server_does_not_answer(client, world):
    """503; the same request may come again."""
    world.backfill.fault = ClusterError("no answer")

    answer = await client.post(
        f"{PATH}/replay", json={"toSink": "hook", "backfill": True}
    )

    assert (answer.status_code, answer.json()) == (503, {"error": "no answer"})


async def test_waiting_deliveries_are_purged(client, world, mixed):
    """Those that are meant, and no others; they are counted."""
    body = {"sink": "hook", "reason": "503"}

    answer = await client.post(f"{PATH}/purge", json=body)

    assert answer.json() == {"purged": 2, "next": None}
    assert await waiting(world, "hook") == ["c"]
    assert await waiting(world, "spare") == ["c"]
    assert world.counted("hook", "purged") == 2


@pytest.mark.parametrize(
    ("path", "old"),
    [("events", "sink"), ("deliveries", "to"), ("dead-letters", "to")],
)
async def test_the_old_name_of_the_target_is_refused(client, mixed, path, old):
    """One word in all replays; whoever sends another is told the new one."""
    body = {old: "spare", "handles": ["e1"]}

    answer = await client.post(f"/api/v1/{path}/replay", json=body)

    assert answer.status_code == 422
    assert answer.json() == {"error": f"body: {old} was renamed to toSink"}
